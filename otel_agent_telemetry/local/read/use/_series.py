"""Use over time: calls, tokens, errors and cost of each hour or day, stacked by what they were spent on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypedDict

from otel_agent_telemetry.local.read._moments import iso
from otel_agent_telemetry.local.store._hours import COUNTED, KEYS, used
from otel_agent_telemetry.local.store._spending import Cost, costs_by_key
from otel_agent_telemetry.local.store._tables import HOUR_NS
from otel_agent_telemetry.meaning import undated

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

__all__ = ["STACKS", "STEPS_NS", "SeriesShape", "UsePoint", "series"]

STEPS_NS = {"hour": HOUR_NS, "day": 24 * HOUR_NS}
"""Length of a step in nanoseconds; steps begin at full hours and days of UTC."""
STACKS = tuple(KEYS)
_LATEST = 2**63 - 1
_MOST_TIMES = 1000
_SESSIONS = """
SELECT session FROM attendances WHERE start_ns >= ? AND start_ns <= ? GROUP BY session
ORDER BY coalesce(sum(input), 0) + coalesce(sum(output), 0) DESC, session
"""
_OF_SESSIONS = "CASE WHEN key IS NULL OR key IN (SELECT value FROM json_each(:top)) THEN key ELSE '' END"


class UsePoint(TypedDict):
    """What one key spent in one step of time, which ``start`` begins; figures as in a row of ``usage``."""

    start: str
    key: str | None
    calls: int
    errors: int
    tool_calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    cost_is_estimate: bool
    unpriced_calls: int


class SeriesShape(TypedDict):
    """Use over time, forward; ``keys`` from the one with the most tokens on, those beyond the top added up as others.

    ``others`` is how many keys that is, each under the key ``""``. ``step_ms`` is the length of a step. Where more
    steps than 1,000 hold something, ``left_out`` says how many of the earliest are not there.
    """

    step_ms: int
    keys: list[str | None]
    others: int
    left_out: int
    points: list[UsePoint]


def series(
    connection: sqlite3.Connection,
    step: str,
    stack: str,
    *,
    since_ns: int | None = None,
    until_ns: int | None = None,
    top: int = 7,
) -> SeriesShape:
    """Use by a step of :data:`STEPS_NS` and one of :data:`STACKS`, the ``top`` keys by themselves."""
    hours_of_step = STEPS_NS[step] // HOUR_NS
    period = (since_ns or 0, _LATEST if until_ns is None else until_ns)
    sessions = _sessions(connection, period) if stack == "session" else []
    time = f"hour / {hours_of_step}"
    if stack == "session":
        found = used(connection, stack, period, hour=time, key=_OF_SESSIONS, top=json.dumps(sessions[:top]))
    else:
        found = used(connection, stack, period, hour=time)
    rows = [row for row in found if any(row[-COUNTED:])]
    times = sorted({row[0] for row in rows})
    first = times[-_MOST_TIMES:][0] if times else 0
    shown = _shown_keys(rows, stack)
    keys = _ranked([row for row in rows if row[0] >= first], shown)
    kept = {*keys[:top]}
    groups: dict[tuple[int, str | None], list[Any]] = {}
    for row in rows:
        if row[0] >= first:
            name = shown[row[1]]
            groups.setdefault((row[0], name if name in kept else ""), []).append(row)
    points = [_point(iso(time * STEPS_NS[step])[:16] + "Z", name, found) for (time, name), found in groups.items()]
    return {
        "step_ms": STEPS_NS[step] // 10**6,
        "keys": keys[:top],
        "others": len(keys[top:]) + len(sessions[top:]),
        "left_out": max(len(times) - _MOST_TIMES, 0),
        "points": sorted(points, key=lambda point: (point["start"], str(point["key"]))),
    }


def _sessions(connection: sqlite3.Connection, period: tuple[int, int]) -> list[str]:
    """The sessions of the period, those with the most tokens first."""
    return [row[0] for row in connection.execute(_SESSIONS, period)]


def _shown_keys(rows: Iterable[Any], stack: str) -> dict[str | None, str | None]:
    """Each key by what it is shown as: of a model's dated and undated name the latter."""
    names = {row[1] for row in rows}
    if stack != "model":
        return {name: name for name in names}
    return {name: undated(name) if name is not None and undated(name) in names else name for name in names}


def _ranked(rows: Iterable[Any], shown: dict[str | None, str | None]) -> list[str | None]:
    most: dict[str | None, tuple[int, int]] = {}
    for row in rows:
        figures = row[-COUNTED:]
        tokens, calls = most.get(shown[row[1]], (0, 0))
        most[shown[row[1]]] = (tokens + (figures[4] or 0) + (figures[5] or 0), calls + figures[0] + figures[2])
    most.pop("", None)
    return sorted(most, key=lambda key: (*(-figure for figure in most[key]), str(key)))


def _point(start: str, key: str | None, rows: list[Any]) -> UsePoint:
    cost = costs_by_key((0, *row[2:-COUNTED]) for row in rows).get(0, Cost())
    calls, errors, tools, _, given, made = (sum(row[-COUNTED + at] or 0 for row in rows) for at in range(6))
    return {
        "start": start,
        "key": key,
        "calls": calls,
        "errors": errors,
        "tool_calls": tools,
        "input_tokens": given,
        "output_tokens": made,
        "cost_usd": cost.usd,
        "cost_is_estimate": cost.is_estimate,
        "unpriced_calls": cost.unpriced,
    }
