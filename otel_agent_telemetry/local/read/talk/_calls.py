"""Calls and runs with what was said in each, from whichever span or log record of a call has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otel_agent_telemetry.local.read._content import content_of_log, content_of_span, gather
from otel_agent_telemetry.local.read.talk._coding import told, told_of_call
from otel_agent_telemetry.local.read.talk._dialects import NOTHING, Exchange, exchange, tool_exchange
from otel_agent_telemetry.local.store._spending import Cost, cost_of
from otel_agent_telemetry.local.store._steps import PRICED_ELSEWHERE, SPENT

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = ["Call", "Step", "calls"]

_SLACK_NS = 60 * 10**9  # what is told of a call is told when it is over
_AT_ONCE = 500
_STEPS = """
SELECT id, trace, kind, said_kind, counted, speaker, start_ns, end_ns, model, provider, tool, agent, response_id,
       call_id, error, spends, input, output, cache_read, cache_write, cost, evidence IS NOT NULL
FROM steps WHERE trace = ?1
"""
_WANTED = _STEPS + " AND id IN ({})"
_AROUND = (
    _STEPS
    + """
AND (speaker IS NOT NULL OR (kind = 'agent' AND counted)
    OR (evidence IS NOT NULL AND NOT counted AND end_ns >= ?2 AND start_ns <= ?3))
"""
)
_SPANS = """
SELECT spans.id, spans.name, spans.body, origins.harness, traces.trace_id
FROM spans JOIN origins ON origins.id = spans.origin JOIN traces ON traces.id = spans.trace
WHERE spans.id IN ({})
"""
_LOGS = """
SELECT logs.body, origins.harness FROM logs JOIN origins ON origins.id = logs.origin
WHERE logs.trace_id IN (SELECT trace_id FROM traces WHERE id = ?1 UNION SELECT trace_id FROM homes WHERE trace = ?1)
AND (logs.time_ns BETWEEN ?2 AND ?3 OR logs.time_ns = 0) ORDER BY logs.time_ns, logs.id
"""


class Step(NamedTuple):
    """A row of ``steps``, as far as a conversation needs it."""

    id: int
    trace: int
    kind: str
    said_kind: str
    counted: int
    speaker: int | None
    start_ns: int
    end_ns: int
    model: str | None
    provider: str | None
    tool: str | None
    agent: str | None
    response_id: str | None
    call_id: str | None
    error: str | None
    spends: int
    input: int | None
    output: int | None
    cache_read: int | None
    cache_write: int | None
    cost: float | None
    of_agent: int

    @property
    def spent(self) -> Cost:
        """What it cost, where it is the one that says so."""
        if self.spends & SPENT["cost"] and self.cost is not None:
            return Cost(self.cost)
        if self.spends & (SPENT["cost"] | PRICED_ELSEWHERE) or not self.spends & (SPENT["input"] | SPENT["output"]):
            return Cost()
        given, made = self.figure("input") or 0, self.figure("output") or 0
        cached = self.figure("cache_read") or 0, self.figure("cache_write") or 0
        return cost_of(self.model, self.provider, None, (given, made, *cached))

    def figure(self, name: str) -> int | None:
        """Tokens of that sort, where it is the one that says so."""
        return getattr(self, name) if self.spends & SPENT[name] else None


@dataclass(frozen=True, slots=True)
class Call:
    """One call or run that counts, with the steps that repeat it."""

    step: Step
    name: str
    trace_id: str
    span_ids: list[str]
    steps: list[Step]
    said: Exchange

    @property
    def cost(self) -> Cost:
        """Of all its steps together."""
        return sum((each.spent for each in self.steps), Cost())

    def tokens(self, name: str) -> int | None:
        """Of all its steps together, None where none says."""
        told_of = [number for each in self.steps if (number := each.figure(name)) is not None]
        return sum(told_of) if told_of else None


class _Stored(NamedTuple):
    name: str
    span: Span
    harness: str | None
    trace_id: bytes


def calls(connection: sqlite3.Connection, wanted: Sequence[tuple[int, int]]) -> dict[int, Call]:
    """The calls with these (row id, trace's row id), by row id."""
    by_trace: dict[int, list[int]] = {}
    for number, trace in wanted:
        by_trace.setdefault(trace, []).append(number)
    found: dict[int, Call] = {}
    for trace, numbers in by_trace.items():
        found.update(_Trace(connection, trace, numbers).calls())
    return found


class _Trace:
    """What is stored of some calls of a trace, and around them."""

    def __init__(self, connection: sqlite3.Connection, trace: int, numbers: list[int]) -> None:
        places = ", ".join("?" * len(numbers))
        steps = {row[0]: Step(*row) for row in connection.execute(_WANTED.format(places), (trace, *numbers))}
        begun = min(each.start_ns for each in steps.values())
        ended = max(each.end_ns for each in steps.values())
        around = {row[0]: Step(*row) for row in connection.execute(_AROUND, (trace, begun, ended))}
        repeats = _repeats({**around, **steps})
        self._wanted = [[steps[number], *repeats.get(number, ())] for number in numbers]
        self._runs = [step for step in around.values() if step.kind == "agent" and step.counted]
        self._beside = [step for step in around.values() if _is_beside(step)]
        asked = [each.id for group in self._wanted for each in group] + [each.id for each in self._beside]
        self._stored = _stored(connection, asked)
        rows = connection.execute(_LOGS, (trace, begun - _SLACK_NS, ended + _SLACK_NS)).fetchall()
        records = [(LogRecord.FromString(body), harness) for body, harness in rows]
        self._told = [each for record, harness in records if harness and (each := told(record)) is not None]
        self._logs = _by_span(record for record, harness in records if not harness)

    def calls(self) -> Iterator[tuple[int, Call]]:
        """Each with what was said in it."""
        for group in self._wanted:
            step, own = group[0], self._stored[group[0].id]
            span_ids = [self._stored[each.id].span.span_id.hex() for each in group]
            yield step.id, Call(step, own.name, own.trace_id.hex(), span_ids, group, _fullest(self._said(group)))

    def _said(self, group: list[Step]) -> Iterator[Exchange]:
        """What each source says of a call, the nearest first."""
        step = group[0]
        for each in group:
            held = self._stored[each.id]
            logs = self._logs.get(held.span.span_id, {})
            yield _exchange(step, {**content_of_span(held.span, held.harness), **logs})
        if self._told:
            ids = frozenset(number for each in group for number in (each.response_id, each.call_id) if number)
            spans = frozenset(self._stored[each.id].span.span_id for each in group)
            yield told_of_call(self._told, step.kind, ids, spans, self._period(step))
        near = [each for each in self._beside if each.said_kind == step.kind and _overlap(each, step) > 0]
        if near:
            held = self._stored[max(near, key=lambda each: _overlap(each, step)).id]
            yield _exchange(step, content_of_span(held.span, held.harness))

    def _period(self, step: Step) -> tuple[int, int]:
        """When it was; a run begins when the one before it ended, as its prompt comes before it."""
        if step.kind != "agent":
            return step.start_ns, step.end_ns
        return max((run.end_ns for run in self._runs if run.end_ns <= step.start_ns), default=0), step.end_ns


def _is_beside(step: Step) -> bool:
    """Whether it is a coding agent's and tells of a call that another one counts as."""
    return bool(step.of_agent) and step.speaker is None and not step.counted


def _repeats(steps: Mapping[int, Step]) -> dict[int, list[Step]]:
    """By the step that speaks for them, those that repeat it."""
    found: dict[int, list[Step]] = {}
    for step in steps.values():
        if step.speaker is not None and (speaker := _speaker(steps, step)) is not None:
            found.setdefault(speaker, []).append(step)
    return found


def _speaker(steps: Mapping[int, Step], step: Step) -> int | None:
    """The step that speaks for one, through those that are spoken for themselves."""
    at, seen = step.speaker, {step.id}
    while at is not None and at in steps and at not in seen:
        seen.add(at)
        above = steps[at].speaker
        if above is None:
            return at
        at = above
    return None


def _stored(connection: sqlite3.Connection, numbers: list[int]) -> dict[int, _Stored]:
    found: dict[int, _Stored] = {}
    for first in range(0, len(numbers), _AT_ONCE):
        some = numbers[first : first + _AT_ONCE]
        rows: Iterable[Any] = connection.execute(_SPANS.format(", ".join("?" * len(some))), some)
        found.update((row[0], _Stored(row[1], Span.FromString(row[2]), row[3], row[4])) for row in rows)
    return found


def _by_span(records: Iterable[LogRecord]) -> dict[bytes, dict[str, object]]:
    found: dict[bytes, dict[str, object]] = {}
    for record in records:
        gather(found.setdefault(record.span_id, {}), record.event_name or "log", content_of_log(record))
    return found


def _exchange(step: Step, content: dict[str, object]) -> Exchange:
    if step.kind == "tool":
        return tool_exchange(content, step.tool, step.call_id)
    if "user_prompt" in content:
        content = {"gen_ai.input.messages": [{"role": "user", "content": content["user_prompt"]}], **content}
    return exchange(content)


def _overlap(one: Step, other: Step) -> int:
    return min(one.end_ns, other.end_ns) - max(one.start_ns, other.start_ns)


def _fullest(found: Iterable[Exchange]) -> Exchange:
    given, made = NOTHING
    for each in found:
        given, made = given or each.given, made or each.made
        if given and made:
            break
    return Exchange(given, made)
