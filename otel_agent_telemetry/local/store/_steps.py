"""A span that says something, as a row of ``steps``: what it says, and the verdict on it once its trace is settled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from otel_agent_telemetry import semconv
from otel_agent_telemetry.meaning import Place, Said, SpanRecord, kinds, read
from otel_agent_telemetry.meaning._asides import ASIDES, aside_of
from otel_agent_telemetry.meaning._from_otlp import record_of
from otel_agent_telemetry.meaning._records import key_of
from otel_agent_telemetry.meaning.harnesses import Marks, mark_printed, said_of_span

if TYPE_CHECKING:
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

__all__ = [
    "COLUMNS",
    "PRICED_ELSEWHERE",
    "ROOT",
    "SAID",
    "SPENT",
    "VERDICT",
    "Spot",
    "agent_said_of",
    "may_be_step",
    "said_of",
    "said_of_row",
    "shown_kind",
    "values_of",
]

SPENT = {"input": 1, "output": 2, "cache_read": 4, "cache_write": 8, "reasoning": 16, "cost": 32}
"""Bits of ``steps.spends``: which of a row's figures are added up."""
PRICED_ELSEWHERE = 64
"""Bit of ``steps.spends``: another span says what this call cost, so that no price list is asked."""

VERDICT = ("counted", "spends", "speaker", "kind", "model", "provider", "agent", "session", "user")
"""The columns of ``steps`` that settling writes."""
_TAKEN = ("id", "trace", "kind", "counted", "spends", "speaker", "model", "provider", "agent", "session")
SAID = (
    "start_ns",
    "end_ns",
    "said_kind",
    "name",
    "tool",
    "asked",
    "answered",
    "said_provider",
    "said_agent",
    "agent_id",
    "said_session",
    "response_id",
    "call_id",
    "outcome",
    "error",
    "flags",
    *SPENT,
    "evidence",
)
COLUMNS = (*_TAKEN, *SAID)
"""The columns of ``steps``, in order; those of :data:`SAID` never change."""

_OWN, _MCP, _CUMULATIVE, _LEFT = 1, 2, 4, 8
ROOT = 16
"""Bit of ``steps.flags``: a call with no span above it."""
_LABELS = {
    kinds.TASK: (semconv.AGENT_TASK_NAME, semconv.AGENT_TASK_SOURCE),
    kinds.COMMAND: (semconv.AGENT_COMMAND_NAME,),
    kinds.EVENT: (semconv.AGENT_EVENT_NAME,),
}
_LIFECYCLES = {kind: name for name, kind in kinds.LIFECYCLES.items()}
_CALLS = frozenset({kinds.MODEL, kinds.EMBEDDING, kinds.TOOL})
_UNSIGNED = 2**64 - 1  # SQLite keeps span ids as signed numbers


Spot: TypeAlias = "tuple[bytes, int, int, int, int, str]"
"""Where a span stands: trace id, span id, parent's id, start, end, and the name of its instrumentation."""


def may_be_step(body: bytes) -> bool:
    """Whether a span's protobuf bytes name a key that a dialect marks its spans with; cheap, for the hot path."""
    return (
        b"gen_ai." in body
        or b"agent.lifecycle" in body
        or b"span.kind" in body
        or b"llm.request.type" in body
        or b"mcp.method.name" in body
        or b"ai.operationId" in body
        or b"lmnr.span" in body
    )


def said_of(span: Span, scope: str, start_ns: int, end_ns: int) -> Said | None:
    """What a span says, at times that SQLite can hold; None for one that no dialect speaks of."""
    record = record_of(span, scope, start_ns, end_ns)
    said = mark_printed(read(record))
    if said is not None and said.kind == kinds.OTHER:
        said.aside = aside_of(record.attributes)
    # a span that stands for nothing is of use where it names the conversation of what is below it
    says_nothing = said is None or (said.kind == kinds.OTHER and said.conversation is None and said.aside is None)
    return None if says_nothing else said


def agent_said_of(span: Span, scope: str, harness: str, start_ns: int, end_ns: int) -> Said | None:
    """The same of a span of a coding agent."""
    return said_of_span(record_of(span, scope, start_ns, end_ns), span.name, harness)


def shown_kind(said: Said) -> str:
    """What a span is called: its kind, or what it does that counts nowhere."""
    return said.aside or said.kind


def values_of(number: int, trace: int, said: Said) -> tuple[object, ...]:
    """The row of a step in the order of :data:`COLUMNS`; until its trace is settled, it is taken at its word."""
    kind, tool, error = shown_kind(said), said.name if said.kind == kinds.TOOL else None, said.error
    if kind == kinds.EVENT and said.attributes.get(semconv.AGENT_EVENT_NAME) == "tool.called":
        kind, tool, error = kinds.TOOL, *_recorded_tool(said)
    spends = sum(SPENT.values()) if kind in (kinds.MODEL, kinds.EMBEDDING) else 0
    return (
        *(number, trace, kind, 1, spends, None, said.model, said.provider, said.agent_name, said.conversation),
        *(
            said.start_ns,
            said.end_ns,
            shown_kind(said),
            _label(said),
            tool,
            said.asked,
            said.answered_by,
            said.provider,
        ),
        *(said.agent_name, said.agent_id, said.conversation, said.response_id, said.call_id, said.outcome, error),
        _flags(said),
        *(said.input_tokens, said.output_tokens, said.cache_read_tokens, said.cache_write_tokens),
        *(said.reasoning_tokens, said.cost_usd, said.marks.to_text() if said.marks is not None else None),
    )


def _flags(said: Said) -> int:
    is_root = not said.parent_key and said.kind in _CALLS
    said_so = said.is_own * _OWN + said.is_mcp * _MCP + said.is_cumulative * _CUMULATIVE + said.is_left * _LEFT
    return said_so + is_root * ROOT


def _recorded_tool(said: Said) -> tuple[str | None, str | None]:
    """Name and error of a tool call that was told in one line."""
    prefix = semconv.AGENT_EVENT_PROPERTY
    name = said.attributes.get(f"{prefix}toolName")
    failed = said.attributes.get(f"{prefix}isSuccess") is False
    return (name if isinstance(name, str) else None), ("tool_error" if failed else None)


def _label(said: Said) -> str | None:
    if said.kind == kinds.WORKFLOW:
        return said.name
    found = (said.attributes.get(key) for key in _LABELS.get(said.kind, ()))
    return next((value for value in found if isinstance(value, str) and value), None)


def said_of_row(spot: Spot, row: Any) -> tuple[Said | None, Place]:
    """What a stored step says, and its place; ``row`` are its columns of :data:`SAID`, all None for a plain span."""
    trace_id, span_id, parent_id, start_ns, end_ns, scope = spot
    number = int.from_bytes(trace_id, "big")
    if row[0] is None:
        above = key_of(number, parent_id & _UNSIGNED)
        return None, Place(key_of(number, span_id & _UNSIGNED), above, start_ns, end_ns, None)
    record = SpanRecord(number, span_id & _UNSIGNED, parent_id & _UNSIGNED, scope, {}, start_ns, end_ns)
    said = _said(record, row)
    return said, Place(said.key, said.parent_key, start_ns, end_ns, said)


def _said(record: SpanRecord, row: Any) -> Said:
    (_, _, kind, name, tool, asked, answered, provider, agent, agent_id, session, response_id, call_id, outcome) = row[
        :14
    ]
    error, flags, given, made, read_, written, reasoned, cost, evidence = row[14:]
    said = Said(record, kinds.OTHER if kind in ASIDES else kind)
    said.aside = kind if kind in ASIDES else None
    said.name = {kinds.TOOL: tool, kinds.AGENT: agent, kinds.WORKFLOW: name}.get(kind)
    said.asked, said.answered_by, said.provider = asked, answered, provider
    said.agent_name, said.agent_id, said.conversation = agent, agent_id, session
    said.response_id, said.call_id, said.outcome, said.error = response_id, call_id, outcome, error
    said.is_own, said.is_mcp = bool(flags & _OWN), bool(flags & _MCP)
    said.is_cumulative, said.is_left = bool(flags & _CUMULATIVE), bool(flags & _LEFT)
    said.input_tokens, said.output_tokens = given, made
    said.cache_read_tokens, said.cache_write_tokens, said.reasoning_tokens = read_, written, reasoned
    said.cost_usd = cost
    if evidence is not None:
        said.marks = Marks.from_text(evidence)
    if said.is_own:
        said.attributes = _own_attributes(said, name, tool)
    return said


def _own_attributes(said: Said, name: str | None, tool: str | None) -> dict[str, object]:
    """As much of a span of ours as its place needs."""
    given: dict[str, object] = {
        semconv.AGENT_LIFECYCLE: _LIFECYCLES[said.kind],
        semconv.GEN_AI_CONVERSATION_ID: said.conversation,
        semconv.GEN_AI_AGENT_NAME: said.agent_name,
        semconv.GEN_AI_AGENT_ID: said.agent_id,
    }
    if said.kind == kinds.EVENT:
        given[semconv.AGENT_EVENT_NAME] = name
        if tool is not None or name == "tool.called":
            given[f"{semconv.AGENT_EVENT_PROPERTY}toolName"] = tool
            given[f"{semconv.AGENT_EVENT_PROPERTY}isSuccess"] = said.error is None
    return {key: value for key, value in given.items() if value is not None}
