"""Task queues and workflow engines: tasks from their creation in one process to their end in another."""

__all__: list[str] = []  # an entry point names each module
