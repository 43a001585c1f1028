"""What is asked: traces, trees, usage, sessions, contents, differences."""

__all__: list[str] = []  # each module is imported where it is needed
