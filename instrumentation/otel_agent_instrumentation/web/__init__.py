"""Web frameworks: one span around each request."""

__all__: list[str] = []  # an entry point names each module
