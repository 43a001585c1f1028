"""Tokens, calls, errors and cost, by what they were spent on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_agent_telemetry.local.read._moments import iso
from otel_agent_telemetry.local.store._hours import COUNTED, KEYS, used
from otel_agent_telemetry.local.store._spending import Cost, costs_by_key
from otel_agent_telemetry.local.store._tables import HOUR_NS
from otel_agent_telemetry.meaning import undated

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from otel_agent_telemetry.local.read._shapes import UsageShape

__all__ = ["GROUPINGS", "usage"]

GROUPINGS = (*KEYS, "hour", "day")
_STACKED = ("session", "user", "agent", "tool")
"""Groupings whose keys are the store's own, so that the first of them can be told before anything is priced."""
_OF_TIME = {"hour": "hour", "day": "hour / 24"}
_LATEST = 2**63 - 1


def usage(
    connection: sqlite3.Connection,
    by: str,
    *,
    since_ns: int | None = None,
    until_ns: int | None = None,
    limit: int | None = None,
) -> list[UsageShape]:
    """Usage by one of :data:`GROUPINGS`; time goes forward, all else goes by tokens, ``limit`` of them at most."""
    period = (since_ns or 0, _LATEST if until_ns is None else until_ns)
    stack, key = ("agent", _OF_TIME[by]) if by in _OF_TIME else (by, "key")
    rows = used(connection, stack, period, hour="0", key=key, first=limit if by in _STACKED else None)
    counts = _added_up((row[1], *row[-COUNTED:]) for row in rows)
    costs = costs_by_key(row[1:-COUNTED] for row in rows)
    if by == "model":
        counts, costs = _by_undated_name(counts, costs)
    shapes = [_usage_shape(_key_text(row[0], by), row[1:], costs.get(row[0], Cost())) for row in counts if any(row[1:])]
    if by in _OF_TIME:
        return sorted(shapes, key=lambda shape: shape["key"] or "")
    return sorted(shapes, key=lambda shape: (-_tokens(shape), -shape["calls"], shape["key"] or ""))[:limit]


def _added_up(rows: Iterable[Any]) -> list[Any]:
    """One row for all of a key."""
    sums: dict[Any, list[Any]] = {}
    for key, *figures in rows:
        pairs = zip(sums.get(key, [None] * len(figures)), figures, strict=True)
        sums[key] = [more if total is None else total + (more or 0) for total, more in pairs]
    return [(key, *figures) for key, figures in sums.items()]


def _by_undated_name(rows: list[Any], costs: dict[Any, Cost]) -> tuple[list[Any], dict[Any, Cost]]:
    """One row for a model that stands under a dated and an undated name, by the latter."""
    names = {row[0] for row in rows if row[0] is not None}
    shown = {name: undated(name) if undated(name) in names else name for name in names}
    merged: dict[Any, Cost] = {}
    for name, cost in costs.items():
        merged[shown.get(name)] = merged.get(shown.get(name), Cost()) + cost
    return _added_up((shown.get(name), *figures) for name, *figures in rows), merged


def _tokens(shape: UsageShape) -> int:
    return (shape["input_tokens"] or 0) + (shape["output_tokens"] or 0)


def _key_text(key: object, by: str) -> str | None:
    if key is None or not isinstance(key, int):
        return None if key is None else str(key)
    return iso(key * HOUR_NS)[:13] + ":00Z" if by == "hour" else iso(key * 24 * HOUR_NS)[:10]


def _usage_shape(key: str | None, row: Any, cost: Cost) -> UsageShape:
    calls, errors, tools, runs, given, made, read, written, reasoned = row
    return {
        "key": key,
        "calls": calls,
        "errors": errors,
        "tool_calls": tools,
        "agent_runs": runs,
        "input_tokens": given,
        "output_tokens": made,
        "cache_read_tokens": read,
        "cache_write_tokens": written,
        "reasoning_tokens": reasoned,
        "cost_usd": cost.usd,
        "cost_is_estimate": cost.is_estimate,
        "unpriced_calls": cost.unpriced,
    }
