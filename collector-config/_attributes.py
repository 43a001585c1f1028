"""The attributes that may pass agent.yaml and gateway.yaml.

What carries content is read by the mapping in one place (``input.value``, whether it is there) and passes nowhere: a
concept or a mark of the code is on the list only where it is named here.
"""

from __future__ import annotations

from otel_agent_telemetry import semconv
from otel_agent_telemetry.meaning._first_chunk import ATTRIBUTES as FIRST_CHUNK
from otel_agent_telemetry.meaning._kinds import DIALECT_KEYS
from otel_agent_telemetry.meaning._table import ROWS

__all__ = ["IDENTIFIERS", "allowed"]


def _named(*concepts: str) -> tuple[str, ...]:
    return tuple(name for concept in concepts for name in ROWS[concept])


IDENTIFIERS = (
    *_named("conversation", "agent_id", "agent_name", "workflow", "call_id", "response_id"),
    semconv.AGENT_TASK_ID,
    semconv.AGENT_TASK_NAME,
    semconv.AGENT_WORKFLOW_ID,
    semconv.USER_ID,
    "gen_ai.agent.call.id",
    "gen_ai.task.id",
    "gen_ai.task.parent.id",
)
"""What people call their agents, conversations, tasks and workflows: passes as a keyed hash."""

_FIGURES = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens")
_MAPPED = (
    *_named("asked", "answered_by", "provider", "tool"),
    *_named(*_FIGURES, *(f"run_{name}" for name in _FIGURES), "total_tokens"),
    *_named("cost_usd", "input_cost", "output_cost"),
    *FIRST_CHUNK,
)
_USAGE = [
    "input_tokens",
    "output_tokens",
    "total_tokens",
    "cache_read.input_tokens",
    "cache_creation.input_tokens",
    "cache_write.input_tokens",
    "reasoning.output_tokens",
    "details.accepted_prediction_tokens",
    "details.rejected_prediction_tokens",
    "details.audio_tokens",
    "details.cache_creation_input_tokens",
    "details.cache_read_input_tokens",
    "details.cache_read_tokens",
    "details.cache_write_tokens",
    "details.reasoning_tokens",
]
# Numbers, flags and closed words that instrumentations write beside what the mapping reads.
_PLAIN = [
    "service.namespace",
    "service.instance.id",
    "deployment.environment.name",
    "telemetry.sdk.name",
    "telemetry.sdk.language",
    "telemetry.sdk.version",
    "ag2.usage.kind",
    "crewai.event_name",
    "error_type",
    "logfire.span_type",
    "spring.ai.kind",
    "gen_ai.output.type",
    "gen_ai.tool.type",
    "gen_ai.tool.status",
    "gen_ai.task.status",
    "lk.function_tool.is_error",
    "gen_ai.request.max_tokens",
    "gen_ai.request.stream",
    "gen_ai.response.finish_reasons",
    "gen_ai.embeddings.dimension.count",
    "llm.finish_reason",
    "llm.is_streaming",
    "http.request.method",
    "http.response.status_code",
    "llm.token_count.prompt_details.audio",
    "llm.token_count.completion_details.audio",
    "anthropic.usage.cache_creation.ephemeral_1h_input_tokens",
    "anthropic.usage.cache_creation.ephemeral_5m_input_tokens",
    "pydantic_ai.cache.established_tokens",
]

# Constants of semconv.py that are values or names of metrics and events, not attributes.
_NOT_ATTRIBUTES = ("LIFECYCLE_", "OUTCOME_", "OPERATION_", "METRIC_", "EXCEPTION_EVENT", "AGENT_EVENT_PROPERTY")
_FEEDBACK = "GEN_AI_EVALUATION_"  # what somebody said of an answer is free text
_FREE = frozenset({semconv.AGENT_TASK_TAGS, semconv.TAGS})  # any text; only an event's are held to the declaration


def allowed() -> list[str]:
    """Their names, in order; the identifiers are among them."""
    own = [
        value
        for name, value in vars(semconv).items()
        if name.isupper() and isinstance(value, str) and not name.startswith(("_", _FEEDBACK, *_NOT_ATTRIBUTES))
        if value not in _FREE
    ]
    usage = [f"{prefix}.{name}" for prefix in ("gen_ai.usage", "gen_ai.aggregated_usage") for name in _USAGE]
    return sorted({*own, *DIALECT_KEYS, *_MAPPED, *usage, *IDENTIFIERS, *_PLAIN})
