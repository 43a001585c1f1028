"""Servers: when they start and stop."""

__all__: list[str] = []  # an entry point names each module
