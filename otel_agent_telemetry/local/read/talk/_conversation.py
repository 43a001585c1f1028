"""A trace or a session as one conversation: calls in order, and what was new in each."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypedDict

from otel_agent_telemetry.local.read._moments import iso
from otel_agent_telemetry.local.read.talk._calls import Call, calls
from otel_agent_telemetry.local.read.talk._history import History
from otel_agent_telemetry.local.read.talk._pairs import Pairs, Said, said

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from otel_agent_telemetry.local.read.talk._parts import Message

__all__ = ["PAGE", "Conversation", "Turn", "conversation", "messages_of_call"]

PAGE = 40
"""How many calls a page of a conversation holds."""
_BEFORE, _AFTER = 8, 4  # calls that are read beside a page: what was said already, and results that come later
_LONGEST_RUN = 30  # tool calls that stay with the model call that asked for them
_KINDS = "steps.counted AND steps.kind IN ('model', 'tool', 'agent', 'workflow')"
_ROWS = """
SELECT steps.id, steps.trace, steps.kind, steps.start_ns, steps.end_ns FROM steps {join}
WHERE {where} AND {kinds}
"""
_JOIN = "JOIN attendances USING (trace, session)"
_OPENS, _CALLS, _RUNS, _CLOSES = 0, 1, 2, 3


class Turn(TypedDict):
    """A model call, a tool call, or the beginning or end of a run, and what was new in it.

    ``earlier`` counts the messages that it had from earlier turns; ``messages`` is empty where nothing was recorded.
    ``spans`` are the ids of all spans that report the call, its own first.
    """

    trace_id: str
    span_id: str
    name: str
    kind: str
    about: str | None
    agent: str | None
    start: str
    duration_ms: float
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None
    cost_is_estimate: bool
    is_error: bool
    error_type: str | None
    earlier: int
    messages: list[Said]
    spans: list[str]


class Conversation(TypedDict):
    """A page of turns; ``next`` and ``previous`` are offsets of other pages, ``calls`` is how many there are in all."""

    turns: list[Turn]
    calls: int
    offset: int
    next: int | None
    previous: int | None


class _Row(NamedTuple):
    at: int
    rank: int
    id: int
    trace: int


def conversation(
    connection: sqlite3.Connection,
    *,
    trace: int | None = None,
    session: str | None = None,
    offset: int = 0,
    limit: int | None = PAGE,
    content: bool = True,
) -> Conversation:
    """The trace with that row id, or the session, from the call number ``offset`` on; without ``limit`` to its end.

    A tool call stands with the model call that asked for it. Without ``content`` only tool calls are told, by name.
    """
    rows = _rows(connection, trace, session)
    first, last = _page(rows, offset, limit)
    before, after = max(0, first - _BEFORE), min(len(rows), last + _AFTER)
    read = calls(connection, sorted({(row.id, row.trace) for row in rows[before:after]}))
    turns = _Turns(rows[before:after], read, content=content).turns(first - before, last - before)
    return {
        "turns": turns,
        "calls": len(rows),
        "offset": first,
        "next": last if last < len(rows) else None,
        "previous": None if not first else max(0, first - (limit or first)),
    }


def messages_of_call(connection: sqlite3.Connection, trace: int, span_id: str) -> list[Said]:
    """All that one call was given and made; empty for a span that is none."""
    number = int.from_bytes(bytes.fromhex(span_id), "big", signed=True)
    row = connection.execute(
        "SELECT steps.id FROM steps JOIN spans USING (id) WHERE spans.trace = ? AND spans.span_id = ?", (trace, number)
    ).fetchone()
    if row is None:
        return []
    exchange = calls(connection, [(row[0], trace)])[row[0]].said
    return [said(each) for each in (*exchange.given, *exchange.made)]


def _rows(connection: sqlite3.Connection, trace: int | None, session: str | None) -> list[_Row]:
    where, join = ("steps.trace = ?", "") if session is None else ("attendances.session = ?", _JOIN)
    query = _ROWS.format(where=where, join=join, kinds=_KINDS)
    rows: list[_Row] = []
    for number, of, kind, start, end in connection.execute(query, (trace if session is None else session,)):
        if kind in {"model", "tool"}:
            rows.append(_Row(start, _CALLS if kind == "model" else _RUNS, number, of))
        else:
            rows += [_Row(start, _OPENS, number, of), _Row(end, _CLOSES, number, of)]
    return sorted(rows)


def _page(rows: Sequence[_Row], offset: int, limit: int | None) -> tuple[int, int]:
    first = _without_runs(rows, offset) if offset else 0
    return first, len(rows) if limit is None else _without_runs(rows, first + limit)


def _without_runs(rows: Sequence[_Row], at: int) -> int:
    """The next place at which no tool's run stands."""
    end = min(at, len(rows))
    while end < len(rows) and rows[end].rank == _RUNS and end - at < _LONGEST_RUN:
        end += 1
    return end


class _Turns:
    """Makes turns of calls, in order."""

    def __init__(self, rows: Sequence[_Row], read: dict[int, Call], *, content: bool) -> None:
        self._rows = rows
        self._calls = read
        self._content = content
        self._pairs = Pairs()
        self._history = History()
        self._traces: set[int] = set()

    def turns(self, first: int, last: int) -> list[Turn]:
        """Those of the rows from ``first`` to before ``last``; the rows around them are heard, not shown."""
        made: list[Turn] = []
        for place, row in enumerate(self._rows):
            if place >= last:
                self._listen(row)
                continue
            turn = self._turn(place, row)
            if turn is not None and place >= first:
                made.append(turn)
        return made

    def _listen(self, row: _Row) -> None:
        if row.rank == _CALLS:
            for message in self._calls[row.id].said.given:
                if message["kind"] == "tool_result":
                    self._pairs.tell(message)

    def _turn(self, place: int, row: _Row) -> Turn | None:
        call = self._calls[row.id]
        if row.rank == _RUNS:
            shown = self._pairs.run(call)
            return None if shown is None else self._shape(call, [shown], 0)
        if row.rank == _CALLS:
            messages, earlier = self._said(call.said.given, call.said.made, trace=row.trace)
            return self._shape(call, messages, earlier)
        return self._run(place, row, call)

    def _run(self, place: int, row: _Row, call: Call) -> Turn | None:
        """The beginning or the end of a run, where its calls do not say what it does."""
        is_end = row.rank == _CLOSES
        side = call.said.made if is_end else call.said.given
        inside = self._inside(place, call, forward=not is_end)
        spends = is_end and any(step.spends for step in call.steps)
        if side and inside is not None and (inside.said.made if is_end else inside.said.given):
            side = []
        new = [] if self._history.has(side) else self._history.new_in(side)
        if not new and not spends:
            return None
        messages, _ = self._said([], new) if is_end else self._said(new, [])
        return self._shape(call, messages, 0, at=row.at, spends=is_end)

    def _inside(self, place: int, run: Call, *, forward: bool) -> Call | None:
        """The first or last model call of a run."""
        rows = self._rows[place + 1 :] if forward else self._rows[:place][::-1]
        for row in rows:
            if row.rank == _CALLS and row.trace == run.step.trace:
                is_inside = run.step.start_ns <= row.at <= run.step.end_ns
                return self._calls[row.id] if is_inside else None
        return None

    def _said(self, given: list[Message], made: list[Message], *, trace: int = 0) -> tuple[list[Said], int]:
        shown: list[Said] = []
        new = self._history.new_in(given)
        if not new and given and given[-1]["role"] == "user" and trace not in self._traces:
            new = given[-1:]  # asked again, of a service that remembers nothing
        self._traces.add(trace)
        for message in new:
            if message["kind"] == "tool_call":
                if not self._pairs.knows(message):
                    shown.append(self._pairs.ask(message))
            elif message["kind"] != "tool_result" or not self._pairs.tell(message):
                shown.append(said(message))
        earlier = len(given) - len(shown)
        self._history.add((*given, *made))
        shown += [self._pairs.ask(each) if each["kind"] == "tool_call" else said(each) for each in made]
        return shown, earlier

    def _shape(
        self, call: Call, messages: list[Said], earlier: int, *, at: int | None = None, spends: bool = True
    ) -> Turn:
        step, cost = call.step, call.cost
        named = [_named(each) for each in messages if each["kind"] == "tool_call"]
        return {
            "trace_id": call.trace_id,
            "span_id": call.span_ids[0],
            "name": call.name,
            "kind": step.kind,
            "about": {"tool": step.tool, "model": step.model}.get(step.kind, step.agent),
            "agent": step.agent,
            "start": iso(step.start_ns if at is None else at),
            "duration_ms": max(step.end_ns - step.start_ns, 0) / 1e6,
            "input_tokens": call.tokens("input") if spends else None,
            "output_tokens": call.tokens("output") if spends else None,
            "cost_usd": cost.usd if spends else None,
            "cost_is_estimate": cost.is_estimate and spends,
            "is_error": step.error is not None,
            "error_type": step.error,
            "earlier": earlier,
            "messages": messages if self._content else named,
            "spans": call.span_ids,
        }


def _named(call: Said) -> Said:
    """A tool call without its arguments and its result."""
    result = call["result"]
    return {**call, "text": "", "result": None if result is None else {**result, "text": None}}
