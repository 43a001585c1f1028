"""Log records and metrics."""

__all__: list[str] = []  # each module is imported where it is needed
