"""The proxy at its address: what takes events, shows the report, and turns others away."""

__all__: list[str] = []  # each module is imported where it is needed
