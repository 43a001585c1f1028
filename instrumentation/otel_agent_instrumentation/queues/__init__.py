"""Task queues, schedulers, workflow engines and functions: tasks from their creation to their end elsewhere."""

__all__ = ["SOURCE"]  # an entry point names each module

SOURCE = "queue"
"""Where a task came from that was taken out of a queue."""
