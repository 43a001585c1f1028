"""What a span stands for, by the attributes that mark it in its dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_agent_telemetry import semconv
from otel_agent_telemetry.meaning._asides import ASIDES

if TYPE_CHECKING:
    from collections.abc import Mapping

SESSION = "session"
TASK = "task"
COMMAND = "command"
EVENT = "event"
MODEL = "model"
EMBEDDING = "embedding"
TOOL = "tool"
AGENT = "agent"
WORKFLOW = "workflow"
USAGE = "usage"
"""Tokens or cost without a call: what a coding agent counts as metrics."""
OTHER = "other"
"""A span of a known dialect that counts nowhere: a node, a hand-off, or one of what ``_asides`` has names for."""

_OPENINFERENCE_KIND = "openinference.span.kind"
_TRACELOOP_KIND = "traceloop.span.kind"
_TRACELOOP_REQUEST = "llm.request.type"
_MCP_METHOD = "mcp.method.name"
_AI_SDK = "ai.operationId"
_LAMINAR = "lmnr.span.type"
_SPRING = "spring.ai.kind"
_LOGFIRE_TYPE = "logfire.span_type"
"""Logfire sends a copy of each span when it starts, below the span, with another id."""
_CREWAI_EVENT = "crewai.event_name"
_ADK_TOGETHER = "(merged tools)"
_AG2_USAGE = "ag2.usage.kind"
"""AG2 has a span for each usage: of a model call, which has one of its own, of a compaction, of a subtask."""
_USAGE = ("gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens", "gen_ai.usage.prompt_tokens")

DIALECT_KEYS = frozenset(
    {
        semconv.AGENT_LIFECYCLE,
        semconv.GEN_AI_OPERATION_NAME,
        _OPENINFERENCE_KIND,
        _TRACELOOP_KIND,
        _TRACELOOP_REQUEST,
        _MCP_METHOD,
        _AI_SDK,
        _LAMINAR,
        *_USAGE,
    }
)
"""A span that has none of these attributes means nothing to an agent."""

MARKS = frozenset(
    {
        *DIALECT_KEYS,
        "tool.name",
        _AG2_USAGE,
        _CREWAI_EVENT,
        _LOGFIRE_TYPE,
        _SPRING,
        "input.value",
        "gen_ai.tool.status",
        "gen_ai.task.status",
        "lk.function_tool.is_error",
    }
)
"""Every attribute that this module and the outcomes read, besides those whose name begins with one of the signs."""

LIFECYCLES = {
    semconv.LIFECYCLE_SESSION: SESSION,
    semconv.LIFECYCLE_TASK: TASK,
    semconv.LIFECYCLE_COMMAND: COMMAND,
    semconv.LIFECYCLE_EVENT: EVENT,
    semconv.LIFECYCLE_TOOL: TOOL,
    semconv.LIFECYCLE_AGENT: AGENT,
    semconv.LIFECYCLE_MODEL_CALL: MODEL,
    semconv.LIFECYCLE_WORKFLOW: WORKFLOW,
}
NAMED = (*dict.fromkeys(LIFECYCLES.values()), EMBEDDING, *ASIDES)
"""What a span can be called: what counts, and what counts nowhere."""
_COMPLETIONS = (
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
_EMBEDDINGS = ("embeddings", "embedding", "aembedding")
_OPERATIONS = {
    **dict.fromkeys(_COMPLETIONS, MODEL),
    semconv.OPERATION_CHAT: MODEL,
    **dict.fromkeys(_EMBEDDINGS, EMBEDDING),
    semconv.OPERATION_EXECUTE_TOOL: TOOL,
    semconv.OPERATION_INVOKE_AGENT: AGENT,
    **dict.fromkeys(("invoke_graph", "invoke_swarm", "handle_conversation_turn"), WORKFLOW),
    semconv.OPERATION_INVOKE_WORKFLOW: WORKFLOW,
}
_OPENINFERENCE = {"LLM": MODEL, "EMBEDDING": EMBEDDING, "TOOL": TOOL, "AGENT": AGENT}
SIGNS = (
    "llm.token_count.",
    "llm.input_messages.",
    "llm.output_messages.",
    "llm.prompts",
    "llm.finish_reason",
)
"""What a model call of OpenInference has and a step before one has not."""
_REDACTED = "__REDACTED__"
_TRACELOOP = {"tool": TOOL, "agent": AGENT, "workflow": WORKFLOW}
_TRACELOOP_REQUESTS = {
    **{name: kind for name, kind in _OPERATIONS.items() if kind == MODEL},
    **dict.fromkeys(_EMBEDDINGS, EMBEDDING),
}
"""What OpenLLMetry and litellm have there; litellm names the function that was called."""
_AI_SDK_STEPS = {"doGenerate": MODEL, "doStream": MODEL, "doEmbed": EMBEDDING}
_AI_SDK_WHOLE = {
    "ai.generateText": MODEL,
    "ai.streamText": MODEL,
    "ai.generateObject": MODEL,
    "ai.streamObject": MODEL,
    "ai.embed": EMBEDDING,
    "ai.embedMany": EMBEDDING,
    "ai.toolCall": TOOL,
}
"""Vercel's AI SDK 4 to 6 ("Telemetry" in its documentation): a call around one call for each step of it."""
_LAMINAR_TYPES = {"LLM": MODEL, "TOOL": TOOL}


def kind_of(attributes: Mapping[str, object]) -> str | None:
    """What a span stands for, or None where its attributes show no dialect."""
    lifecycle = attributes.get(semconv.AGENT_LIFECYCLE)
    if isinstance(lifecycle, str) and lifecycle in LIFECYCLES:
        return _own_kind(lifecycle, attributes)
    if attributes.get(_LOGFIRE_TYPE) == "pending_span":
        return OTHER
    operation = attributes.get(semconv.GEN_AI_OPERATION_NAME)
    if operation is not None:
        found = _OPERATIONS.get(operation, OTHER) if isinstance(operation, str) else OTHER
        if found == OTHER and attributes.get(_SPRING) == "tool_call":
            return TOOL
        return OTHER if _is_remark(attributes) else found
    openinference = attributes.get(_OPENINFERENCE_KIND)
    if openinference is not None:
        return _openinference(openinference, attributes)
    return _traceloop(attributes) or _mcp(attributes) or _elsewhere(attributes)


def is_own(attributes: Mapping[str, object]) -> bool:
    """Whether a span is one of ours."""
    return semconv.AGENT_LIFECYCLE in attributes


def is_mcp(attributes: Mapping[str, object]) -> bool:
    """Whether the span is of an MCP client or server."""
    return _MCP_METHOD in attributes


def is_helper(attributes: Mapping[str, object]) -> bool:
    """Whether what OpenInference calls a model call is a step before one, as LlamaIndex's preparations are.

    Such a step has an input and no messages. Where content is hidden, a real call looks like it but for the input.
    """
    has_tokens = "llm.token_count.prompt" in attributes
    if has_tokens or _OPENINFERENCE_KIND not in attributes or semconv.GEN_AI_OPERATION_NAME in attributes:
        return False
    if attributes.get("input.value", _REDACTED) == _REDACTED:
        return False
    return not any(key.startswith(SIGNS) for key in attributes)


def _own_kind(lifecycle: str, attributes: Mapping[str, object]) -> str:
    """A lifecycle call's kind; of a model call of ours the operation tells more."""
    if lifecycle == semconv.LIFECYCLE_MODEL_CALL:
        operation = attributes.get(semconv.GEN_AI_OPERATION_NAME)
        return EMBEDDING if operation in _EMBEDDINGS else MODEL
    return LIFECYCLES[lifecycle]


def _is_remark(attributes: Mapping[str, object]) -> bool:
    """Whether what calls itself a tool's call is about calls that have spans of their own.

    CrewAI has one for a tool that said that it failed, google-adk one for the answers of tools that ran at once.
    """
    is_failure = attributes.get(_CREWAI_EVENT) == "tool_failure_detected"
    return is_failure or attributes.get(semconv.GEN_AI_TOOL_NAME) == _ADK_TOGETHER


def _openinference(written: object, attributes: Mapping[str, object]) -> str:
    found = _OPENINFERENCE.get(written.upper(), OTHER) if isinstance(written, str) else OTHER
    # its langchain instrumentation calls every tool an agent that has "agent" in its name
    return TOOL if found == AGENT and "tool.name" in attributes else found


def _traceloop(attributes: Mapping[str, object]) -> str | None:
    request, span_kind = attributes.get(_TRACELOOP_REQUEST), attributes.get(_TRACELOOP_KIND)
    if request is None and span_kind is None:
        return None
    found = _TRACELOOP_REQUESTS.get(request) if isinstance(request, str) else None
    return found or (_TRACELOOP.get(span_kind, OTHER) if isinstance(span_kind, str) else OTHER)


def _mcp(attributes: Mapping[str, object]) -> str | None:
    method = attributes.get(_MCP_METHOD)
    if method is None:
        return None
    # The SDK's client span names no tool and looks well even if the tool failed; the server's tells both.
    return TOOL if method == "tools/call" and semconv.GEN_AI_TOOL_NAME in attributes else OTHER


def _elsewhere(attributes: Mapping[str, object]) -> str | None:
    """Dialects of other languages, and spans that carry a usage and no word on what they are."""
    operation = attributes.get(_AI_SDK)
    if isinstance(operation, str):
        return _AI_SDK_STEPS.get(operation.rpartition(".")[2]) or _AI_SDK_WHOLE.get(operation, OTHER)
    laminar = attributes.get(_LAMINAR)
    if laminar is not None:
        return _LAMINAR_TYPES.get(laminar, OTHER) if isinstance(laminar, str) else OTHER
    if attributes.get(_AG2_USAGE) == "model_call":
        return OTHER
    has_model = semconv.GEN_AI_REQUEST_MODEL in attributes or semconv.GEN_AI_RESPONSE_MODEL in attributes
    return MODEL if has_model and any(key in attributes for key in _USAGE) else None
