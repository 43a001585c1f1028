"""The events of Agent Swarm: every key that they have, so that one that our contract lost is missed."""

from __future__ import annotations

from otel_agent_telemetry.contract import (
    Count,
    Enum,
    ErrorCategory,
    Flag,
    Kind,
    ListOf,
    Milliseconds,
    PublicName,
    Ref,
    Usd,
    Version,
)

_TASK: dict[str, type[Kind]] = {"taskId": Ref, "source": Enum}
_HARNESS: dict[str, type[Kind]] = {"provider": Enum, "harnessVariant": Enum, "harnessVersion": Version}
_DONE: dict[str, type[Kind]] = {"agentId": Ref, "durationMs": Milliseconds}
_SCHEDULE: dict[str, type[Kind]] = {"scheduleType": Enum, "triggeredWorkflows": Flag, "wasRecovered": Flag}
_TOKENS: dict[str, type[Kind]] = {
    "inputTokens": Count,
    "outputTokens": Count,
    "cacheReadTokens": Count,
    "cacheWriteTokens": Count,
    "reasoningOutputTokens": Count,
}
_STEPS: dict[str, type[Kind]] = {
    "workflowId": Ref,
    "durationMs": Milliseconds,
    "stepsCompleted": Count,
    "stepsFailed": Count,
}

AGENT_SWARM: dict[str, dict[str, type[Kind]]] = {
    "server.started": {"port": Count},
    "server.shutdown": {"signal": Enum, "uptimeMs": Milliseconds, "sessionsProcessed": Count},
    "task.created": {**_TASK, **_HARNESS, "hasParent": Flag, "priority": Count},
    "task.started": {**_TASK, "agentId": Ref},
    "task.claimed": {**_TASK, "agentId": Ref},
    "task.completed": {**_TASK, **_HARNESS, **_DONE},
    "task.failed": {**_TASK, **_HARNESS, **_DONE},
    "task.cancelled": {**_TASK, "agentId": Ref, "previousStatus": Enum, "durationMs": Milliseconds},
    "task.superseded": {**_TASK, **_HARNESS, "agentId": Ref, "reason": Enum, "durationMs": Milliseconds},
    "task.session_completed": {
        "taskId": Ref,
        "agentId": Ref,
        "provider": Enum,
        "model": PublicName,
        "harnessVariant": Enum,
        "harnessVersion": Version,
        "exitCode": Count,
        "isError": Flag,
        "durationMs": Milliseconds,
    },
    "session.started": {"agentId": Ref, "harnessProvider": Enum, "model": PublicName, "role": Enum},
    "session.ended": {"agentId": Ref, "durationMs": Milliseconds, "tasksProcessed": Count},
    "session.cost": {
        "agentId": Ref,
        "model": PublicName,
        "provider": Enum,
        "inputTokens": Count,
        "outputTokens": Count,
        "cacheReadTokens": Count,
        "cacheWriteTokens": Count,
        "reasoningOutputTokens": Count,
        "thinkingTokens": Count,
        "totalCostUsd": Usd,
        "durationMs": Milliseconds,
        "numTurns": Count,
        "isError": Flag,
    },
    "session.failure": {
        "agentId": Ref,
        "errorCategory": ErrorCategory,
        "provider": Enum,
        "model": PublicName,
        "durationMs": Milliseconds,
        "wasRateLimited": Flag,
    },
    "schedule.executed": _SCHEDULE,
    "schedule.error": {**_SCHEDULE, "consecutiveErrors": Count},
    "workflow.created": {"workflowId": Ref, "nodeCount": Count, "source": Enum},
    "workflow.deleted": {"workflowId": Ref, "source": Enum},
    "workflow.started": {"workflowId": Ref, "nodeCount": Count, "triggerType": Enum},
    "workflow.completed": _STEPS,
    "workflow.failed": _STEPS,
    "agent.registered": {"role": Enum, "capabilities": ListOf, "isReconnect": Flag},
    "compaction.triggered": {"compactTrigger": Enum, "preCompactTokens": Count, "contextTotalTokens": Count},
}
"""Every event of Agent Swarm with its keys in their order, and what kind each is to us."""

OURS: dict[str, dict[str, type[Kind]]] = {
    "task.created": {"tags": ListOf},
    "task.failed": {"errorCategory": ErrorCategory},
    "session.started": {"taskId": Ref, "sessionId": Ref, "agentName": PublicName},
    "session.ended": {
        "taskId": Ref,
        "sessionId": Ref,
        "agentName": PublicName,
        "isSuccess": Flag,
        "agentRuns": Count,
        "toolCalls": Count,
        "modelCalls": Count,
        "errorCount": Count,
        **_TOKENS,
        "totalTokens": Count,
        "totalCostUsd": Usd,
        "costIsEstimate": Flag,
        "errors": ListOf,
    },
    "session.cost": {"costIsEstimate": Flag, "sessionId": Ref},
    "session.failure": {"sessionId": Ref},
    "command.executed": {
        "command": PublicName,
        "isSuccess": Flag,
        "durationMs": Milliseconds,
        "exitCode": Count,
        "errorCategory": ErrorCategory,
    },
    "tool.called": {
        "toolName": PublicName,
        "isSuccess": Flag,
        "durationMs": Milliseconds,
        "errorCategory": ErrorCategory,
        "sessionId": Ref,
        "agentName": PublicName,
    },
    "token.usage": {
        "model": PublicName,
        "provider": Enum,
        **_TOKENS,
        "totalTokens": Count,
        "costUsd": Usd,
        "costIsEstimate": Flag,
        "modelCalls": Count,
        "modelErrors": Count,
        "sessionId": Ref,
        "agentName": PublicName,
    },
}
"""What Agent Swarm's documents name and its client does not send, and what is ours: after the client's own keys."""

WORDS: dict[str, tuple[str, ...]] = {
    "source": (
        "mcp",
        "slack",
        "api",
        "ui",
        "github",
        "gitlab",
        "agentmail",
        "system",
        "schedule",
        "workflow",
        "linear",
        "jira",
    ),
    "provider": ("claude", "codex", "opencode", "pi", "devin"),
    "harnessProvider": ("claude", "codex", "opencode", "pi", "devin"),
    "harnessVariant": ("stock",),
    "role": ("worker", "lead"),
    "signal": ("SIGTERM", "SIGINT"),
    "previousStatus": ("backlog", "unassigned", "offered", "reviewing", "pending", "in_progress", "paused"),
    "reason": ("graceful_shutdown", "context_limits", "manual_supersede", "crash_recovery"),
    "scheduleType": ("recurring", "one_time"),
    "triggerType": ("schedule", "manual", "event", "api"),
    "compactTrigger": ("auto", "manual", "auto-inferred"),
    "errorCategory": ("rate_limit", "api_error", "context_overflow", "timeout", "provider_error", "unknown"),
}
"""The closed words of Agent Swarm: our contract has to know every one, and may know more."""
