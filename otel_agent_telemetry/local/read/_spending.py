"""Costs of groups of steps: what spans report, and estimates for the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otel_agent_telemetry.local.read._prices import estimate

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["SUMS", "Cost", "cost_of", "costs_by_key"]

SUMS = """
steps.model, steps.provider, sum(steps.cost), sum(steps.cost IS NULL),
coalesce(sum(CASE WHEN steps.cost IS NULL THEN steps.input END), 0),
coalesce(sum(CASE WHEN steps.cost IS NULL THEN steps.output END), 0),
coalesce(sum(CASE WHEN steps.cost IS NULL THEN steps.cache_read END), 0),
coalesce(sum(CASE WHEN steps.cost IS NULL THEN steps.cache_write END), 0)
"""
"""Select these after a key, grouped by key, model and provider, for :func:`costs_by_key`."""


@dataclass(frozen=True, slots=True)
class Cost:
    """US dollars, None where nothing is known."""

    usd: float | None = None
    is_estimate: bool = False

    def __add__(self, other: Cost) -> Cost:
        """Both together; an unknown one adds nothing."""
        if self.usd is None or other.usd is None:
            return other if self.usd is None else self
        return Cost(self.usd + other.usd, self.is_estimate or other.is_estimate)


def cost_of(model: str | None, provider: str | None, reported: float | None, tokens: tuple[int, int, int, int]) -> Cost:
    """What is reported, else an estimate from (input, output, cache read, cache write) tokens."""
    if reported is not None:
        return Cost(reported)
    given, made, read, written = tokens
    usd = estimate(model, provider, input_tokens=given, output_tokens=made, cache_read=read, cache_write=written)
    return Cost(usd, is_estimate=usd is not None)


def costs_by_key(rows: Iterable[Any]) -> dict[Any, Cost]:
    """Cost of each key from rows of (key, *:data:`SUMS`)."""
    costs: dict[Any, Cost] = {}
    for key, model, provider, reported, _unreported, *tokens in rows:
        cost = Cost() if reported is None else Cost(reported)
        costs[key] = costs.get(key, Cost()) + cost + cost_of(model, provider, None, tuple(tokens))
    return costs
