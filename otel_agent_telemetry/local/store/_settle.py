"""Counting a trace once: which model calls, tool calls and agent runs stand for something new.

Frameworks report the same work more than once: a provider's own span below the framework's, an agent span that repeats
its calls' tokens, an MCP server's span below the tool call. The rules:

- of model calls nested in one another the innermost with tokens counts; of calls with one response id the first stored
- an agent's own token figures count only where no model call is below it
- an agent run below a run of the same name is the same run; one with runs but no calls of its own is a workflow
- a tool call below a tool call of the same name is the same call
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator

__all__ = ["settle_trace"]

_READ = """
SELECT spans.id, spans.span_id, spans.parent_id, steps.kind, steps.start_ns, steps.agent, steps.tool, steps.session,
       steps.response_id, steps.input, steps.output, steps.cost, steps.counted, steps.spends
FROM spans LEFT JOIN steps ON steps.id = spans.id WHERE spans.trace = ?
"""
_WRITE = """
UPDATE traces SET unsettled = 0, calls = ?, tools = ?, runs = ?, input = ?, output = ?, cost = ?, session = ?, agent = ?
WHERE id = ?
"""
_WRITE_STEP = "UPDATE steps SET counted = ?, spends = ?, agent = ? WHERE id = ?"
_DEEPEST = 256
_SEEN_BEFORE = (
    "SELECT 1 FROM steps WHERE response_id = ? AND id < ? AND trace != ? AND kind = 'model' AND counted LIMIT 1"
)


@dataclass(slots=True)
class _Node:
    id: int
    kind: str
    start_ns: int
    agent: str | None
    tool: str | None
    session: str | None
    response_id: str | None
    input: int | None
    output: int | None
    cost: float | None
    stored_counted: int
    stored_spends: int
    above: _Node | None = None
    counted: bool = True
    model_below: bool = False
    work_below: bool = False
    agent_below: bool = False
    has_inner: bool = False
    tokens_inside: bool = False

    @property
    def has_tokens(self) -> bool:
        return self.input is not None or self.output is not None


def settle_trace(connection: sqlite3.Connection, trace: int) -> None:
    """Work out one trace's totals and write them to its row and to its steps."""
    nodes = _linked(connection.execute(_READ, (trace,)).fetchall())
    for node in nodes:
        _tell_above(node)
    for node in nodes:
        node.counted = _counts(node)
    answered: set[str] = set()
    for node in nodes:
        if node.counted and node.kind == "model" and node.response_id is not None:
            seen = connection.execute(_SEEN_BEFORE, (node.response_id, node.id, trace)).fetchone()
            node.counted = seen is None and node.response_id not in answered
            answered.add(node.response_id)
    found = [(node.counted, _spends(node), _agent_of(node), node.id) for node in nodes]
    stored = [(node.stored_counted, node.stored_spends, node.agent, node.id) for node in nodes]
    connection.executemany(_WRITE_STEP, [new for new, old in zip(found, stored, strict=True) if new != old])
    connection.execute(_WRITE, (*_totals(nodes), trace))


def _linked(rows: list[Any]) -> list[_Node]:
    parents: dict[int, int] = {}
    nodes: dict[int, _Node] = {}
    for number, span_id, parent_id, kind, *rest in rows:
        parents[span_id] = parent_id
        if kind is not None:
            nodes[span_id] = _Node(number, kind, *rest)
    nearest: dict[int, int] = {}
    for span_id, node in nodes.items():
        above = _nearest_step(span_id, parents, nodes, nearest)
        node.above = nodes.get(above)
    _cut_cycles(list(nodes.values()))
    return sorted(nodes.values(), key=lambda node: node.id)


def _nearest_step(span_id: int, parents: dict[int, int], nodes: dict[int, _Node], nearest: dict[int, int]) -> int:
    """The closest ancestor that is a step, or 0; what is found on the way is remembered, and cycles end."""
    path: list[int] = []
    at, seen = parents[span_id], {span_id}
    while at and at not in nodes and at in parents and at not in seen:
        if at in nearest:
            at = nearest[at]
            break
        seen.add(at)
        path.append(at)
        at = parents[at]
    found = at if at in nodes and at != span_id else 0
    nearest.update(dict.fromkeys(path, found))
    return found


def _cut_cycles(nodes: list[_Node]) -> None:
    """Hostile parents may form a ring; the first link that closes one is dropped."""
    safe: set[int] = set()
    for start in nodes:
        path: dict[int, _Node] = {}
        node: _Node | None = start
        while node is not None and node.id not in safe:
            if node.id in path:
                node.above = None
                break
            path[node.id] = node
            node = node.above
        safe.update(path)


def _above(node: _Node) -> Iterator[_Node]:
    """The steps above, nearest first; a hostile depth ends."""
    at = node.above
    for _ in range(_DEEPEST):
        if at is None:
            return
        yield at
        at = at.above


def _above_in_run(node: _Node) -> Iterator[_Node]:
    """The steps above up to and including the nearest agent run or tool call."""
    for above in _above(node):
        yield above
        if above.kind in {"agent", "tool"}:
            return


def _tell_above(node: _Node) -> None:
    if node.kind == "model":
        for above in _above(node):
            above.model_below = True
        for above in _above_in_run(node):
            above.has_inner = above.has_inner or above.kind == "model"
            above.tokens_inside = above.tokens_inside or node.has_tokens
    if node.kind in {"model", "tool"} or (node.kind == "agent" and not _same_run_above(node)):
        _tell_runs(node)


def _tell_runs(node: _Node) -> None:
    """Tell the nearest run what is below it; where that is the same run as the one above, tell that one too."""
    for above in _above(node):
        if above.kind == "agent":
            above.agent_below = above.agent_below or node.kind == "agent"
            above.work_below = above.work_below or node.kind != "agent"
            if not _same_run_above(above):
                return


def _counts(node: _Node) -> bool:
    if node.kind == "model":
        return _model_counts(node)
    if node.kind == "agent":
        return not (_same_run_above(node) or (node.agent_below and not node.work_below))
    if node.kind == "tool":
        return not (node.above is not None and node.above.kind == "tool" and node.above.tool == node.tool)
    return True


def _model_counts(node: _Node) -> bool:
    if node.has_inner:
        return _speaks_for_inner(node)
    if node.has_tokens:
        return True
    return not any(above.kind == "model" and _speaks_for_inner(above) for above in _above_in_run(node))


def _speaks_for_inner(node: _Node) -> bool:
    return node.has_inner and node.has_tokens and not node.tokens_inside


def _same_run_above(node: _Node) -> bool:
    nearest = next((above for above in _above(node) if above.kind in {"agent", "tool"}), None)
    return nearest is not None and nearest.kind == "agent" and nearest.agent == node.agent


def _agent_of(node: _Node) -> str | None:
    if node.kind == "agent" or node.agent is not None:
        return node.agent
    return next((above.agent for above in _above(node) if above.agent is not None), None)


def _totals(nodes: list[_Node]) -> tuple[object, ...]:
    spending = [node for node in nodes if _spends(node)]
    by_start = sorted(nodes, key=lambda node: (node.start_ns, -node.id))
    return (
        sum(node.counted and node.kind == "model" for node in nodes),
        sum(node.counted and node.kind == "tool" for node in nodes),
        sum(node.counted and node.kind == "agent" for node in nodes),
        _sum_known(node.input for node in spending),
        _sum_known(node.output for node in spending),
        _sum_known(node.cost for node in spending),
        next((node.session for node in by_start if node.session), None),
        next((node.agent for node in by_start if node.kind == "agent" and node.agent), None),
    )


def _spends(node: _Node) -> bool:
    if node.kind == "agent":
        return not node.model_below and node.has_tokens and not _has_agent_spending_above(node)
    return node.counted and node.kind in {"model", "embedding"}


def _has_agent_spending_above(node: _Node) -> bool:
    return node.above is not None and node.above.kind == "agent" and node.above.has_tokens


def _sum_known(figures: Iterable[float | None]) -> float | None:
    known = [figure for figure in figures if figure is not None]
    return sum(known) if known else None
