"""From what on a span each property of an anonymous event is made."""

from __future__ import annotations

from otel_agent_telemetry import semconv

__all__ = ["DURATION", "property_sources"]

DURATION = "the span's start and end"
_OUTCOME = (semconv.AGENT_OUTCOME, "the span's status code")
_ERROR = (semconv.ERROR_TYPE, semconv.EXCEPTION_TYPE, "http.response.status_code")
_COUNTED = "a count of the spans below"

_SOURCES: dict[str, tuple[str, ...]] = {
    "taskId": (semconv.AGENT_TASK_ID,),
    "source": (semconv.AGENT_TASK_SOURCE,),
    "priority": (semconv.AGENT_TASK_PRIORITY,),
    "hasParent": (semconv.AGENT_TASK_HAS_PARENT,),
    "agentId": (semconv.GEN_AI_AGENT_ID,),
    "agentName": (semconv.GEN_AI_AGENT_NAME,),
    "sessionId": (semconv.GEN_AI_CONVERSATION_ID,),
    "workflowId": (semconv.AGENT_WORKFLOW_ID,),
    "provider": (semconv.GEN_AI_PROVIDER_NAME, semconv.AGENT_SESSION_HARNESS),
    "harnessProvider": (semconv.AGENT_SESSION_HARNESS,),
    "harnessVariant": (semconv.AGENT_HARNESS_VARIANT,),
    "harnessVersion": (semconv.AGENT_HARNESS_VERSION,),
    "role": (semconv.AGENT_SESSION_ROLE,),
    "model": (semconv.GEN_AI_RESPONSE_MODEL, semconv.GEN_AI_REQUEST_MODEL),
    "inputTokens": (semconv.GEN_AI_USAGE_INPUT_TOKENS,),
    "outputTokens": (semconv.GEN_AI_USAGE_OUTPUT_TOKENS,),
    "totalTokens": (semconv.GEN_AI_USAGE_INPUT_TOKENS, semconv.GEN_AI_USAGE_OUTPUT_TOKENS),
    "cacheReadTokens": (semconv.GEN_AI_USAGE_CACHE_READ,),
    "cacheWriteTokens": (semconv.GEN_AI_USAGE_CACHE_WRITE,),
    "reasoningOutputTokens": (semconv.GEN_AI_USAGE_REASONING,),
    "thinkingTokens": (semconv.GEN_AI_USAGE_REASONING,),
    "totalCostUsd": (semconv.AGENT_COST_USD,),
    "costUsd": (semconv.AGENT_COST_USD,),
    "toolName": (semconv.GEN_AI_TOOL_NAME,),
    "command": (semconv.AGENT_COMMAND_NAME,),
    "exitCode": (semconv.AGENT_EXIT_CODE,),
    "nodeCount": (semconv.AGENT_WORKFLOW_NODES,),
    "triggerType": (semconv.AGENT_WORKFLOW_TRIGGER,),
    "stepsCompleted": (semconv.AGENT_WORKFLOW_STEPS_COMPLETED,),
    "stepsFailed": (semconv.AGENT_WORKFLOW_STEPS_FAILED,),
    "durationMs": (DURATION,),
    "isSuccess": _OUTCOME,
    "isError": _OUTCOME,
    "errorCategory": _ERROR,
    "errors": _ERROR,
    "wasRateLimited": _ERROR,
    **dict.fromkeys(
        ("tasksProcessed", "agentRuns", "toolCalls", "modelCalls", "modelErrors", "errorCount", "numTurns"), (_COUNTED,)
    ),
}
_OF_WORKFLOWS = {"source": (semconv.AGENT_WORKFLOW_SOURCE,)}
_ENVELOPE = ("the product's own settings",)


def property_sources(event: str, name: str) -> list[str]:
    """The attributes, or the words for what is no attribute, that a property of that event is made from."""
    if event.startswith("workflow.") and name in _OF_WORKFLOWS:
        return [*_OF_WORKFLOWS[name]]
    if name in _SOURCES:
        return [*_SOURCES[name]]
    return [f"{semconv.AGENT_EVENT_PROPERTY}{name}"] if event else [*_ENVELOPE]
