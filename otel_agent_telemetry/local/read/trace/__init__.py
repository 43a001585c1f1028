"""One trace: its tree, its spans, two of them compared, taken away."""

__all__: list[str] = []  # each module is imported where it is needed
