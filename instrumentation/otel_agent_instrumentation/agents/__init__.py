"""Agent frameworks: runs, model calls, tools and conversations."""

__all__: list[str] = []  # an entry point names each module
