"""Traces of coding agents: what is settled beside their verdicts, and how one run comes to be one row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_agent_telemetry import semconv
from otel_agent_telemetry.local.store._agents import move
from otel_agent_telemetry.meaning import kinds
from otel_agent_telemetry.meaning.harnesses import arrange

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator

    from otel_agent_telemetry.local.store._nodes import Node

__all__ = ["Agents", "failures_of"]

_WRITE_STEP = """
UPDATE steps SET start_ns = ?, end_ns = ?, tool = ?, outcome = ?, error = ?, cost = ? WHERE id = ?
"""
_WRITE_SPAN = "UPDATE spans SET start_ns = ?, end_ns = ? WHERE id = ?"
_WRITE_TRACE = """
UPDATE traces SET folded = ?, outcome = coalesce(?, outcome), spans = ?, start_ns = ?, end_ns = ?,
name = coalesce((SELECT name FROM spans WHERE id = ?), name) WHERE id = ?
"""
_COUNTED = (kinds.MODEL, kinds.TOOL, kinds.AGENT)
_WORST_FIRST = (semconv.OUTCOME_ERROR, semconv.OUTCOME_CANCELLED, semconv.OUTCOME_OK)


class Agents:
    """The nodes of coding agents among all that are settled together: put below their runs, and read anew."""

    def __init__(self, nodes: dict[int, Node]) -> None:
        self._nodes = nodes
        self._settled: dict[int, int] = {}  # the trace of what is in a run, where a trace id tells it
        self._before = {key: _stored(node) for key, node in nodes.items()}
        for place in arrange([node.place for node in nodes.values()]):
            node = nodes[place.key]
            node.place, said = place, place.said
            if said is None or said.marks is None or (said.is_own and said.kind != kinds.OTHER):
                continue
            node.kind, node.model, node.provider = said.kind, said.model, said.provider
            node.agent, node.session = said.agent_name, None if said.kind == kinds.OTHER else said.conversation
            node.is_error = False
        for node in self._runs():
            node.is_error = node.said is not None and node.said.outcome == semconv.OUTCOME_ERROR

    def write(self, connection: sqlite3.Connection, traces: list[int]) -> list[int]:
        """Write what was read anew, move what belongs to another trace, and give the traces that are left."""
        changed = [node for key, node in self._nodes.items() if _stored(node) != self._before[key]]
        connection.executemany(_WRITE_STEP, [_step(node) for node in changed])
        connection.executemany(_WRITE_SPAN, [(*_times(node), node.id) for node in changed])
        for node in self._nodes.values():
            if self._stray(node) is None and node.said is not None and node.said.marks is not None:
                run = next((above for above in self._above(node) if is_run(above)), None)
                if run is not None:
                    self._settled.setdefault(run.place.key, node.trace)
        homes = [(node, self._home(node)) for node in self._nodes.values()]
        for node, home in homes:
            if home != node.trace:
                move(connection, node.id, node.trace, home)
                node.trace = home
        left = {node.trace for node in self._nodes.values()}
        return [trace for trace in traces if trace in left]

    def write_trace(self, connection: sqlite3.Connection, trace: int) -> None:
        """Write how the runs of a trace ended, and whether it is a row by itself."""
        nodes = [node for node in self._nodes.values() if node.trace == trace]
        if not any(node.harness is not None for node in nodes):
            return
        is_pure = all(node.harness is not None for node in nodes)
        runs = [node for node in self._runs() if node.trace == trace]
        shown = [node for node in nodes if is_shown(node)]
        is_folded = is_pure and not any((node.counted and node.kind in _COUNTED) or node.spends for node in nodes)
        outcomes = {node.said.outcome for node in runs if node.said is not None}
        outcome = next((each for each in _WORST_FIRST if each in outcomes), None) if is_pure else None
        first = min(runs, key=lambda node: node.place.start_ns).id if runs and is_pure else None
        times = shown or nodes
        start, end = min(_times(node)[0] for node in times), max(_times(node)[1] for node in times)
        connection.execute(_WRITE_TRACE, (is_folded, outcome, len(times), start, end, first, trace))

    def _runs(self) -> Iterator[Node]:
        """Those that somebody asked for: no run is around them."""
        for node in self._nodes.values():
            if is_run(node) and not any(is_run(above) for above in self._above(node)):
                yield node

    def _above(self, node: Node) -> Iterator[Node]:
        seen = {node.place.key}
        above = self._nodes.get(node.place.parent_key)
        while above is not None and above.place.key not in seen:
            yield above
            seen.add(above.place.key)
            above = self._nodes.get(above.place.parent_key)

    def _stray(self, node: Node) -> Node | None:
        """Itself or the nearest of its trace around it of which no trace id tells the run."""
        around = (each for each in (node, *self._above(node)) if each.trace == node.trace)
        return next((each for each in around if _is_loose(each)), None)

    def _home(self, node: Node) -> int:
        """The trace of its run, where no trace id tells another and it stands for something, or is below what does."""
        node = self._stray(node) or node
        marks = node.said.marks if node.said is not None else None
        if marks is None or not marks.is_loose or (node.kind == kinds.OTHER and marks.source):
            return node.trace
        if is_run(node) and node.place.key in self._settled:
            return self._settled[node.place.key]
        run = next((above for above in self._above(node) if is_run(above)), None)
        return node.trace if run is None else self._home(run)


def _is_loose(node: Node) -> bool:
    marks = node.said.marks if node.said is not None else None
    return marks is not None and marks.is_loose


def is_run(node: Node) -> bool:
    """Whether it is a coding agent's run."""
    said = node.said
    return said is not None and said.marks is not None and said.kind == kinds.AGENT and not said.is_own


def is_shown(node: Node) -> bool:
    """Whether it is more than the inside of a program, or a record that says what another one says too."""
    return node.harness is None or (node.said is not None and node.kind != kinds.OTHER)


def failures_of(nodes: Iterable[Node]) -> int:
    """How many calls of coding agents failed; where none did, how many runs."""
    ours = [node for node in nodes if node.said is not None and node.said.marks is not None and node.counted]
    failed = [node for node in ours if node.said is not None and node.said.outcome == semconv.OUTCOME_ERROR]
    calls = sum(node.kind != kinds.AGENT for node in failed)
    return calls or len(failed)


def _stored(node: Node) -> tuple[object, ...]:
    said = node.said
    if said is None:
        return ()
    return said.start_ns, said.end_ns, said.name, said.outcome, said.error, said.cost_usd


def _step(node: Node) -> tuple[object, ...]:
    said = node.said
    assert said is not None  # noqa: S101 - only those are written
    tool = said.name if said.kind == kinds.TOOL else None
    return said.start_ns, said.end_ns, tool, said.outcome, said.error, said.cost_usd, node.id


def _times(node: Node) -> tuple[int, int]:
    """When it began and ended; its place among others may end later, for what is told of it later."""
    return (node.place.start_ns, node.place.end_ns) if node.said is None else (node.said.start_ns, node.said.end_ns)
