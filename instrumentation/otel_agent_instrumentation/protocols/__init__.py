"""Protocols between agents and tools."""

__all__: list[str] = []  # an entry point names each module
