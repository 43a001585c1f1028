"""What each GenAI dialect calls our concepts: the normalisation table, as data, and how a row of it is read.

Dialects: the OpenTelemetry semantic conventions for GenAI old and new, with what native instrumentations add to them
(pydantic-ai, google-adk, strands, agent-framework, litellm, crewai, the anthropic SDK); OpenInference; OpenLLMetry
(``traceloop.*``); the MCP conventions. A dialect is known by its attributes alone, never by a span's name. In a row the
first value that is there wins and synonyms are never added up.
"""

from __future__ import annotations

import re
from functools import lru_cache
from math import isfinite
from typing import TYPE_CHECKING

from otel_agent_telemetry import semconv
from otel_agent_telemetry.meaning._origins import PROVIDER

if TYPE_CHECKING:
    from collections.abc import Mapping

MODEL = "model"
EMBEDDING = "embedding"
TOOL = "tool"
AGENT = "agent"
WORKFLOW = "workflow"
OTHER = "other"
"""A span of a known dialect that stands for nothing of ours: a chain, a node, a plan, a hand-off."""

_OPENINFERENCE_KIND = "openinference.span.kind"
_TRACELOOP_KIND = "traceloop.span.kind"
_TRACELOOP_REQUEST = "llm.request.type"
_MCP_METHOD = "mcp.method.name"
_CREWAI_EVENT = "crewai.event_name"
_ADK_TOGETHER = "(merged tools)"

DIALECT_KEYS = frozenset(
    {
        semconv.AGENT_LIFECYCLE,
        semconv.GEN_AI_OPERATION_NAME,
        _OPENINFERENCE_KIND,
        _TRACELOOP_KIND,
        _TRACELOOP_REQUEST,
        _MCP_METHOD,
    }
)
"""A span that has none of these attributes is none of the mapping's."""

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
_OPENINFERENCE_SIGNS = (
    "llm.token_count.",
    "llm.input_messages.",
    "llm.output_messages.",
    "llm.prompts",
    "llm.finish_reason",
)
_REDACTED = "__REDACTED__"
_TRACELOOP = {"tool": TOOL, "agent": AGENT, "workflow": WORKFLOW}
_TRACELOOP_REQUESTS = {
    **{name: kind for name, kind in _OPERATIONS.items() if kind is MODEL},
    **dict.fromkeys(_EMBEDDINGS, EMBEDDING),
}
"""What OpenLLMetry and litellm have there; litellm names the function that was called."""

TOOL_NAME = (semconv.GEN_AI_TOOL_NAME, "tool.name", "traceloop.entity.name")
AGENT_NAME = (semconv.GEN_AI_AGENT_NAME, "agent.name", "crewai.agent.role")
AGENT_ID = (semconv.GEN_AI_AGENT_ID, *AGENT_NAME)
WORKFLOW_NAME = (
    semconv.GEN_AI_WORKFLOW_NAME,
    semconv.GEN_AI_AGENT_NAME,
    "traceloop.workflow.name",
    "traceloop.entity.name",
)
CONVERSATION = (
    semconv.GEN_AI_CONVERSATION_ID,
    "session.id",
    "traceloop.association.properties.thread_id",
    "traceloop.association.properties.session_id",
    "crewai.execution_uuid",
)
INPUT_TOKENS = (
    semconv.GEN_AI_USAGE_INPUT_TOKENS,
    "gen_ai.usage.prompt_tokens",
    "llm.token_count.prompt",
    "llm.usage.prompt_tokens",
)
OUTPUT_TOKENS = (
    semconv.GEN_AI_USAGE_OUTPUT_TOKENS,
    "gen_ai.usage.completion_tokens",
    "llm.token_count.completion",
    "llm.usage.completion_tokens",
)
CACHE_READ_TOKENS = (
    semconv.GEN_AI_USAGE_CACHE_READ,
    "gen_ai.usage.cache_read_input_tokens",
    "llm.token_count.prompt_details.cache_read",
    "gen_ai.usage.details.cache_read_tokens",
)
CACHE_WRITE_TOKENS = (
    semconv.GEN_AI_USAGE_CACHE_WRITE,
    "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.usage.cache_write_input_tokens",
    "gen_ai.usage.cache_creation_input_tokens",
    "llm.token_count.prompt_details.cache_write",
)
REASONING_TOKENS = (
    semconv.GEN_AI_USAGE_REASONING,
    "gen_ai.usage.reasoning_tokens",
    "gen_ai.usage.details.reasoning_tokens",
    "llm.token_count.completion_details.reasoning",
    "llm.usage.reasoning_tokens",
)
COST_USD = (semconv.AGENT_COST_USD, "gen_ai.cost.total_cost", "litellm.cost.total", "llm.cost.total")
MODEL_NAME = (
    semconv.GEN_AI_RESPONSE_MODEL,
    "llm.response.model_name",
    semconv.GEN_AI_REQUEST_MODEL,
    "llm.request.model_name",
    "llm.model_name",
    "embedding.model_name",
)
_FAILED = frozenset({"error", "failure"})
_AGGREGATED = "gen_ai.aggregated_usage."
_USAGE = "gen_ai.usage."

_CUMULATIVE = "strands-agents"  # an agent span of strands reports the total of the agent object's life
_RELEASE = re.compile(r"[-@](\d{3}|\d{8}|\d{4}-\d\d-\d\d|latest)$")
_RESPONSE_IDS = ("resp_", "chatcmpl")  # agent-framework gives the response's id as the conversation


def kind(attributes: Mapping[str, object]) -> str | None:
    """What a span stands for, or None where its attributes show no dialect."""
    operation = attributes.get(semconv.GEN_AI_OPERATION_NAME)
    if operation is not None:
        found = _OPERATIONS.get(operation, OTHER) if isinstance(operation, str) else OTHER
        return OTHER if _is_remark(attributes) else found
    openinference = attributes.get(_OPENINFERENCE_KIND)
    if openinference is not None:
        found = _OPENINFERENCE.get(openinference.upper(), OTHER) if isinstance(openinference, str) else OTHER
        # its langchain instrumentation calls every tool an agent that has "agent" in its name
        return TOOL if found is AGENT and "tool.name" in attributes else found
    traceloop = _traceloop(attributes)
    if traceloop is not None:
        return traceloop
    method = attributes.get(_MCP_METHOD)
    if method is not None:
        # The SDK's client span names no tool and looks well even if the tool failed; the server's tells both.
        return TOOL if method == "tools/call" and semconv.GEN_AI_TOOL_NAME in attributes else OTHER
    return None


def _is_remark(attributes: Mapping[str, object]) -> bool:
    """Whether what calls itself a tool's call is about calls that have spans of their own.

    CrewAI has one for a tool that said that it failed, google-adk one for the answers of tools that ran at once.
    """
    is_failure = attributes.get(_CREWAI_EVENT) == "tool_failure_detected"
    return is_failure or attributes.get(semconv.GEN_AI_TOOL_NAME) == _ADK_TOGETHER


def _traceloop(attributes: Mapping[str, object]) -> str | None:
    request, span_kind = attributes.get(_TRACELOOP_REQUEST), attributes.get(_TRACELOOP_KIND)
    if request is None and span_kind is None:
        return None
    found = _TRACELOOP_REQUESTS.get(request) if isinstance(request, str) else None
    return found or (_TRACELOOP.get(span_kind, OTHER) if isinstance(span_kind, str) else OTHER)


def is_helper(attributes: Mapping[str, object]) -> bool:
    """Whether what OpenInference calls a model call is a step before one, as LlamaIndex's preparations are.

    Such a step has an input and no messages. Where content is hidden, a real call looks like it but for the input.
    """
    has_tokens = "llm.token_count.prompt" in attributes
    if has_tokens or _OPENINFERENCE_KIND not in attributes or semconv.GEN_AI_OPERATION_NAME in attributes:
        return False
    if attributes.get("input.value", _REDACTED) == _REDACTED:
        return False
    return not any(key.startswith(_OPENINFERENCE_SIGNS) for key in attributes)


def text(attributes: Mapping[str, object], row: tuple[str, ...]) -> str | None:
    """The first text of a row that is not empty."""
    for key in row:
        value = attributes.get(key)
        if value and isinstance(value, str):
            return value
    return None


def count(attributes: Mapping[str, object], row: tuple[str, ...]) -> int | None:
    """The first number of a row, as a whole number of at least 0."""
    for key in row:
        value = attributes.get(key)
        if value is None:
            continue
        if type(value) is int:  # which a bool is not
            return max(value, 0)
        if isinstance(value, float) and isfinite(value):
            return max(int(value), 0)
    return None


def cost_usd(attributes: Mapping[str, object]) -> float | None:
    """What the call cost, where the instrumentation knows."""
    for key in COST_USD:
        value = attributes.get(key)
        if value is not None and isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value):
            return float(value)
    return None


def models(attributes: Mapping[str, object]) -> frozenset[str]:
    """Every name that a span has for the model, as asked for and as it answered, without the date of its release."""
    return frozenset(_unreleased(name) for key in MODEL_NAME if isinstance(name := attributes.get(key), str))


@lru_cache(maxsize=256)
def _unreleased(name: str) -> str:
    return _RELEASE.sub("", name)


def conversation(attributes: Mapping[str, object]) -> str | None:
    """The conversation that a span belongs to; ids of single responses do not count."""
    found = text(attributes, CONVERSATION)
    if found is None or found.startswith(_RESPONSE_IDS) or found == attributes.get(semconv.GEN_AI_RESPONSE_ID):
        return None
    return found


def is_mcp(attributes: Mapping[str, object]) -> bool:
    """Whether the span is of an MCP client or server."""
    return _MCP_METHOD in attributes


def is_failed(attributes: Mapping[str, object]) -> bool:
    """Whether an attribute says that the call failed although the span's status does not."""
    return attributes.get("gen_ai.tool.status") in _FAILED or attributes.get("gen_ai.task.status") in _FAILED


def agent_usage(attributes: Mapping[str, object]) -> Mapping[str, object] | None:
    """An agent span's own usage under the names of a model call's; None where it is not that of one run."""
    if _CUMULATIVE in (attributes.get(key) for key in PROVIDER):
        return None
    if f"{_AGGREGATED}input_tokens" not in attributes and f"{_AGGREGATED}output_tokens" not in attributes:
        return attributes
    return {key.replace(_AGGREGATED, _USAGE): value for key, value in attributes.items() if key.startswith(_AGGREGATED)}
