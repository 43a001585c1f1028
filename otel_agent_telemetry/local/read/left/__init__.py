"""Anonymous events: what left this machine, and what came to this server."""

__all__: list[str] = []  # each module is imported where it is needed
