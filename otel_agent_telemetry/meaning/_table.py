"""What each GenAI dialect calls our concepts: the normalisation table, as data.

Dialects: the OpenTelemetry semantic conventions for GenAI old and new, with what native instrumentations add to them
(pydantic-ai, google-adk, strands, agent-framework, litellm, crewai, the anthropic SDK, Spring AI, OpenLIT);
OpenInference; OpenLLMetry (``traceloop.*``, ``llm.*``); Vercel's AI SDK (``ai.*``); Sentry; Laminar (``lmnr.*``);
the MCP conventions. A dialect is known by its attributes alone, never by a span's name.
"""

from __future__ import annotations

from otel_agent_telemetry import semconv

ROWS: dict[str, tuple[str, ...]] = {
    "conversation": (
        semconv.GEN_AI_CONVERSATION_ID,
        "session.id",
        "traceloop.association.properties.thread_id",
        "traceloop.association.properties.session_id",
        "crewai.execution_uuid",
        "lmnr.association.properties.session_id",
        "ai.telemetry.metadata.sessionId",
        "spring.ai.chat.client.conversation.id",
    ),
    "answered_by": (semconv.GEN_AI_RESPONSE_MODEL, "llm.response.model_name", "ai.response.model"),
    "asked": (
        semconv.GEN_AI_REQUEST_MODEL,
        "llm.request.model_name",
        "llm.model_name",
        "embedding.model_name",
        "ai.model.id",
    ),
    "provider": (
        semconv.GEN_AI_PROVIDER_NAME,
        "gen_ai.system",
        "llm.provider",
        "llm.system",
        "ai.model.provider",
    ),
    "operation": (semconv.GEN_AI_OPERATION_NAME,),
    "framework": (semconv.GEN_AI_PROVIDER_NAME, "gen_ai.system"),
    "response_id": (semconv.GEN_AI_RESPONSE_ID, "ai.response.id"),
    "call_id": (semconv.GEN_AI_TOOL_CALL_ID, "tool_call.id", "ai.toolCall.id"),
    "tool": (
        semconv.GEN_AI_TOOL_NAME,
        "tool.name",
        "ai.toolCall.name",
        "spring.ai.tool.definition.name",
        "traceloop.entity.name",
    ),
    "agent_id": (semconv.GEN_AI_AGENT_ID,),
    "agent_name": (semconv.GEN_AI_AGENT_NAME, "agent.name", "crewai.agent.role"),
    "workflow": (
        semconv.GEN_AI_WORKFLOW_NAME,
        semconv.GEN_AI_AGENT_NAME,
        "traceloop.workflow.name",
        "traceloop.entity.name",
    ),
    "input_tokens": (
        semconv.GEN_AI_USAGE_INPUT_TOKENS,
        "gen_ai.usage.prompt_tokens",
        "llm.token_count.prompt",
        "llm.usage.prompt_tokens",
        "ai.usage.inputTokens",
        "ai.usage.promptTokens",
        "ai.usage.tokens",
    ),
    "output_tokens": (
        semconv.GEN_AI_USAGE_OUTPUT_TOKENS,
        "gen_ai.usage.completion_tokens",
        "llm.token_count.completion",
        "llm.usage.completion_tokens",
        "ai.usage.outputTokens",
        "ai.usage.completionTokens",
    ),
    "cache_read_tokens": (
        semconv.GEN_AI_USAGE_CACHE_READ,
        "gen_ai.usage.cache_read_input_tokens",
        "gen_ai.usage.input_tokens.cached",
        "llm.token_count.prompt_details.cache_read",
        "gen_ai.usage.details.cache_read_tokens",
        "ai.usage.inputTokenDetails.cacheReadTokens",
        "ai.usage.cachedInputTokens",
    ),
    "cache_write_tokens": (
        semconv.GEN_AI_USAGE_CACHE_WRITE,
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_write_input_tokens",
        "gen_ai.usage.cache_creation_input_tokens",
        "gen_ai.usage.input_tokens.cache_write",
        "llm.token_count.prompt_details.cache_write",
        "ai.usage.inputTokenDetails.cacheWriteTokens",
    ),
    "reasoning_tokens": (
        semconv.GEN_AI_USAGE_REASONING,
        "gen_ai.usage.reasoning_tokens",
        "gen_ai.usage.experimental.reasoning_tokens",
        "gen_ai.usage.thinking_tokens",
        "gen_ai.usage.output_tokens.reasoning",
        "gen_ai.usage.details.reasoning_tokens",
        "llm.token_count.completion_details.reasoning",
        "llm.usage.reasoning_tokens",
        "ai.usage.outputTokenDetails.reasoningTokens",
        "ai.usage.reasoningTokens",
    ),
    "total_tokens": (
        "gen_ai.usage.total_tokens",
        "llm.usage.total_tokens",
        "llm.token_count.total",
        "ai.usage.totalTokens",
    ),
    "cost_usd": (
        semconv.AGENT_COST_USD,
        "gen_ai.cost.total_cost",
        "litellm.cost.total",
        "llm.cost.total",
        "gen_ai.usage.cost",
        "gen_ai.usage.total_cost",
        "operation.cost",
    ),
    "input_cost": ("gen_ai.usage.input_cost", "gen_ai.cost.input_cost", "llm.cost.prompt"),
    "output_cost": ("gen_ai.usage.output_cost", "gen_ai.cost.output_cost", "llm.cost.completion"),
    # What an agent's span adds up for one run, beside figures of another kind under the usual names (pydantic-ai).
    "run_input_tokens": ("gen_ai.aggregated_usage.input_tokens",),
    "run_output_tokens": ("gen_ai.aggregated_usage.output_tokens",),
    "run_cache_read_tokens": (
        "gen_ai.aggregated_usage.cache_read.input_tokens",
        "gen_ai.aggregated_usage.details.cache_read_tokens",
    ),
    "run_cache_write_tokens": (
        "gen_ai.aggregated_usage.cache_write.input_tokens",
        "gen_ai.aggregated_usage.cache_creation.input_tokens",
        "gen_ai.aggregated_usage.details.cache_write_tokens",
    ),
    "run_reasoning_tokens": (
        "gen_ai.aggregated_usage.reasoning.output_tokens",
        "gen_ai.aggregated_usage.details.reasoning_tokens",
    ),
}
"""Concept -> the attributes that say it, the first that is there wins; synonyms on one span are never added up."""

USERS = (
    semconv.USER_ID,
    "enduser.id",
    "enduser.pseudo.id",
    "langfuse.user.id",
    "traceloop.association.properties.user_id",
    "lmnr.association.properties.user_id",
    "ai.telemetry.metadata.userId",
)
"""The attributes that say for whom a span works, the first that is there wins. No event has it: only the store asks."""

FIGURES = (
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "cost_usd",
)
"""The concepts that are added up: tokens and US dollars."""
