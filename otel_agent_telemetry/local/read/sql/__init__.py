"""Questions in SQL over documented views."""

__all__: list[str] = []  # each module is imported where it is needed
