"""From which attribute of a span each property of an event is read: one table for events and for who explains them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_agent_telemetry import semconv
from otel_agent_telemetry.meaning._table import ROWS

if TYPE_CHECKING:
    from collections.abc import Mapping

HARNESS = {
    "provider": semconv.AGENT_SESSION_HARNESS,
    "harnessVariant": semconv.AGENT_HARNESS_VARIANT,
    "harnessVersion": semconv.AGENT_HARNESS_VERSION,
}
SESSION = {
    "agentId": semconv.GEN_AI_AGENT_ID,
    "harnessProvider": semconv.AGENT_SESSION_HARNESS,
    "model": semconv.GEN_AI_REQUEST_MODEL,
    "role": semconv.AGENT_SESSION_ROLE,
    "taskId": semconv.AGENT_TASK_ID,
    "sessionId": semconv.GEN_AI_CONVERSATION_ID,
    "agentName": semconv.GEN_AI_AGENT_NAME,
}
SESSION_OF_TASK = {
    "harnessVariant": semconv.AGENT_HARNESS_VARIANT,
    "harnessVersion": semconv.AGENT_HARNESS_VERSION,
    "exitCode": semconv.AGENT_EXIT_CODE,
}
TASK = {"taskId": semconv.AGENT_TASK_ID, "source": semconv.AGENT_TASK_SOURCE}
CREATED = {
    **TASK,
    **HARNESS,
    "hasParent": semconv.AGENT_TASK_HAS_PARENT,
    "priority": semconv.AGENT_TASK_PRIORITY,
    "tags": semconv.AGENT_TASK_TAGS,
}
WORKFLOW = {"workflowId": semconv.AGENT_WORKFLOW_ID}
WORKFLOW_STARTED = {"nodeCount": semconv.AGENT_WORKFLOW_NODES, "triggerType": semconv.AGENT_WORKFLOW_TRIGGER}
WORKFLOW_ENDED = {
    "stepsCompleted": semconv.AGENT_WORKFLOW_STEPS_COMPLETED,
    "stepsFailed": semconv.AGENT_WORKFLOW_STEPS_FAILED,
}
COMMAND = {"command": semconv.AGENT_COMMAND_NAME, "exitCode": semconv.AGENT_EXIT_CODE}
TOKENS = {
    "inputTokens": "input_tokens",
    "outputTokens": "output_tokens",
    "cacheReadTokens": "cache_read_tokens",
    "cacheWriteTokens": "cache_write_tokens",
    "reasoningOutputTokens": "reasoning_tokens",
}
"""Property -> the concept of the table of dialects, and the field of whatever adds it up."""

_WHOSE = {name: SESSION[name] for name in ("sessionId", "agentName")}
_READ: dict[str, Mapping[str, str]] = {
    "session.": {**SESSION, "provider": HARNESS["provider"]},
    "task.session_completed": {**SESSION, **SESSION_OF_TASK, "provider": HARNESS["provider"]},
    "task.": {**CREATED, "agentId": SESSION["agentId"]},
    "workflow.": {**WORKFLOW, **WORKFLOW_STARTED, **WORKFLOW_ENDED},
    "command.": COMMAND,
    "tool.": _WHOSE,
    "token.": _WHOSE,
}
"""How an event's name begins -> what is read for it; the longest that fits."""

_TOLD = {
    **{name: (concept,) for name, concept in TOKENS.items()},
    "totalTokens": (TOKENS["inputTokens"], TOKENS["outputTokens"]),
    "totalCostUsd": ("cost_usd",),
    "costUsd": ("cost_usd",),
    "model": ("answered_by", "asked"),
    "provider": ("provider",),
    "toolName": ("tool",),
}
"""Property -> the concepts, of the spans below, that it is made from."""


def attributes_of(event: str, name: str) -> list[str]:
    """The attributes that a property of that event is made from; of several names of one concept the first."""
    begins = [begin for begin in _READ if event.startswith(begin)]
    if not begins:
        return []
    read = _READ[max(begins, key=len)].get(name)
    told = [ROWS[concept][0] for concept in _TOLD.get(name, ())]
    return list(dict.fromkeys([*told, *([] if read is None else [read])]))
