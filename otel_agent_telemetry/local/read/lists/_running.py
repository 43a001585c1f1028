"""What is at work right now: sessions of which something has just arrived, and traces that name none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypedDict

from otel_agent_telemetry.local.read._moments import iso
from otel_agent_telemetry.local.store._pricing import session_costs, trace_costs
from otel_agent_telemetry.local.store._spending import Cost

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
_TOKENS = """
sum((CASE WHEN steps.spends & 1 THEN steps.input ELSE 0 END)
  + (CASE WHEN steps.spends & 2 THEN coalesce(steps.output, 0) ELSE 0 END))
"""
_LATELY_IN_SESSIONS = f"""
SELECT attendances.session, {_TOKENS}
FROM attendances CROSS JOIN traces ON traces.id = attendances.trace CROSS JOIN steps ON steps.trace = traces.id
WHERE attendances.session IN (SELECT value FROM json_each(?)) AND steps.session = attendances.session
AND traces.received_ns > ?2 AND steps.end_ns > ?2 AND steps.spends GROUP BY 1
"""
_LATELY_IN_TRACES = f"""
SELECT trace, {_TOKENS} FROM steps
WHERE trace IN (SELECT value FROM json_each(?)) AND end_ns > ? AND spends GROUP BY 1
"""
_NOTHING = Cost()


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
    sessions, traces = (connection.execute(query, since).fetchall() for query in (_SESSIONS, _TRACES))
    named, ids = [row[0] for row in sessions], [row[-1] for row in traces]
    minute = now_ns - _MINUTE_NS
    lately = dict(connection.execute(_LATELY_IN_SESSIONS, (json.dumps(named), minute)).fetchall())
    lately |= dict(connection.execute(_LATELY_IN_TRACES, (json.dumps(ids), minute)).fetchall())
    costs = {**session_costs(connection, named), **trace_costs(connection, ids)}
    rows = [*((row[0], row) for row in sessions), *((row[-1], row[:-1]) for row in traces)]
    shapes = [_shape(row, costs.get(key, _NOTHING), lately.get(key) or 0) for key, row in rows]
    return sorted(shapes, key=lambda shape: shape["last"], reverse=True)


def _shape(row: Any, cost: Cost, lately: int) -> RunningShape:
    key, agent, service, name, start, end, received, traces, calls, tools, errors, given, made = row
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
