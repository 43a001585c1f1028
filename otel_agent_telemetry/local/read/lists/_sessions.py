"""The list of sessions: which of them, in which order, and what they did in the traces that were asked for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from otel_agent_telemetry.errors import InputError
from otel_agent_telemetry.local.read._moments import iso
from otel_agent_telemetry.local.read.lists._costs import costs_so_much
from otel_agent_telemetry.local.read.lists._listing import TraceFilter, matching
from otel_agent_telemetry.local.read.lists._seek import Condition, names, snapshot
from otel_agent_telemetry.local.store._pricing import session_costs
from otel_agent_telemetry.local.store._spending import Cost

if TYPE_CHECKING:
    import sqlite3

    from otel_agent_telemetry.local.read._shapes import SessionShape
    from otel_agent_telemetry.local.read.lists._query import Query

__all__ = ["SESSION_SORTS", "find_session", "list_sessions"]

SESSION_SORTS = {
    "last": "max(end_ns) DESC",
    "session": "session",
    "agent": "max(agent) IS NULL, max(agent)",
    "traces": "count(*) DESC",
    "calls": "sum(calls) DESC",
    "tools": "sum(tools) DESC",
    "errors": "sum(errors) DESC",
    "input": "sum(input) DESC",
    "output": "sum(output) DESC",
    "cost": "max(end_ns) DESC",  # a cost may be an estimate of now: they are sorted after they were read
}
_NAMES = "SELECT session FROM attendances WHERE {} GROUP BY session ORDER BY {}, session LIMIT ?"
_FIGURES = """
SELECT session, max(agent), min(start_ns), max(end_ns), count(*), sum(errors), sum(calls), sum(tools), sum(input),
       sum(output)
FROM attendances WHERE session IN (SELECT value FROM json_each(?)) AND {} GROUP BY session
"""
_SERVICES = """
SELECT attendances.session, max(service) FROM attendances JOIN traces ON traces.id = attendances.trace
WHERE attendances.session IN (SELECT value FROM json_each(?)) AND {} GROUP BY 1
"""
_BEGINNING = "SELECT DISTINCT session FROM attendances WHERE session >= ?1 AND session < ?1 || char(1114111) LIMIT 2"


def list_sessions(
    connection: sqlite3.Connection,
    *,
    since_ns: int | None = None,
    until_ns: int | None = None,
    query: Query = (),
    sort: str = "last",
    limit: int = 50,
) -> list[SessionShape]:
    """Sessions, by one of :data:`SESSION_SORTS`; figures are of the traces in the period that match the query."""
    with snapshot(connection):
        where = _condition(connection, since_ns, until_ns, query)
        costs = [term for term in query if term.key == "cost"]
        sessions = _named(connection, where, sort, -1 if sort == "cost" or costs else limit)
        spent = session_costs(connection, sessions, *where)
        sessions = [name for name in sessions if costs_so_much(spent.get(name, Cost()).usd, costs)]
        if sort == "cost":
            sessions.sort(key=lambda name: spent.get(name, Cost()).usd or 0, reverse=True)
        return _shapes(connection, where, sessions[:limit], spent)


def find_session(connection: sqlite3.Connection, given: str) -> SessionShape:
    """The session whose id is or uniquely begins with ``given``. Raises InputError where there is none."""
    with snapshot(connection):
        row = connection.execute("SELECT session FROM attendances WHERE session = ? LIMIT 1", (given,)).fetchone()
        begun = connection.execute(_BEGINNING, (given,)).fetchall() if row is None and given else []
        if len(begun) > 1:
            msg = f"several sessions begin with {given!r}; give more of the id, as `agent-telemetry sessions` lists it"
            raise InputError(msg)
        if row is None and not begun:
            msg = f"no session {given!r} in this store; `agent-telemetry sessions` lists them"
            raise InputError(msg)
        found = row or begun[0]
        return _shapes(connection, Condition("1"), [found[0]], session_costs(connection, [found[0]]))[0]


def _named(connection: sqlite3.Connection, where: Condition, sort: str, most: int) -> list[str]:
    found = connection.execute(_NAMES.format(where.sql, SESSION_SORTS[sort]), (*where.arguments, most))
    return [session for (session,) in found]


def _shapes(
    connection: sqlite3.Connection, where: Condition, sessions: list[str], spent: dict[str, Cost]
) -> list[SessionShape]:
    arguments = (json.dumps(sessions), *where.arguments)
    figures = {row[0]: row for row in connection.execute(_FIGURES.format(where.sql), arguments)}
    services = dict(connection.execute(_SERVICES.format(where.sql), arguments).fetchall())
    return [_shape(figures[name], services[name], spent.get(name, Cost())) for name in sessions]


def _condition(connection: sqlite3.Connection, since_ns: int | None, until_ns: int | None, query: Query) -> Condition:
    """About a row of ``attendances``: of a session in a trace."""
    bounds = [("attendances.start_ns >= ?", since_ns), ("attendances.start_ns <= ?", until_ns)]
    parts = [Condition(sql, (limit,)) for sql, limit in bounds if limit is not None]
    of_traces = tuple(term for term in query if term.key != "cost")
    if of_traces:
        sql, arguments = matching(connection, TraceFilter(query=of_traces))
        traces = connection.execute(f"SELECT json_group_array(id) FROM traces WHERE {sql}", arguments).fetchone()
        parts.append(Condition("attendances.trace IN (SELECT value FROM json_each(?))", traces))
    for term in query:
        if term.key == "session" and not term.negated:
            values = names(connection, term)
            parts.append(Condition(f"attendances.session IN ({', '.join('?' * len(values))})", (*values,)))
    sql = " AND ".join(part.sql for part in parts)
    return Condition(sql or "1", tuple(value for part in parts for value in part.arguments))


def _shape(row: Any, service: str, cost: Cost) -> SessionShape:
    session, agent, start, end, traces, errors, calls, tools, given, made = row
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
