"""What is at work right now: sessions of which something has just arrived, and traces that name none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

from otel_agent_telemetry.local.read._moments import iso
from otel_agent_telemetry.local.store._spending import SPENDING, Cost, costs_by_key, sums

if TYPE_CHECKING:
    import sqlite3

__all__ = ["RunningShape", "running"]

_MINUTE_NS = 60 * 10**9
_MOST = 100
_SESSIONS = """
SELECT attendances.session, max(attendances.agent), max(traces.service), max(traces.name), min(attendances.start_ns),
       max(attendances.end_ns), max(traces.received_ns), count(*), sum(attendances.calls), sum(attendances.tools),
       sum(attendances.errors), sum(attendances.input), sum(attendances.output)
FROM attendances JOIN traces ON traces.id = attendances.trace
WHERE attendances.session IN (
    SELECT recent.session FROM traces AS fresh JOIN attendances AS recent ON recent.trace = fresh.id
    WHERE fresh.received_ns >= ? ORDER BY fresh.received_ns DESC LIMIT ?)
GROUP BY attendances.session
"""
_TRACES = """
SELECT trace_id, agent, service, name, start_ns, end_ns, received_ns, 1, calls, tools, errors, input, output, id
FROM traces WHERE received_ns >= ? AND NOT folded AND calls + tools + runs + errors > 0
AND NOT EXISTS (SELECT 1 FROM attendances WHERE trace = traces.id) ORDER BY received_ns DESC LIMIT ?
"""
_LATELY = """
coalesce(sum((CASE WHEN steps.spends & 1 THEN steps.input ELSE 0 END)
           + (CASE WHEN steps.spends & 2 THEN coalesce(steps.output, 0) ELSE 0 END)), 0)
"""


class RunningShape(TypedDict):
    """A row of ``top``: a session with all its traces, or a trace that names none (``session`` is null).

    ``last`` is when something of it arrived, ``running_ms`` the time between its first span and the end of its last;
    ``tokens_per_minute`` are those of the calls that ended in the last minute.
    """

    session: str | None
    trace_id: str | None
    name: str
    agent: str | None
    service: str
    start: str
    last: str
    running_ms: float
    traces: int
    calls: int
    tools: int
    errors: int
    input_tokens: int | None
    output_tokens: int | None
    tokens_per_minute: int
    cost_usd: float | None
    cost_is_estimate: bool
    unpriced_calls: int


def running(connection: sqlite3.Connection, *, now_ns: int, within_ns: int) -> list[RunningShape]:
    """Of what something arrived within that time, the latest first.

    Of the traces without a session those that called or ran nothing are left out, unless they failed.
    """
    since = (now_ns - within_ns, _MOST)
    of_sessions = [
        _shape(row, _of_session(connection, row[0], now_ns)) for row in connection.execute(_SESSIONS, since).fetchall()
    ]
    of_traces = [
        _shape(row[:-1], _of_trace(connection, row[-1], now_ns))
        for row in connection.execute(_TRACES, since).fetchall()
    ]
    return sorted([*of_sessions, *of_traces], key=lambda shape: shape["last"], reverse=True)


_Spent = tuple[Cost, int]
"""What was spent in all, and tokens of the last minute."""


def _of_session(connection: sqlite3.Connection, session: str, now_ns: int) -> _Spent:
    return _spent(connection, "steps JOIN attendances USING (trace, session) WHERE session = ?", session, now_ns)


def _of_trace(connection: sqlite3.Connection, trace: int, now_ns: int) -> _Spent:
    return _spent(connection, "steps WHERE steps.trace = ?", trace, now_ns)


def _spent(connection: sqlite3.Connection, source: str, key: object, now_ns: int) -> _Spent:
    rows = connection.execute(f"SELECT 0, {sums()} FROM {source} AND {SPENDING} GROUP BY 2, 3, 4", (key,))
    cost = costs_by_key(rows).get(0, Cost())
    lately = f"SELECT {_LATELY} FROM {source} AND steps.spends AND steps.end_ns > ?"
    return cost, int(connection.execute(lately, (key, now_ns - _MINUTE_NS)).fetchone()[0])


def _shape(row: Any, spent: _Spent) -> RunningShape:
    key, agent, service, name, start, end, received, traces, calls, tools, errors, given, made = row
    cost, lately = spent
    return {
        "session": key if isinstance(key, str) else None,
        "trace_id": key.hex() if isinstance(key, bytes) else None,
        "name": name,
        "agent": agent,
        "service": service,
        "start": iso(start),
        "last": iso(received),
        "running_ms": max(end - start, 0) / 1e6,
        "traces": traces,
        "calls": calls,
        "tools": tools,
        "errors": errors,
        "input_tokens": given,
        "output_tokens": made,
        "tokens_per_minute": lately,
        "cost_usd": cost.usd,
        "cost_is_estimate": cost.is_estimate,
        "unpriced_calls": cost.unpriced,
    }
