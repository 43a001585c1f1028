"""What was said: calls, conversations, feedback, texts compared."""

__all__: list[str] = []  # each module is imported where it is needed
