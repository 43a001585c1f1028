"""Settling a trace: the verdicts on its spans, by the rules of ``meaning``, written to its row and to its steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otel_agent_telemetry import semconv
from otel_agent_telemetry.local.store._steps import PRICED_ELSEWHERE, SAID, SPENT, said_of_row
from otel_agent_telemetry.local.store._steps_again import read_again
from otel_agent_telemetry.local.store._together import together
from otel_agent_telemetry.meaning import Fact, ModelCall, Place, Repeat, Run, ToolCall, kinds, verdicts

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from otel_agent_telemetry.meaning import Said

__all__ = ["settle_trace"]

_READ = f"""
SELECT spans.id, spans.trace, traces.trace_id, spans.span_id, spans.parent_id, spans.start_ns, spans.end_ns,
       origins.scope, spans.status, steps.counted, steps.spends, steps.speaker, steps.kind, steps.model, steps.provider,
       steps.agent, steps.session, {", ".join(f"steps.{name}" for name in SAID)}
FROM spans JOIN traces ON traces.id = spans.trace JOIN origins ON origins.id = spans.origin
LEFT JOIN steps ON steps.id = spans.id WHERE spans.trace IN ({{}})
"""
_FIRST_SAID = 17
_WRITE_STEP = """
UPDATE steps SET counted = ?, spends = ?, speaker = ?, kind = ?, model = ?, provider = ?, agent = ?, session = ?
WHERE id = ?
"""
_WRITE_TRACE = """
UPDATE traces SET unsettled = 0, errors = ?, calls = ?, tools = ?, runs = ?, input = ?, output = ?, cost = ?,
session = ?, agent = ? WHERE id = ?
"""
_WRITE_SESSION = "INSERT INTO attendances VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_STATUS_ERROR = 2
_FIGURES = {
    "input": "input_tokens",
    "output": "output_tokens",
    "cache_read": "cache_read_tokens",
    "cache_write": "cache_write_tokens",
    "reasoning": "reasoning_tokens",
    "cost": "cost_usd",
}
"""Column of ``steps`` -> figure of a call."""


@dataclass(slots=True)
class _Node:
    """A span of the traces that are settled together, and the verdict on it."""

    id: int
    trace: int
    place: Place
    is_error: bool
    stored: tuple[object, ...]
    counted: bool = False
    spends: int = 0
    speaker: int | None = None
    kind: str | None = None
    model: str | None = None
    provider: str | None = None
    agent: str | None = None
    session: str | None = None
    has_failed_below: bool = False

    @property
    def said(self) -> Said | None:
        """What the span says."""
        return self.place.said

    @property
    def verdict(self) -> tuple[object, ...]:
        """What is written, in the order of the columns."""
        seen = (int(self.counted), self.spends, self.speaker)
        return (*seen, self.kind, self.model, self.provider, self.agent, self.session)

    @property
    def has_failed(self) -> bool:
        """Whether this is where something failed, and no span that repeats it."""
        return self.is_error and not self.has_failed_below and (self.said is None or self.counted)

    def sum_of(self, column: str) -> float | None:
        """What is spent here."""
        return getattr(self.said, _FIGURES[column]) if self.spends & SPENT[column] else None


def settle_trace(connection: sqlite3.Connection, trace: int) -> None:
    """Settle a trace, and those that may tell of the same calls."""
    traces = together(connection, trace)
    read_again(connection, traces)
    rows = connection.execute(_READ.format(",".join("?" * len(traces))), traces).fetchall()
    latest = max((max(row[5], row[6]) for row in rows), default=0)
    nodes = {node.place.key: node for node in (_node(row, latest) for row in rows)}
    met = _judge(nodes)
    _mark_failures(nodes)
    changed = [(*node.verdict, node.id) for node in nodes.values() if node.said and node.verdict != node.stored]
    connection.executemany(_WRITE_STEP, changed)
    for each in traces:
        own = [node for node in nodes.values() if node.trace == each]
        connection.execute(_WRITE_TRACE, (*_totals(own), each))
        connection.execute("DELETE FROM attendances WHERE trace = ?", (each,))
        connection.executemany(_WRITE_SESSION, _attendances(each, own, met))


def _node(row: Any, latest: int) -> _Node:
    number, trace, trace_id, span_id, parent_id, start, end, scope, status = row[:9]
    # a span that had not ended when it was sent ends with the last one of its trace
    said, place = said_of_row(
        (trace_id, span_id, parent_id, start, max(end or latest, start), scope), row[_FIRST_SAID:]
    )
    node = _Node(number, trace, place, status == _STATUS_ERROR, row[9:_FIRST_SAID])
    if said is not None:
        node.kind, node.model, node.provider = said.kind, said.model, said.provider
        node.agent, node.session = said.agent_name, None if said.kind == kinds.OTHER else said.conversation
        node.counted = said.is_own and said.kind not in (kinds.MODEL, kinds.TOOL, kinds.AGENT)
        node.is_error = said.error not in (None, semconv.OUTCOME_CANCELLED)
    return node


_Met = dict[tuple[int, str], tuple["str | None", int, int]]
"""The sessions that began in a trace: their agent, start and end."""


def _judge(nodes: dict[int, _Node]) -> _Met:
    met: _Met = {}
    by_id = {node.id: node for node in nodes.values()}
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
    for node in nodes.values():
        if node.speaker is not None:
            _share(node, nodes, by_id)
    return met


def _share(node: _Node, nodes: dict[int, _Node], by_id: dict[int, _Node]) -> None:
    """A call that stands alone belongs to the session of the span that repeats it."""
    speaker = by_id.get(node.speaker or 0)
    if speaker is None or speaker.session is not None:
        return
    seen: set[int] = set()
    above: _Node | None = node
    while above is not None and above.place.key not in seen:
        if above.session is not None:
            speaker.session, speaker.agent = above.session, speaker.agent or above.agent
            return
        seen.add(above.place.key)
        above = nodes.get(above.place.parent_key)


def _meet(node: _Node, told: Fact, met: _Met) -> None:
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


def _apply(node: _Node, told: ModelCall | ToolCall | Run) -> None:
    node.session = told.session_id or node.session
    node.agent = told.told_agent or node.agent
    if isinstance(told, Run):
        node.kind = kinds.AGENT if told.is_run else kinds.WORKFLOW
        node.counted = not told.speaker
        return
    node.counted = node.counted or not isinstance(told, ModelCall) or bool(told.calls) or node.kind == kinds.EMBEDDING
    if isinstance(told, ModelCall):
        node.model, node.provider = told.model, told.provider
        node.spends |= sum(bit for name, bit in SPENT.items() if getattr(told, _FIGURES[name]) is not None)
        node.spends |= PRICED_ELSEWHERE if told.is_priced_elsewhere else 0


def _mark_failures(nodes: dict[int, _Node]) -> None:
    """A failure is told by every span around it; it is one, where it began."""
    for node in nodes.values():
        if not node.is_error:
            continue
        above, seen = nodes.get(node.place.parent_key), {node.place.key}
        while above is not None and not above.has_failed_below and above.place.key not in seen:
            above.has_failed_below = True
            seen.add(above.place.key)
            above = nodes.get(above.place.parent_key)


def _totals(nodes: list[_Node]) -> tuple[object, ...]:
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


def _counts(nodes: Iterable[_Node]) -> tuple[int, int, int]:
    counted = [node.kind for node in nodes if node.counted]
    return counted.count(kinds.MODEL), counted.count(kinds.TOOL), counted.count(kinds.AGENT)


def _attendances(trace: int, nodes: list[_Node], met: _Met) -> list[tuple[object, ...]]:
    """What each session did in the trace."""
    names = {node.session for node in nodes if node.session is not None}
    names |= {session for in_trace, session in met if in_trace == trace}
    return [_attendance(trace, name, [node for node in nodes if node.session == name], met) for name in sorted(names)]


def _attendance(trace: int, session: str, nodes: list[_Node], met: _Met) -> tuple[object, ...]:
    first = min((node.place.start_ns for node in nodes), default=0)
    agent, start, end = met.get((trace, session), (None, first, max((node.place.end_ns for node in nodes), default=0)))
    agents = (node.agent for node in sorted(nodes, key=lambda node: node.place.start_ns) if node.agent)
    calls, tools, _ = _counts(nodes)
    return (
        *(trace, session, agent or next(agents, None), start, end),
        *(sum(node.has_failed for node in nodes), calls, tools),
        _sum_known(node.sum_of("input") for node in nodes),
        _sum_known(node.sum_of("output") for node in nodes),
    )


def _sum_known(figures: Iterable[float | None]) -> float | None:
    known = [figure for figure in figures if figure is not None]
    return sum(known) if known else None
