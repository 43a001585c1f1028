"""Task queues and workflow engines: tasks from their creation in one process to their end in another."""

__all__ = ["SOURCE"]  # an entry point names each module

SOURCE = "queue"
"""Where a task came from that was taken out of a queue."""
