"""What one span says, in one vocabulary: the only place where the attributes of dialects are read."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

from otel_agent_telemetry import semconv
from otel_agent_telemetry.meaning import _kinds as kinds
from otel_agent_telemetry.meaning._outcomes import error_of, is_left, outcome_of
from otel_agent_telemetry.meaning._providers import CUMULATIVE, FRAMEWORKS, inclusion, provider_named
from otel_agent_telemetry.meaning._table import FIGURES, ROWS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otel_agent_telemetry.meaning._records import SpanRecord

__all__ = ["READ_KEYS", "Said", "read"]

_RESPONSE_IDS = ("resp_", "chatcmpl")  # agent-framework gives the response's id as the conversation
_LONGEST_COUNT = 15
_LARGEST = 2**53  # beyond it JSON readers lose digits; no model was ever given as many tokens
_METERED = frozenset({kinds.MODEL, kinds.EMBEDDING, kinds.AGENT})


class Said:
    """One span: its place and time, what it stands for, and what it says of that; None for what it does not say.

    ``key`` and ``parent_key`` are as in :class:`SpanRecord`. ``input_tokens`` include cached ones and
    ``output_tokens`` reasoning ones, whatever the provider counts. ``error`` is a category of the contract,
    ``outcome`` one of semconv's ``OUTCOME_*`` or None. ``is_left`` is true where a reader closed a generator.
    ``attributes`` are the span's own where it is one of ours.
    """

    __slots__ = (
        "agent_id",
        "agent_name",
        "answered_by",
        "asked",
        "attributes",
        "cache_read_tokens",
        "cache_write_tokens",
        "call_id",
        "conversation",
        "cost_usd",
        "end_ns",
        "error",
        "input_tokens",
        "is_cumulative",
        "is_left",
        "is_mcp",
        "is_own",
        "key",
        "kind",
        "name",
        "outcome",
        "output_tokens",
        "parent_key",
        "provider",
        "reasoning_tokens",
        "response_id",
        "scope",
        "start_ns",
        "trace_id",
    )

    def __init__(self, record: SpanRecord, kind: str) -> None:
        self.trace_id = record.trace_id
        self.key = record.key
        self.parent_key = record.parent_key
        self.scope = record.scope
        self.start_ns = record.start_ns
        self.end_ns = record.end_ns
        self.kind = kind
        self.attributes: Mapping[str, object] = {}
        self.is_own = False
        self.is_mcp = False
        self.is_left = False
        self.is_cumulative = False
        self.name: str | None = None
        self.conversation: str | None = None
        self.agent_id: str | None = None
        self.agent_name: str | None = None
        self.answered_by: str | None = None
        self.asked: str | None = None
        self.provider: str | None = None
        self.response_id: str | None = None
        self.call_id: str | None = None
        self.input_tokens: int | None = None
        self.output_tokens: int | None = None
        self.cache_read_tokens: int | None = None
        self.cache_write_tokens: int | None = None
        self.reasoning_tokens: int | None = None
        self.cost_usd: float | None = None
        self.error: str | None = None
        self.outcome: str | None = None

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
    found = _found(attributes)
    said.conversation = _conversation(found)
    said.agent_name = found.get("agent_name")
    said.agent_id = found.get("agent_id") or said.agent_name
    said.is_own = kinds.is_own(attributes)
    if said.is_own:
        said.attributes = attributes
    if kind in _METERED:
        _read_call(said, record, found)
    if kind == kinds.TOOL:
        said.name, said.call_id = found.get("tool"), found.get("call_id")
        said.is_mcp = kinds.is_mcp(attributes)
    elif kind == kinds.AGENT:
        said.name = said.agent_name
    elif kind == kinds.WORKFLOW:
        said.name = found.get("workflow")
    said.error = error_of(record, said.kind, has_usage=said.has_usage)
    said.outcome = outcome_of(record, said.error)
    said.is_left = bool(record.is_error or record.interrupted_by) and is_left(record)
    if kind == kinds.MODEL and said.error is None and kinds.is_helper(attributes):
        said.kind = kinds.OTHER
    return said


def _read_call(said: Said, record: SpanRecord, found: dict[str, Any]) -> None:
    said.answered_by, said.asked = found.get("answered_by"), found.get("asked")
    said.response_id, said.provider = found.get("response_id"), found.get("provider")
    said.is_cumulative = said.kind == kinds.AGENT and "cumulative" in found
    if said.kind == kinds.AGENT and ("run_input_tokens" in found or "run_output_tokens" in found):
        figures = {name: found.get(f"run_{name}") for name in FIGURES}
    else:
        figures = {name: found.get(name) for name in FIGURES}
    if figures["cost_usd"] is None and "input_cost" in found and "output_cost" in found:
        figures["cost_usd"] = found["input_cost"] + found["output_cost"]
    for name, figure in figures.items():
        setattr(said, name, figure)
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


# One pass over the attributes: each name knows which concepts it may say, and how early it stands in their rows. ----


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


def _check_of(concept: str) -> Callable[[object], object]:
    if concept.endswith("_tokens"):
        return _count
    if "cost" in concept:
        return _dollars
    return _provider if concept == "provider" else _text


_SLOTS: dict[str, tuple[tuple[str, int, Callable[[object], object]], ...]] = {}
for _concept, _row in ROWS.items():
    for _rank, _name in enumerate(_row):
        _SLOTS[_name] = (*_SLOTS.get(_name, ()), (_concept, _rank, _check_of(_concept)))

READ_KEYS = frozenset(
    {
        *_SLOTS,
        *kinds.MARKS,
        semconv.AGENT_OUTCOME,
        semconv.ERROR_TYPE,
        "error_type",
        "http.response.status_code",
        semconv.AGENT_EVENT_NAME,
        semconv.AGENT_TASK_ID,
        semconv.AGENT_TASK_NAME,
        semconv.AGENT_TASK_SOURCE,
        semconv.AGENT_COMMAND_NAME,
        semconv.AGENT_WORKFLOW_ID,
    }
)
"""Every attribute that is read of a span that is not sent as an event of ours."""


def _found(attributes: Mapping[str, object]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    ranks: dict[str, int] = {}
    for name, value in attributes.items():
        slots = _SLOTS.get(name)
        if slots is None:
            continue
        for concept, rank, check in slots:
            if rank < ranks.get(concept, rank + 1) and (checked := check(value)) is not None:
                found[concept] = checked
                ranks[concept] = rank
        if value == CUMULATIVE:
            found["cumulative"] = True
    return found
