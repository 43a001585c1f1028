"""Costs of groups of steps: what spans report, and estimates for the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otel_agent_telemetry.local.read._prices import estimate

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["SUMS", "Cost", "cost_of", "costs_by_key"]

_UNPRICED = "steps.spends & 96 = 0"
_KNOWN = "(steps.input IS NOT NULL OR steps.output IS NOT NULL)"
SUMS = f"""
steps.model, steps.provider, sum(CASE WHEN steps.spends & 32 THEN steps.cost END),
sum({_UNPRICED} AND {_KNOWN}), sum({_UNPRICED} AND NOT {_KNOWN} AND steps.error IS NULL),
coalesce(sum(CASE WHEN {_UNPRICED} THEN steps.input END), 0),
coalesce(sum(CASE WHEN {_UNPRICED} THEN steps.output END), 0),
coalesce(sum(CASE WHEN {_UNPRICED} THEN steps.cache_read END), 0),
coalesce(sum(CASE WHEN {_UNPRICED} THEN steps.cache_write END), 0)
"""
"""Select these of :data:`SPENDING` after a key, grouped by key, model and provider, for :func:`costs_by_key`."""

SPENDING = "(steps.spends OR (steps.counted AND steps.kind = 'model'))"
"""The steps that may have cost something."""


@dataclass(frozen=True, slots=True)
class Cost:
    """US dollars, None where nothing is known; ``unpriced`` are calls whose cost nobody knows, and is not in it."""

    usd: float | None = None
    is_estimate: bool = False
    unpriced: int = 0

    def __add__(self, other: Cost) -> Cost:
        """Both together; an unknown one adds nothing."""
        known = [each.usd for each in (self, other) if each.usd is not None]
        return Cost(
            sum(known) if known else None, self.is_estimate or other.is_estimate, self.unpriced + other.unpriced
        )


def cost_of(model: str | None, provider: str | None, reported: float | None, tokens: tuple[int, int, int, int]) -> Cost:
    """What is reported, else an estimate from (input, output, cache read, cache write) tokens."""
    if reported is not None:
        return Cost(reported)
    given, made, read, written = tokens
    usd = estimate(model, provider, input_tokens=given, output_tokens=made, cache_read=read, cache_write=written)
    return Cost(usd, is_estimate=usd is not None, unpriced=int(usd is None))


def costs_by_key(rows: Iterable[Any]) -> dict[Any, Cost]:
    """Cost of each key from rows of (key, *:data:`SUMS`)."""
    costs: dict[Any, Cost] = {}
    for key, model, provider, reported, metered, unmetered, *tokens in rows:
        cost = costs.get(key, Cost()) + Cost(reported, unpriced=unmetered)
        if metered:
            guessed = cost_of(model, provider, None, tuple(tokens))
            cost += Cost(guessed.usd, guessed.is_estimate, metered if guessed.usd is None else 0)
        costs[key] = cost
    return costs
