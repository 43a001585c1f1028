"""Usage as ``usage`` gives it, from what is remembered of each hour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_agent_telemetry.local.read.use._hourly import COUNTED
from otel_agent_telemetry.local.read.use._sums import usage_shapes
from otel_agent_telemetry.local.store._spending import costs_by_key

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from otel_agent_telemetry.local.read._shapes import UsageShape
    from otel_agent_telemetry.local.read.use._hourly import HourlyUse

__all__ = ["REMEMBERED", "remembered_usage"]

REMEMBERED = ("model", "agent", "tool")
"""The groupings that hours are remembered by."""
_GROUPED = 4  # key, model, provider, size of the call
_LATEST = 2**63 - 1


def remembered_usage(
    connection: sqlite3.Connection,
    by: str,
    hourly: HourlyUse,
    *,
    since_ns: int | None,
    until_ns: int | None,
    identity: object = None,
) -> list[UsageShape]:
    """As ``usage`` by one of :data:`REMEMBERED`; only hours in which something changed are added up again."""
    period = (since_ns or 0, _LATEST if until_ns is None else until_ns)
    rows = [row[1:] for row in hourly.rows(connection, by, period, identity)]
    spent = _added_up((row[:-COUNTED] for row in rows), _GROUPED)
    counts = _added_up(((row[0], 0, *row[-COUNTED:]) for row in rows), 1)
    return usage_shapes(by, [(row[0], *row[2:]) for row in counts], costs_by_key(spent))


def _added_up(rows: Iterable[Any], grouped: int) -> list[Any]:
    """One row for all with the same first columns: of the next the greatest, of the rest the sums."""
    found: dict[Any, list[Any]] = {}
    for row in rows:
        known = found.get(row[:grouped])
        if known is None:
            found[row[:grouped]] = [*row]
            continue
        known[grouped] = max((each for each in (known[grouped], row[grouped]) if each is not None), default=None)
        for index in range(grouped + 1, len(row)):
            if row[index] is not None:
                known[index] = row[index] + (known[index] or 0)
    return [*found.values()]
