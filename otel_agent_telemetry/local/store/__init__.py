"""What is kept: the SQLite file, how spans become rows, how traces are settled, and how old ones go."""

__all__: list[str] = []  # each module is imported where it is needed
