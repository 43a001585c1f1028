"""Tokens, calls, errors and cost, by what they were spent on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_agent_telemetry.local.read._moments import iso
from otel_agent_telemetry.local.store._spending import SPENDING, Cost, costs_by_key, sums
from otel_agent_telemetry.meaning import undated

if TYPE_CHECKING:
    import sqlite3

    from otel_agent_telemetry.local.read._shapes import UsageShape

__all__ = ["COUNTS", "GROUPINGS", "KINDS", "usage", "usage_shapes"]

_HOUR_NS = 3600 * 10**9
GROUPINGS = {
    "model": "steps.model",
    "agent": "steps.agent",
    "tool": "steps.tool",
    "session": "steps.session",
    "hour": f"steps.start_ns / {_HOUR_NS}",
    "day": f"steps.start_ns / {24 * _HOUR_NS}",
}
COUNTS = """
sum(kind = 'model' AND counted), sum(error IS NOT NULL AND counted AND kind IN ('model', 'tool')),
sum(kind = 'tool' AND counted), sum(kind = 'agent' AND counted),
sum(CASE WHEN spends & 1 THEN input END), sum(CASE WHEN spends & 2 THEN output END),
sum(CASE WHEN spends & 4 THEN cache_read END), sum(CASE WHEN spends & 8 THEN cache_write END),
sum(CASE WHEN spends & 16 THEN reasoning END)
"""
KINDS = {"model": f"AND (steps.kind IN ('model', 'embedding') OR {SPENDING})", "tool": "AND steps.kind = 'tool'"}
_LATEST = 2**63 - 1


def usage(
    connection: sqlite3.Connection, by: str, *, since_ns: int | None = None, until_ns: int | None = None
) -> list[UsageShape]:
    """Usage by one of :data:`GROUPINGS`; time goes forward, all else goes by tokens."""
    key = GROUPINGS[by]
    where = f"WHERE steps.start_ns >= ? AND steps.start_ns <= ? {KINDS.get(by, '')}"
    period = (since_ns or 0, _LATEST if until_ns is None else until_ns)
    costs = costs_by_key(
        connection.execute(f"SELECT {key}, {sums()} FROM steps {where} AND {SPENDING} GROUP BY 1, 2, 3, 4", period)
    )
    rows = connection.execute(f"SELECT {key}, {COUNTS} FROM steps {where} GROUP BY 1", period).fetchall()
    return usage_shapes(by, rows, costs)


def usage_shapes(by: str, rows: list[Any], costs: dict[Any, Cost]) -> list[UsageShape]:
    """What ``usage`` gives, from rows of (key, *COUNTS) and the costs by key."""
    if by == "model":
        rows, costs = _by_undated_name(rows, costs)
    shapes = [_usage_shape(_key_text(row[0], by), row[1:], costs.get(row[0], Cost())) for row in rows if any(row[1:])]
    if by in {"hour", "day"}:
        return sorted(shapes, key=lambda shape: shape["key"] or "")
    return sorted(shapes, key=lambda shape: (-_tokens(shape), -shape["calls"], shape["key"] or ""))


def _by_undated_name(rows: list[Any], costs: dict[Any, Cost]) -> tuple[list[Any], dict[Any, Cost]]:
    """One row for a model that stands under a dated and an undated name, by the latter."""
    names = {row[0] for row in rows if row[0] is not None}
    shown = {name: undated(name) if undated(name) in names else name for name in names}
    sums: dict[Any, list[Any]] = {}
    merged: dict[Any, Cost] = {}
    for name, *figures in rows:
        key = shown.get(name)
        known = sums.setdefault(key, [None] * len(figures))
        sums[key] = [more if total is None else total + (more or 0) for total, more in zip(known, figures, strict=True)]
        merged[key] = merged.get(key, Cost()) + costs.get(name, Cost())
    return [(key, *figures) for key, figures in sums.items()], merged


def _tokens(shape: UsageShape) -> int:
    return (shape["input_tokens"] or 0) + (shape["output_tokens"] or 0)


def _key_text(key: object, by: str) -> str | None:
    if key is None or not isinstance(key, int):
        return None if key is None else str(key)
    return iso(key * _HOUR_NS)[:13] + ":00Z" if by == "hour" else iso(key * 24 * _HOUR_NS)[:10]


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
