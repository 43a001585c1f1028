"""Tokens, calls, errors and cost, by what they were spent on; and the sessions they were spent in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_agent_telemetry.errors import InputError
from otel_agent_telemetry.local.read._moments import iso
from otel_agent_telemetry.local.read._spending import SPENDING, Cost, costs_by_key, sums
from otel_agent_telemetry.meaning import undated

if TYPE_CHECKING:
    import sqlite3

    from otel_agent_telemetry.local.read._shapes import SessionShape, UsageShape

__all__ = ["GROUPINGS", "find_session", "list_sessions", "usage"]

_HOUR_NS = 3600 * 10**9
GROUPINGS = {
    "model": "steps.model",
    "agent": "steps.agent",
    "tool": "steps.tool",
    "session": "steps.session",
    "hour": f"steps.start_ns / {_HOUR_NS}",
    "day": f"steps.start_ns / {24 * _HOUR_NS}",
}
_COUNTS = """
sum(kind = 'model' AND counted), sum(error IS NOT NULL AND counted AND kind IN ('model', 'tool')),
sum(kind = 'tool' AND counted), sum(kind = 'agent' AND counted),
sum(CASE WHEN spends & 1 THEN input END), sum(CASE WHEN spends & 2 THEN output END),
sum(CASE WHEN spends & 4 THEN cache_read END), sum(CASE WHEN spends & 8 THEN cache_write END),
sum(CASE WHEN spends & 16 THEN reasoning END)
"""
_KINDS = {"model": f"AND (steps.kind IN ('model', 'embedding') OR {SPENDING})", "tool": "AND steps.kind = 'tool'"}
_SESSIONS = """
SELECT attendances.session, max(attendances.agent), max(traces.service), min(attendances.start_ns),
       max(attendances.end_ns), count(*), sum(attendances.errors), sum(attendances.calls), sum(attendances.tools),
       sum(attendances.input), sum(attendances.output)
FROM attendances JOIN traces ON traces.id = attendances.trace
WHERE attendances.start_ns >= ? AND attendances.start_ns <= ?
GROUP BY attendances.session ORDER BY max(attendances.start_ns) DESC LIMIT ?
"""
_SESSION = _SESSIONS.replace("WHERE", "WHERE attendances.session = ? AND")
_BEGINNING = "SELECT DISTINCT session FROM attendances WHERE session >= ?1 AND session < ?1 || char(1114111) LIMIT 2"
_LATEST = 2**63 - 1


def usage(
    connection: sqlite3.Connection, by: str, *, since_ns: int | None = None, until_ns: int | None = None
) -> list[UsageShape]:
    """Usage by one of :data:`GROUPINGS`; time goes forward, all else goes by tokens."""
    key = GROUPINGS[by]
    where = f"WHERE steps.start_ns >= ? AND steps.start_ns <= ? {_KINDS.get(by, '')}"
    period = (since_ns or 0, _LATEST if until_ns is None else until_ns)
    costs = costs_by_key(
        connection.execute(f"SELECT {key}, {sums()} FROM steps {where} AND {SPENDING} GROUP BY 1, 2, 3, 4", period)
    )
    rows = connection.execute(f"SELECT {key}, {_COUNTS} FROM steps {where} GROUP BY 1", period).fetchall()
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


def list_sessions(
    connection: sqlite3.Connection, *, since_ns: int | None = None, until_ns: int | None = None, limit: int = 50
) -> list[SessionShape]:
    """Sessions, the latest first; every figure is of the traces in which the session began in the period."""
    period = (since_ns or 0, _LATEST if until_ns is None else until_ns)
    rows = connection.execute(_SESSIONS, (*period, limit)).fetchall()
    return [_session_shape(row, _session_cost(connection, row[0], period)) for row in rows]


def find_session(connection: sqlite3.Connection, given: str) -> SessionShape:
    """The session whose id is or uniquely begins with ``given``. Raises InputError where there is none."""
    period = (0, _LATEST)
    row = connection.execute(_SESSION, (given, *period, 1)).fetchone()
    if row is None and given:
        begun = connection.execute(_BEGINNING, (given,)).fetchall()
        if len(begun) > 1:
            msg = f"several sessions begin with {given!r}; give more of the id, as `agent-telemetry sessions` lists it"
            raise InputError(msg)
        row = connection.execute(_SESSION, (*begun[0], *period, 1)).fetchone() if begun else None
    if row is None:
        msg = f"no session {given!r} in this store; `agent-telemetry sessions` lists them"
        raise InputError(msg)
    return _session_shape(row, _session_cost(connection, row[0], period))


def _session_cost(connection: sqlite3.Connection, session: str, period: tuple[int, int]) -> Cost:
    query = f"""
        SELECT 0, {sums()} FROM steps JOIN attendances USING (trace, session)
        WHERE session = ? AND attendances.start_ns >= ? AND attendances.start_ns <= ? AND {SPENDING} GROUP BY 2, 3, 4
    """
    return costs_by_key(connection.execute(query, (session, *period))).get(0, Cost())


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


def _session_shape(row: Any, cost: Cost) -> SessionShape:
    session, agent, service, start, end, traces, errors, calls, tools, given, made = row
    return {
        "session": session,
        "agent": agent,
        "service": service,
        "start": iso(start),
        "end": iso(end),
        "traces": traces,
        "errors": errors,
        "calls": calls,
        "tools": tools,
        "input_tokens": given,
        "output_tokens": made,
        "cost_usd": cost.usd,
        "cost_is_estimate": cost.is_estimate,
        "unpriced_calls": cost.unpriced,
    }
