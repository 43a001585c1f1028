"""What a span means to an agent: a model call, a tool call, an agent's run, a task, a session.

Reads the attributes of every GenAI dialect that is in use: the semantic conventions old and new, OpenInference,
OpenLLMetry (``traceloop.*``), the MCP conventions, and our own ``agent.lifecycle``. Where a span carries synonyms the
first of a row wins and they are never added up.
"""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, NamedTuple

from otel_agent_telemetry import semconv

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["KINDS", "STEP_KEYS", "Step", "may_be_step", "step"]

KINDS = ("session", "task", "workflow", "agent", "model", "embedding", "tool", "command", "event")

_DIALECT_KEYS = frozenset(
    {
        semconv.AGENT_LIFECYCLE,
        semconv.GEN_AI_OPERATION_NAME,
        "openinference.span.kind",
        "traceloop.span.kind",
        "llm.request.type",
        "mcp.method.name",
    }
)
_LIFECYCLES = {value: value for value in KINDS} | {semconv.LIFECYCLE_MODEL_CALL: "model"}
_MODEL_CALLS = (
    semconv.OPERATION_CHAT,
    "text_completion",
    "generate_content",
    "completion",
    "acompletion",
    "atext_completion",
    "responses",
    "aresponses",
    "anthropic_messages",
    "aanthropic_messages",
)
_CALLS = {
    **dict.fromkeys(_MODEL_CALLS, "model"),
    **dict.fromkeys(("embeddings", "embedding", "aembedding"), "embedding"),
}
"""Also what OpenLLMetry and litellm have as ``llm.request.type``."""
_OPERATIONS = {
    **_CALLS,
    semconv.OPERATION_EXECUTE_TOOL: "tool",
    semconv.OPERATION_INVOKE_AGENT: "agent",
    **dict.fromkeys(
        (semconv.OPERATION_INVOKE_WORKFLOW, "invoke_graph", "invoke_swarm", "handle_conversation_turn"), "workflow"
    ),
}
_OPENINFERENCE = {"LLM": "model", "EMBEDDING": "embedding", "TOOL": "tool", "AGENT": "agent"}
_TRACELOOP = {"tool": "tool", "agent": "agent", "workflow": "workflow"}

_MODEL = (
    semconv.GEN_AI_RESPONSE_MODEL,
    "llm.response.model_name",
    semconv.GEN_AI_REQUEST_MODEL,
    "llm.request.model_name",
    "llm.model_name",
    "embedding.model_name",
)
_PROVIDER = (semconv.GEN_AI_PROVIDER_NAME, "gen_ai.system", "llm.provider", "llm.system")
_TOOL = (semconv.GEN_AI_TOOL_NAME, "tool.name", "traceloop.entity.name")
_AGENT = (semconv.GEN_AI_AGENT_NAME, "agent.name", "crewai.agent.role")
_SESSION = (
    semconv.GEN_AI_CONVERSATION_ID,
    "session.id",
    "traceloop.association.properties.thread_id",
    "traceloop.association.properties.session_id",
    "crewai.execution_uuid",
)
_INPUT = (
    semconv.GEN_AI_USAGE_INPUT_TOKENS,
    "gen_ai.usage.prompt_tokens",
    "llm.token_count.prompt",
    "llm.usage.prompt_tokens",
)
_OUTPUT = (
    semconv.GEN_AI_USAGE_OUTPUT_TOKENS,
    "gen_ai.usage.completion_tokens",
    "llm.token_count.completion",
    "llm.usage.completion_tokens",
)
_CACHE_READ = (
    semconv.GEN_AI_USAGE_CACHE_READ,
    "gen_ai.usage.cache_read_input_tokens",
    "llm.token_count.prompt_details.cache_read",
    "gen_ai.usage.details.cache_read_tokens",
)
_CACHE_WRITE = (
    semconv.GEN_AI_USAGE_CACHE_WRITE,
    "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.usage.cache_write_input_tokens",
    "gen_ai.usage.cache_creation_input_tokens",
    "llm.token_count.prompt_details.cache_write",
)
_REASONING = (
    semconv.GEN_AI_USAGE_REASONING,
    "gen_ai.usage.reasoning_tokens",
    "gen_ai.usage.details.reasoning_tokens",
    "llm.token_count.completion_details.reasoning",
    "llm.usage.reasoning_tokens",
)
_COST = (semconv.AGENT_COST_USD, "gen_ai.cost.total_cost", "litellm.cost.total", "llm.cost.total")
_AGGREGATED = ("gen_ai.aggregated_usage.input_tokens", "gen_ai.aggregated_usage.output_tokens")

STEP_KEYS = frozenset(
    (
        *_DIALECT_KEYS,
        *_MODEL,
        *_PROVIDER,
        *_TOOL,
        *_AGENT,
        *_SESSION,
        *_INPUT,
        *_OUTPUT,
        *_CACHE_READ,
        *_CACHE_WRITE,
        *_REASONING,
        *_COST,
        *_AGGREGATED,
        semconv.GEN_AI_RESPONSE_ID,
        semconv.AGENT_OUTCOME,
        semconv.AGENT_TASK_NAME,
        semconv.AGENT_TASK_SOURCE,
        semconv.AGENT_COMMAND_NAME,
        semconv.AGENT_EVENT_NAME,
        semconv.GEN_AI_WORKFLOW_NAME,
    )
)
"""Every attribute that :func:`step` looks at."""

_LARGEST_TOKENS = 2**40
_CALL_IDS = ("resp_", "chatcmpl")  # some frameworks give a response id as the conversation


class Step(NamedTuple):
    """One span's meaning; ``kind`` is one of :data:`KINDS`, tokens are None where the span carries none."""

    kind: str
    name: str | None = None
    model: str | None = None
    provider: str | None = None
    agent: str | None = None
    tool: str | None = None
    session: str | None = None
    response_id: str | None = None
    outcome: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost_usd: float | None = None


def may_be_step(body: bytes) -> bool:
    """Whether a span's protobuf bytes name a key that a dialect marks its spans with; cheap, for the hot path."""
    return (
        b"gen_ai.operation.name" in body
        or b"agent.lifecycle" in body
        or b"span.kind" in body
        or b"llm.request.type" in body
        or b"mcp.method.name" in body
    )


def step(name: str, attributes: Mapping[str, object]) -> Step | None:
    """The meaning of a span of that name with these attributes, or None for a span that no dialect speaks of."""
    kind = _kind(name, attributes)
    if kind is None:
        return None
    is_call = kind in {"model", "embedding"}
    response_id = _text(attributes, (semconv.GEN_AI_RESPONSE_ID,))
    tokens = _tokens(attributes) if is_call or kind == "agent" else {}
    return Step(
        kind=kind,
        name=_label(kind, attributes),
        model=_text(attributes, _MODEL) if is_call else None,
        provider=_text(attributes, _PROVIDER) if is_call else None,
        agent=_agent(kind, name, attributes),
        tool=_text(attributes, _TOOL) if kind == "tool" else None,
        session=_session(attributes, response_id),
        response_id=response_id if kind == "model" else None,
        outcome=_text(attributes, (semconv.AGENT_OUTCOME,)),
        cost_usd=_dollars(attributes) if is_call or kind == "agent" else None,
        **tokens,
    )


def _kind(name: str, attributes: Mapping[str, object]) -> str | None:
    lifecycle = attributes.get(semconv.AGENT_LIFECYCLE)
    if isinstance(lifecycle, str):
        return _LIFECYCLES.get(lifecycle)
    operation = attributes.get(semconv.GEN_AI_OPERATION_NAME)
    if isinstance(operation, str) and operation:
        # CrewAI adds a second span for a call that failed, google-adk one for the answers of calls made at once
        is_remark = name == "tool failure" or attributes.get(semconv.GEN_AI_TOOL_NAME) == "(merged tools)"
        return None if is_remark else _OPERATIONS.get(operation)
    span_kind = attributes.get("openinference.span.kind")
    if isinstance(span_kind, str) and span_kind:
        found = _OPENINFERENCE.get(span_kind.upper())
        # OpenInference's langchain guesses AGENT from a tool's name
        return "tool" if found == "agent" and "tool.name" in attributes else found
    request, span_kind = attributes.get("llm.request.type"), attributes.get("traceloop.span.kind")
    if isinstance(request, str) and request in _CALLS:
        return _CALLS[request]
    if isinstance(span_kind, str):
        return _TRACELOOP.get(span_kind)
    # an MCP client's span names no tool and looks well even if the tool failed; the server's tells both
    is_tool = attributes.get("mcp.method.name") == "tools/call" and semconv.GEN_AI_TOOL_NAME in attributes
    return "tool" if is_tool else None


def _label(kind: str, attributes: Mapping[str, object]) -> str | None:
    if kind == "task":
        return _text(attributes, (semconv.AGENT_TASK_NAME, semconv.AGENT_TASK_SOURCE))
    if kind == "command":
        return _text(attributes, (semconv.AGENT_COMMAND_NAME,))
    if kind == "event":
        return _text(attributes, (semconv.AGENT_EVENT_NAME,))
    if kind == "workflow":
        return _text(attributes, (semconv.GEN_AI_WORKFLOW_NAME,))
    return None


def _agent(kind: str, name: str, attributes: Mapping[str, object]) -> str | None:
    found = _text(attributes, _AGENT)
    if found is None and kind == "agent" and "openinference.span.kind" in attributes:
        return name  # there the span is named after the agent
    return found


def _session(attributes: Mapping[str, object], response_id: str | None) -> str | None:
    found = _text(attributes, _SESSION)
    if found is None or found == response_id or found.startswith(_CALL_IDS):
        return None
    return found


def _tokens(attributes: Mapping[str, object]) -> dict[str, int | None]:
    inputs, outputs = _INPUT, _OUTPUT
    if _AGGREGATED[0] in attributes or _AGGREGATED[1] in attributes:
        inputs, outputs = _AGGREGATED[:1], _AGGREGATED[1:]
    found = {
        "input_tokens": _count(attributes, inputs),
        "output_tokens": _count(attributes, outputs),
        "cache_read_tokens": _count(attributes, _CACHE_READ),
        "cache_write_tokens": _count(attributes, _CACHE_WRITE),
        "reasoning_tokens": _count(attributes, _REASONING),
    }
    return _with_cached_input(found)


def _with_cached_input(tokens: dict[str, int | None]) -> dict[str, int | None]:
    """Input counts what came from a cache; releases that left it out give more cached than input."""
    cached = (tokens["cache_read_tokens"] or 0) + (tokens["cache_write_tokens"] or 0)
    given = tokens["input_tokens"]
    if given is not None and cached > given:
        tokens["input_tokens"] = given + cached
    return tokens


def _text(attributes: Mapping[str, object], keys: tuple[str, ...]) -> str | None:
    for key in keys:
        value = attributes.get(key)
        if value and isinstance(value, str):
            return value
    return None


def _count(attributes: Mapping[str, object], keys: tuple[str, ...]) -> int | None:
    for key in keys:
        value = attributes.get(key)
        if value is not None and (number := _number(value)) is not None:
            return min(int(number), _LARGEST_TOKENS)
    return None


def _dollars(attributes: Mapping[str, object]) -> float | None:
    for key in _COST:
        value = attributes.get(key)
        if value is not None and (number := _number(value)) is not None:
            return float(number)
    return None


def _number(value: object) -> float | None:
    """The value where it is a number that counts something: finite, not negative, and not a truth value."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if isfinite(value) and value >= 0 else None
