"""The two kinds of call that are counted, read from a span: a model call and a tool call."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Protocol

from otel_agent_telemetry import semconv
from otel_agent_telemetry.meaning import _dialects as dialects
from otel_agent_telemetry.meaning._errors import CANCELLED, failure, is_cancelled
from otel_agent_telemetry.meaning._origins import provider
from otel_agent_telemetry.meaning._records import Fact, Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_agent_telemetry.meaning._records import SpanRecord

_NS_PER_MS = 1_000_000
_FIGURES = (
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "cost_usd",
)
_FAILED_OUTCOMES = frozenset({semconv.OUTCOME_ERROR, semconv.OUTCOME_CANCELLED})


class Figures(Protocol):
    """What is known of a model and of what was used: of one call, or of all that are below a span."""

    model: str | None
    provider: str | None


class ModelCall:
    """A model call, an embedding, or an agent's own usage figure; the latter two are tokens without a call."""

    __slots__ = (
        "agent_name",
        "cache_read_tokens",
        "cache_write_tokens",
        "calls",
        "conversation",
        "cost_usd",
        "error",
        "given_agent_name",
        "input_tokens",
        "is_alone",
        "model",
        "occurred_ns",
        "output_tokens",
        "provider",
        "reasoning_tokens",
    )

    def __init__(
        self, record: SpanRecord, attributes: Mapping[str, object], conversation: str | None, *, calls: int
    ) -> None:
        count = dialects.count
        self.occurred_ns = record.end_ns
        self.calls = calls
        self.is_alone = False
        self.conversation = conversation
        self.agent_name: str | None = None
        self.given_agent_name = dialects.text(attributes, dialects.AGENT_NAME)
        self.model = dialects.text(attributes, dialects.MODEL_NAME)
        self.provider = provider(attributes)
        self.output_tokens = count(attributes, dialects.OUTPUT_TOKENS)
        self.cache_read_tokens = count(attributes, dialects.CACHE_READ_TOKENS)
        self.cache_write_tokens = count(attributes, dialects.CACHE_WRITE_TOKENS)
        self.reasoning_tokens = count(attributes, dialects.REASONING_TOKENS)
        self.cost_usd = dialects.cost_usd(attributes)
        tokens = count(attributes, dialects.INPUT_TOKENS)
        if tokens is not None:
            # The conventions count cached input as input; older instrumentations of Anthropic's API did not.
            cached = (self.cache_read_tokens or 0) + (self.cache_write_tokens or 0)
            tokens = tokens if cached <= tokens else tokens + cached
        self.input_tokens = tokens
        if not tokens and not self.output_tokens:  # some write 0 where they know nothing: no call is without a prompt
            self.input_tokens = self.output_tokens = None
        self.error = _model_error(record, has_usage=self.has_usage) if calls else None

    @property
    def has_usage(self) -> bool:
        """Whether it says anything about tokens."""
        return self.input_tokens is not None or self.output_tokens is not None

    @property
    def has_figures(self) -> bool:
        """Whether it says anything about tokens or cost."""
        return any(getattr(self, name) is not None for name in _FIGURES)

    def beyond(self, known: Figures) -> ModelCall | None:
        """The figures of this call that are not known of the same call yet, as usage without a call; None for none."""
        rest = copy(self)
        rest.calls, rest.error = 0, None
        rest.model, rest.provider = known.model or self.model, known.provider or self.provider
        for name in _FIGURES:
            if getattr(known, name) is not None:
                setattr(rest, name, None)
        return rest if any(getattr(rest, name) for name in _FIGURES) else None

    def complete(self, rest: ModelCall) -> None:
        """Note figures that were counted for this call after it."""
        for name in _FIGURES:
            if getattr(self, name) is None:
                setattr(self, name, getattr(rest, name))

    def emitted(self, session_id: str | None, agent_name: str | None) -> Usage:
        """As what leaves the mapping."""
        return Usage(
            occurred_ns=self.occurred_ns,
            model=self.model,
            provider=self.provider,
            session_id=session_id,
            agent_name=self.agent_name or self.given_agent_name or agent_name,
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            cache_read_tokens=self.cache_read_tokens,
            cache_write_tokens=self.cache_write_tokens,
            reasoning_tokens=self.reasoning_tokens,
            cost_usd=self.cost_usd,
            is_error=self.error is not None,
            calls=self.calls,
        )


class ToolCall:
    """A tool call."""

    __slots__ = ("agent_name", "conversation", "error", "given_agent_name", "is_mcp", "name", "occurred_ns", "start_ns")

    def __init__(self, record: SpanRecord, name: str | None, conversation: str | None) -> None:
        attributes = record.attributes
        self.name = name
        self.conversation = conversation
        self.agent_name: str | None = None
        self.given_agent_name = dialects.text(attributes, dialects.AGENT_NAME)
        self.is_mcp = dialects.is_mcp(attributes)
        self.start_ns = record.start_ns
        self.occurred_ns = record.end_ns
        self.error = _tool_error(record)

    def is_within(self, name: str) -> bool:
        """Whether a tool call of that name right around it is the same call seen twice.

        Agents often put the name of an MCP server before the name that the server has for its tool.
        """
        return self.name == name or (self.is_mcp and self.name is not None and name.endswith(self.name))

    def emitted(self, session_id: str | None, agent_name: str | None) -> Fact:
        """As what leaves the mapping."""
        error = self.error
        properties: dict[str, object] = {
            "toolName": self.name,
            "isSuccess": error is None,
            "durationMs": (self.occurred_ns - self.start_ns) // _NS_PER_MS,
            "errorCategory": error,
            "sessionId": session_id,
            "agentName": self.agent_name or self.given_agent_name or agent_name,
        }
        known = {name: value for name, value in properties.items() if value is not None}
        return Fact("tool.called", known, self.occurred_ns)


def _model_error(record: SpanRecord, *, has_usage: bool) -> str | None:
    # A stream whose reader has all that it wants is closed like one that is given up; that one has no usage yet.
    if is_cancelled(record) or (record.interrupted_by and not has_usage):
        return CANCELLED
    if record.is_error or dialects.is_failed(record.attributes):
        return failure(record, dialects.MODEL)
    return None


def _tool_error(record: SpanRecord) -> str | None:
    attributes = record.attributes
    outcome = attributes.get(semconv.AGENT_OUTCOME)
    if is_cancelled(record):
        return CANCELLED
    if record.is_error or outcome in _FAILED_OUTCOMES or dialects.is_failed(attributes):
        return failure(record, dialects.TOOL)
    return None
