"""Processes, and pools of processes and threads: what surrounds a piece of work goes with it."""

__all__: list[str] = []  # an entry point names each module
