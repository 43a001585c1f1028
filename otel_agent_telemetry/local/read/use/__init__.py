"""Sums over many traces: tokens and cost, over time, by budget; latency; failures."""

__all__: list[str] = []  # each module is imported where it is needed
