"""Costs of groups of steps: what spans report, and estimates for the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otel_agent_telemetry.meaning._prices import estimate, price_list

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Cost", "cost_of", "costs_by_key", "sizes", "sums"]

_UNPRICED = "steps.spends & 96 = 0"
_KNOWN = "steps.spends & 3"
_TOKENS = {"input": 1, "output": 2, "cache_read": 4, "cache_write": 8}

SPENDING = "(steps.spends OR (steps.counted AND steps.kind = 'model'))"
"""The steps that may have cost something."""


def sizes() -> str:
    """The sizes of calls that :func:`sums` tells apart, by today's price list."""
    prices = price_list()
    return "" if prices is None else " ".join(map(str, prices.steps))


def sums() -> str:
    """Select these of :data:`SPENDING` after a key, grouped by the first four columns, for :func:`costs_by_key`.

    Long calls may have prices of their own: calls of different size stand apart.
    """
    size = " + ".join(f"(coalesce(steps.input, 0) > {step})" for step in sizes().split())
    spent = (
        f"coalesce(sum(CASE WHEN {_UNPRICED} AND steps.spends & {bit} THEN steps.{name} END), 0)"
        for name, bit in _TOKENS.items()
    )
    return f"""
        steps.model, steps.provider, {size or "0"}, max(steps.input),
        sum(CASE WHEN steps.spends & 32 THEN steps.cost END), sum({_UNPRICED} AND {_KNOWN} > 0),
        sum({_UNPRICED} AND NOT {_KNOWN} AND steps.counted AND steps.kind = 'model' AND steps.error IS NULL),
        {", ".join(spent)}
    """


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


def cost_of(
    model: str | None,
    provider: str | None,
    reported: float | None,
    tokens: tuple[int, int, int, int],
    call_tokens: int | None = None,
) -> Cost:
    """What is reported, else an estimate from (input, output, cache read, cache write) tokens.

    ``call_tokens`` are the input tokens of one call, where the tokens are those of several.
    """
    if reported is not None:
        return Cost(reported)
    given, made, read, written = tokens
    usd = estimate(
        *(model, provider),
        input_tokens=given,
        output_tokens=made,
        cache_read=read,
        cache_write=written,
        call_tokens=call_tokens,
    )
    return Cost(usd, is_estimate=usd is not None, unpriced=int(usd is None))


def costs_by_key(rows: Iterable[Any]) -> dict[Any, Cost]:
    """Cost of each key from rows of (key, *:func:`sums`)."""
    costs: dict[Any, Cost] = {}
    for key, model, provider, _, size, reported, metered, unmetered, *tokens in rows:
        cost = costs.get(key, Cost()) + Cost(reported, unpriced=unmetered)
        if metered:
            guessed = cost_of(model, provider, None, tuple(tokens), size)
            cost += Cost(guessed.usd, guessed.is_estimate, metered if guessed.usd is None else 0)
        costs[key] = cost
    return costs
