"""Which traces and sessions: the query, the lists, what runs right now."""

__all__: list[str] = []  # each module is imported where it is needed
