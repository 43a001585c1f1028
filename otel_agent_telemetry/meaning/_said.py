"""What one span says, in one vocabulary: the only place where the attributes of dialects are read."""

from __future__ import annotations

from functools import lru_cache
from math import isfinite
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from otel_agent_telemetry import semconv
from otel_agent_telemetry.meaning import _kinds as kinds
from otel_agent_telemetry.meaning._first_chunk import ATTRIBUTES as FIRST_CHUNK
from otel_agent_telemetry.meaning._first_chunk import first_chunk_seconds
from otel_agent_telemetry.meaning._outcomes import ENDS, error_of, is_left, outcome_of
from otel_agent_telemetry.meaning._providers import CUMULATIVE, FRAMEWORKS, inclusion, provider_named
from otel_agent_telemetry.meaning._table import FIGURES, ROWS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otel_agent_telemetry.meaning._records import SpanRecord
    from otel_agent_telemetry.meaning.harnesses._marks import Marks

__all__ = ["READ_KEYS", "Said", "read"]

_RESPONSE_IDS = ("resp_", "chatcmpl")  # agent-framework gives the response's id as the conversation
_LONGEST_COUNT = 15
_LARGEST = 2**53  # beyond it JSON readers lose digits; no model was ever given as many tokens
_OF_A_CALL = frozenset({"answered_by", "asked", "operation", "provider", "response_id", *FIGURES})
_METERED = frozenset({kinds.MODEL, kinds.EMBEDDING, kinds.AGENT})
_OF_A_RUN = frozenset({"framework", *(concept for concept in ROWS if concept.startswith("run_"))})
_OF_METERED = frozenset({*_OF_A_CALL, *_OF_A_RUN, "input_cost", "output_cost", "total_tokens"}) - {"response_id"}
_OF_A_TOOL = frozenset({"tool", "call_id"})
_OF_ONE_KIND = frozenset({*_OF_METERED, *_OF_A_TOOL, "workflow"})
_OF_OTHERS = {
    kinds.MODEL: frozenset({*_OF_A_RUN, *_OF_A_TOOL, "workflow"}),
    kinds.EMBEDDING: frozenset({*_OF_A_RUN, *_OF_A_TOOL, "workflow"}),
    kinds.AGENT: frozenset({*_OF_A_TOOL, "workflow"}),
    kinds.TOOL: frozenset({*_OF_METERED, "workflow"}),
    kinds.WORKFLOW: frozenset({*_OF_METERED, *_OF_A_TOOL}),
}
"""The concepts that a span of a kind does not say anything by."""


class Said:
    """One span: its place and time, what it stands for, and what it says of that; None for what it does not say.

    ``key`` and ``parent_key`` are as in :class:`SpanRecord`. ``input_tokens`` include cached ones and
    ``output_tokens`` reasoning ones, whatever the provider counts. ``error`` is a category of the contract,
    ``outcome`` one of semconv's ``OUTCOME_*`` or None. ``is_left`` is true where a reader closed a generator.
    ``first_chunk_seconds`` is what the first piece of a streamed answer took.
    ``attributes`` are the span's own where it is one of ours; ``marks`` is what else a coding agent says.
    ``aside`` is set by whoever asks for it: what a span of kind ``other`` does, where that has a name.
    """

    # Defaults of the class, so that a span pays only for what it says.
    attributes: Mapping[str, object] = MappingProxyType({})
    is_own = is_mcp = is_left = is_cumulative = False
    name: str | None = None
    aside: str | None = None
    conversation: str | None = None
    agent_id: str | None = None
    agent_name: str | None = None
    answered_by: str | None = None
    asked: str | None = None
    provider: str | None = None
    response_id: str | None = None
    call_id: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost_usd: float | None = None
    operation: str | None = None
    first_chunk_seconds: float | None = None
    error: str | None = None
    outcome: str | None = None
    marks: Marks | None = None

    def __init__(self, record: SpanRecord, kind: str) -> None:
        self.trace_id = record.trace_id
        trace = record.trace_id << 64  # as key_of() has it, without the calls
        self.key = trace | record.span_id
        self.parent_key = trace | record.parent_id if record.parent_id else 0
        self.scope = record.scope
        self.start_ns = record.start_ns
        self.end_ns = record.end_ns
        self.kind = kind

    @property
    def model(self) -> str | None:
        """The model that answered, else the one that was asked for."""
        return self.answered_by or self.asked

    @property
    def has_usage(self) -> bool:
        """Whether it says anything about tokens."""
        return self.input_tokens is not None or self.output_tokens is not None


def read(record: SpanRecord) -> Said | None:
    """What a span says, or None where its attributes show no dialect."""
    attributes = record.attributes
    kind = kinds.kind_of(attributes)
    if kind is None:
        return None
    said = Said(record, kind)
    plan = _plan(kind, tuple(attributes))
    found = _found(plan, attributes)
    _read_place(said, found)
    if plan.is_own:
        said.is_own, said.attributes = True, attributes
    if kind in _METERED:
        _read_call(said, record, found)
        if plan.first_chunk:
            said.first_chunk_seconds = first_chunk_seconds(plan.first_chunk, attributes)
        elif record.first_chunk_ns > record.start_ns:
            said.first_chunk_seconds = (record.first_chunk_ns - record.start_ns) / 1e9
    elif kind == kinds.TOOL:
        said.name, said.call_id = found.get("tool"), found.get("call_id")
        said.is_mcp = kinds.is_mcp(attributes)
    elif kind == kinds.WORKFLOW:
        said.name = found.get("workflow")
    if record.is_error or record.interrupted_by or plan.tells_end:
        _read_end(said, record)
    if plan.may_be_helper and said.error is None and kinds.is_helper(attributes):
        said.kind = kinds.OTHER  # a step before a model call is known by how it looks, if it did not fail
    return said


def _read_place(said: Said, found: dict[str, Any]) -> None:
    if "conversation" in found:
        said.conversation = _conversation(found)
    if "agent_name" in found:
        said.agent_name = said.agent_id = found["agent_name"]
    if "agent_id" in found:
        said.agent_id = found["agent_id"]


def _read_end(said: Said, record: SpanRecord) -> None:
    error = error_of(record, said.kind, has_usage=said.has_usage)
    if error is not None or record.is_error or semconv.AGENT_OUTCOME in record.attributes:
        said.error, said.outcome = error, outcome_of(record, error)
    if record.is_error or record.interrupted_by or said.is_own:
        said.is_left = is_left(record)


def _read_call(said: Said, record: SpanRecord, found: dict[str, Any]) -> None:
    for concept, value in found.items():
        if concept in _OF_A_CALL:
            setattr(said, concept, value)
    if said.kind == kinds.AGENT:
        said.name = said.agent_name
        said.is_cumulative = found.get("framework") == CUMULATIVE
        if "run_input_tokens" in found or "run_output_tokens" in found:
            for name in FIGURES:
                setattr(said, name, found.get(f"run_{name}"))
    if said.cost_usd is None and "input_cost" in found and "output_cost" in found:
        said.cost_usd = found["input_cost"] + found["output_cost"]
    _complete(said, record, found.get("total_tokens"))


def _complete(said: Said, record: SpanRecord, total: object) -> None:
    """Make input hold the cached tokens and output the reasoning ones, as the conventions have it."""
    given, made = said.input_tokens, said.output_tokens
    if not given and not made:  # some write 0 where they know nothing: no call is without a prompt
        said.input_tokens = said.output_tokens = None
        return
    cached = (said.cache_read_tokens or 0) + (said.cache_write_tokens or 0)
    reasoning = said.reasoning_tokens or 0
    if not cached and not reasoning:
        return
    known = total if isinstance(total, int) else None
    figures = (given or 0, made or 0, cached, reasoning, known)
    held = inclusion(record.scope, said.provider, record.attributes, figures)
    if given is not None and not held.cached:
        said.input_tokens = given + cached
    if made is not None and not held.reasoning:
        said.output_tokens = made + reasoning


def _conversation(found: dict[str, Any]) -> str | None:
    """The conversation that a span belongs to; ids of single responses do not count."""
    written = found.get("conversation")
    if not isinstance(written, str) or written.startswith(_RESPONSE_IDS) or written == found.get("response_id"):
        return None
    return written


def _text(value: object) -> str | None:
    return value if value and isinstance(value, str) else None


def _count(value: object) -> int | None:
    if type(value) is int:  # which a bool is not
        return min(max(value, 0), _LARGEST)
    if isinstance(value, float) and isfinite(value):
        return min(max(int(value), 0), _LARGEST)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _LONGEST_COUNT:
        return int(value)  # Micrometer writes every value as text
    return None


def _dollars(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value) or value < 0:
        return None
    return float(value)


def _provider(value: object) -> str | None:
    if not value or not isinstance(value, str) or value.lower() in FRAMEWORKS:
        return None
    return provider_named(value)


def _framework(value: object) -> str | None:
    return value.lower() if isinstance(value, str) and value.lower() in FRAMEWORKS else None


def _check_of(concept: str) -> Callable[[object], object]:
    if concept.endswith("_tokens"):
        return _count
    if "cost" in concept:
        return _dollars
    return {"provider": _provider, "framework": _framework}.get(concept, _text)


_CHECKS = {concept: _check_of(concept) for concept in ROWS}

READ_KEYS = frozenset(
    {
        *(name for row in ROWS.values() for name in row),
        *kinds.MARKS,
        semconv.AGENT_OUTCOME,
        semconv.ERROR_TYPE,
        *FIRST_CHUNK,
        "error_type",
        "http.response.status_code",
        semconv.AGENT_EVENT_NAME,
        semconv.AGENT_TASK_ID,
        semconv.AGENT_TASK_NAME,
        semconv.AGENT_TASK_SOURCE,
        semconv.AGENT_COMMAND_NAME,
        semconv.AGENT_COMMAND_PROGRAM,
        semconv.AGENT_WORKFLOW_ID,
    }
)
"""Every attribute that is read of a span that is not sent as an event of ours."""


class _Plan(NamedTuple):
    """What attributes of certain names may say of a span of a kind: concepts with where to look, and which rules apply.

    Most spans of a program have the same names.
    """

    concepts: list[tuple[str, Callable[[object], object], list[str]]]
    is_own: bool
    tells_end: bool
    may_be_helper: bool
    first_chunk: tuple[str, ...]


def _found(plan: _Plan, attributes: Mapping[str, object]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for concept, check, names in plan.concepts:
        for name in names:
            checked = check(attributes[name])
            if checked is not None:
                found[concept] = checked
                break
    return found


@lru_cache(maxsize=1024)
def _plan(kind: str, given: tuple[str, ...]) -> _Plan:
    names = frozenset(given)
    left_out = _OF_OTHERS.get(kind, _OF_ONE_KIND)
    rows = ((concept, [name for name in row if name in names]) for concept, row in ROWS.items())
    concepts = [(concept, _CHECKS[concept], row) for concept, row in rows if row and concept not in left_out]
    return _Plan(
        concepts,
        is_own=semconv.AGENT_LIFECYCLE in names,
        tells_end=semconv.AGENT_LIFECYCLE in names or not ENDS.isdisjoint(names),
        may_be_helper=kind == kinds.MODEL and kinds.is_helper(dict.fromkeys(names)),
        first_chunk=tuple(name for name in FIRST_CHUNK if name in names) if kind == kinds.MODEL else (),
    )
