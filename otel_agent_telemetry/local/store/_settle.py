"""Settling a trace: the verdicts on its spans, by the rules of ``meaning``, written to its row and to its steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_agent_telemetry import semconv
from otel_agent_telemetry.local.store._agent_traces import Agents, failures_of
from otel_agent_telemetry.local.store._nodes import FIGURES, Node
from otel_agent_telemetry.local.store._rows import insert, update
from otel_agent_telemetry.local.store._steps import PRICED_ELSEWHERE, SAID, SPENT, VERDICT, said_of_row, shown_kind
from otel_agent_telemetry.local.store._steps_made import read_again
from otel_agent_telemetry.local.store._together import together
from otel_agent_telemetry.local.store._users import write_users
from otel_agent_telemetry.meaning import Fact, ModelCall, Repeat, Run, ToolCall, kinds
from otel_agent_telemetry.meaning._asides import ASIDES
from otel_agent_telemetry.meaning._replay import verdicts

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

__all__ = ["settle_trace"]

_READ = f"""
SELECT spans.id, spans.trace, traces.trace_id, spans.span_id, spans.parent_id, spans.start_ns, spans.end_ns,
       origins.scope, spans.status, spans.origin, origins.harness,
       {", ".join(f"steps.{name}" for name in (*VERDICT, *SAID))}
FROM spans JOIN traces ON traces.id = spans.trace JOIN origins ON origins.id = spans.origin
LEFT JOIN steps ON steps.id = spans.id WHERE spans.trace IN ({{}})
"""
_FIRST_VERDICT = 11
_FIRST_SAID = _FIRST_VERDICT + len(VERDICT)
_OF_TRACE = ("unsettled", "outcome", "errors", "calls", "tools", "runs", "input", "output", "cost", "session", "agent")
_OF_SESSION = ("trace", "session", "agent", "start_ns", "end_ns", "errors", "calls", "tools", "input", "output")
_STATUS_ERROR = 2


def settle_trace(connection: sqlite3.Connection, trace: int) -> None:
    """Settle a trace, and those that may tell of the same calls."""
    traces = together(connection, trace)
    read_again(connection, traces)
    rows = connection.execute(_READ.format(",".join("?" * len(traces))), traces).fetchall()
    latest = max((max(row[5], row[6]) for row in rows), default=0)
    nodes = {node.place.key: node for node in (_node(row, latest) for row in rows)}
    agents = Agents(nodes) if any(row[_FIRST_VERDICT - 1] is not None for row in rows) else None
    met = _judge(nodes)
    _mark_failures(nodes)
    write_users(connection, traces, nodes)
    changed = [(*node.verdict, node.id) for node in nodes.values() if node.said and node.verdict != node.stored]
    update(connection, "steps", VERDICT, changed)
    if agents is not None:
        traces = agents.write(connection, traces)
    for each in traces:
        own = [node for node in nodes.values() if node.trace == each]
        update(connection, "traces", _OF_TRACE, [(0, _outcome(own), *_totals(own), each)])
        connection.execute("DELETE FROM attendances WHERE trace = ?", (each,))
        connection.execute("DELETE FROM priced WHERE trace = ?", (each,))
        insert(connection, "attendances", _OF_SESSION, _attendances(each, own, met))
        if agents is not None:
            agents.write_trace(connection, each)


def _node(row: Any, latest: int) -> Node:
    number, trace, trace_id, span_id, parent_id, start, end, scope, status, source, harness = row[:_FIRST_VERDICT]
    # a span that had not ended when it was sent ends with the last one of its trace
    said, place = said_of_row(
        (trace_id, span_id, parent_id, start, max(end or latest, start), scope), row[_FIRST_SAID:]
    )
    is_error = status == _STATUS_ERROR and harness is None  # a coding agent's own spans fail although all is well
    node = Node(number, trace, place, is_error, row[_FIRST_VERDICT:_FIRST_SAID], harness=harness, origin=source)
    if said is not None:
        node.kind, node.model, node.provider = shown_kind(said), said.model, said.provider
        node.agent, node.session = said.agent_name, None if said.kind == kinds.OTHER else said.conversation
        is_work = said.kind in (kinds.MODEL, kinds.TOOL, kinds.AGENT)
        node.counted = node.kind in ASIDES or (said.is_own and not is_work)
        node.is_error = said.error not in (None, semconv.OUTCOME_CANCELLED)
    return node


_Met = dict[tuple[int, str], tuple["str | None", int, int]]
"""The sessions that began in a trace: their agent, start and end."""


def _judge(nodes: dict[int, Node]) -> _Met:
    met: _Met = {}
    for told in verdicts([node.place for node in nodes.values()]):
        node = nodes.get(told.key)
        if node is None:
            continue
        if isinstance(told, Fact):
            _meet(node, told, met)
        else:
            if isinstance(told, (Repeat, Run)) and (speaker := nodes.get(told.speaker)) is not None:
                node.speaker = speaker.id
            if not isinstance(told, Repeat):
                _apply(node, told)
    return met


def _meet(node: Node, told: Fact, met: _Met) -> None:
    session, agent = told.properties.get("sessionId"), told.properties.get("agentName")
    if not isinstance(session, str):
        return
    if told.event in ("session.started", "session.ended"):
        known = met.get((node.trace, session), (None, told.occurred_ns, told.occurred_ns))
        named = agent if isinstance(agent, str) else known[0]
        met[node.trace, session] = (named, min(known[1], told.occurred_ns), max(known[2], told.occurred_ns))
    node.session = session
    if told.event == "tool.called":
        node.kind = kinds.TOOL


def _apply(node: Node, told: ModelCall | ToolCall | Run) -> None:
    node.session = told.session_id or node.session
    node.agent = told.told_agent or node.agent
    if isinstance(told, Run):
        node.kind = kinds.AGENT if told.is_run else kinds.WORKFLOW
        node.counted = not told.speaker
        return
    node.counted = node.counted or not isinstance(told, ModelCall) or bool(told.calls) or node.kind == kinds.EMBEDDING
    if isinstance(told, ModelCall):
        node.model, node.provider = told.model, told.provider
        node.spends |= sum(bit for name, bit in SPENT.items() if getattr(told, FIGURES[name]) is not None)
        node.spends |= PRICED_ELSEWHERE if told.is_priced_elsewhere else 0


def _mark_failures(nodes: dict[int, Node]) -> None:
    """A failure is told by every span around it; it is one, where it began."""
    for node in nodes.values():
        if not node.is_error:
            continue
        above, seen = nodes.get(node.place.parent_key), {node.place.key}
        while above is not None and not above.has_failed_below and above.place.key not in seen:
            above.has_failed_below = True
            seen.add(above.place.key)
            above = nodes.get(above.place.parent_key)


def _outcome(nodes: list[Node]) -> str | None:
    """``cancelled`` where the work that the trace began with says so; None for any other."""
    keys = {node.place.key for node in nodes}
    first = min(nodes, key=lambda node: (node.place.parent_key in keys, node.place.start_ns), default=None)
    said = None if first is None else first.said
    is_cancelled = said is not None and said.is_own and said.outcome == semconv.OUTCOME_CANCELLED
    return semconv.OUTCOME_CANCELLED if is_cancelled else None


def _totals(nodes: list[Node]) -> tuple[object, ...]:
    by_start = sorted(nodes, key=lambda node: (node.place.start_ns, -node.id))
    agents = (node.agent for node in by_start if node.kind == kinds.AGENT and node.agent)
    return (
        sum(node.has_failed for node in nodes),
        *_counts(nodes),
        _sum_known(node.sum_of("input") for node in nodes),
        _sum_known(node.sum_of("output") for node in nodes),
        _sum_known(node.sum_of("cost") for node in nodes),
        next((node.session for node in by_start if node.session), None),
        next(agents, None),
    )


def _counts(nodes: Iterable[Node]) -> tuple[int, int, int]:
    counted = [node.kind for node in nodes if node.counted]
    return counted.count(kinds.MODEL), counted.count(kinds.TOOL), counted.count(kinds.AGENT)


def _attendances(trace: int, nodes: list[Node], met: _Met) -> list[tuple[object, ...]]:
    """What each session did in the trace."""
    names = {node.session for node in nodes if node.session is not None}
    names |= {session for in_trace, session in met if in_trace == trace}
    return [_attendance(trace, name, [node for node in nodes if node.session == name], met) for name in sorted(names)]


def _attendance(trace: int, session: str, nodes: list[Node], met: _Met) -> tuple[object, ...]:
    first = min((node.place.start_ns for node in nodes), default=0)
    agent, start, end = met.get((trace, session), (None, first, max((node.place.end_ns for node in nodes), default=0)))
    agents = (node.agent for node in sorted(nodes, key=lambda node: node.place.start_ns) if node.agent)
    calls, tools, _ = _counts(nodes)
    failures = sum(node.has_failed for node in nodes if node.said is None or node.said.marks is None)
    return (
        *(trace, session, agent or next(agents, None), start, end),
        *(failures + failures_of(nodes), calls, tools),
        _sum_known(node.sum_of("input") for node in nodes),
        _sum_known(node.sum_of("output") for node in nodes),
    )


def _sum_known(figures: Iterable[float | None]) -> float | None:
    known = [figure for figure in figures if figure is not None]
    return sum(known) if known else None
