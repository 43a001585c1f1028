"""What is kept: an event that was checked, the file of all of them, and files that others read."""

__all__: list[str] = []  # each module is imported where it is needed
