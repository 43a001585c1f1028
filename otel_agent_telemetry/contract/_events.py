"""The events of the contract.

Names, properties and firing points follow the two clients whose schemas the dialects speak: Agent Swarm 1.135
(``src/telemetry.ts`` and its call sites) and docker-agent 1.32 (``pkg/telemetry``). Properties after those of the
source are ours and are absent where nothing is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from otel_agent_telemetry.contract._kinds import (
    Count,
    Enum,
    ErrorCategory,
    Flag,
    Kind,
    ListOf,
    Milliseconds,
    PublicName,
    Ref,
    Tag,
    Usd,
    Version,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TASK_SOURCES = (
    "mcp",
    "slack",
    "api",
    "ui",
    "github",
    "gitlab",
    "agentmail",
    "email",
    "system",
    "schedule",
    "workflow",
    "linear",
    "jira",
    "cli",
    "queue",
    "a2a",
    "webhook",
)
PROVIDERS = (
    # harnesses
    "claude",
    "codex",
    "opencode",
    "pi",
    "devin",
    "gemini",
    "cursor",
    "copilot",
    "qwen",
    "docker-agent",
    "goose",
    "amp",
    "openai-agents",
    "langgraph",
    "langchain",
    "crewai",
    "google-adk",
    "a2a",
    "mcp",
    "pydantic-ai",
    "agent-framework",
    "strands",
    "smolagents",
    "autogen",
    # gen_ai.provider.name
    "openai",
    "anthropic",
    "aws.bedrock",
    "azure.ai.inference",
    "azure.ai.openai",
    "cohere",
    "deepseek",
    "gcp.gemini",
    "gcp.gen_ai",
    "gcp.vertex_ai",
    "groq",
    "ibm.watsonx.ai",
    "mistral_ai",
    "moonshot_ai",
    "perplexity",
    "x_ai",
)
TASK_STATUSES = (
    "backlog",
    "unassigned",
    "offered",
    "reviewing",
    "pending",
    "in_progress",
    "paused",
    "completed",
    "failed",
    "cancelled",
    "superseded",
)
SUPERSEDE_REASONS = (
    "graceful_shutdown",
    "context_limits",
    "manual_supersede",
    "crash_recovery",
)
SIGNALS = (
    "SIGTERM",
    "SIGINT",
    "SIGHUP",
    "SIGQUIT",
    "SIGUSR1",
    "SIGUSR2",
    "SIGKILL",
    "exit",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event: when it fires, why it is collected, and its properties in wire order.

    ``docker`` is its (event, action) in the docker dialect, None where ``session.ended`` says the same there. Where
    ``docker_required`` is given, the docker form has exactly the properties that name a docker key, and the keys of
    ``docker_required`` are always there, with at least these values.
    """

    name: str
    fires: str
    why: str
    properties: Mapping[str, Kind]
    docker: tuple[str, str | None] | None
    docker_required: Mapping[str, object] | None = None
    declared_by: str = "contract"


def _enum(values: Sequence[str], why: str) -> Enum:
    return Enum(tuple(values), why=why)


_TASK_ID = Ref("task", why="joins the events of one task")
_SESSION_TASK_ID = Ref("task", why="which task it works on, where there is one")
_AGENT_ID = Ref("agent", why="tells how many agents an installation runs")
_AGENT_NAME = PublicName("agents", why="which of the product's own agents it was", docker="agent_name")
_SESSION_ID = Ref("session", why="joins the events of one session", docker="session_id")
_WORKFLOW_ID = Ref("workflow", why="joins the events of one workflow")
_SOURCE = _enum(TASK_SOURCES, "where work comes from")
_PROVIDER = _enum(PROVIDERS, "which harness or model provider is used")
_MODEL = PublicName("models", why="which public models are used")
_VARIANT = _enum(["stock", "custom", "minimal", "sandboxed"], "whether the harness is as shipped")
_HARNESS_VERSION = Version(why="which harness versions must be supported")
_DURATION = Milliseconds(why="how long it takes", docker="duration_ms")
_ERROR_CATEGORY = ErrorCategory(why="what kind of failure to fix first")
_INPUT = Count(why="how much context is used", docker="input_tokens")
_OUTPUT = Count(why="how much is generated", docker="output_tokens")
_CACHE_READ = Count(why="whether prompt caching works")
_CACHE_WRITE = Count(why="whether prompt caching works")
_REASONING = Count(why="how much reasoning models are used")
_COST = Usd(why="what a session costs", docker="cost")
_IS_ESTIMATE = Flag(why="whether some of the cost is an estimate from a price list; absent if not")
_HARNESS = {"provider": _PROVIDER, "harnessVariant": _VARIANT, "harnessVersion": _HARNESS_VERSION}
_NOTHING: dict[str, Kind] = {}
_TOTAL = {
    "inputTokens": _INPUT,
    "outputTokens": _OUTPUT,
    "cacheReadTokens": _CACHE_READ,
    "cacheWriteTokens": _CACHE_WRITE,
    "reasoningOutputTokens": _REASONING,
}


_AS_NAMED = ("", None)


def _event(
    name: str,
    fires: str,
    why: str,
    properties: Mapping[str, Kind],
    *,
    docker: tuple[str, str | None] | None = _AS_NAMED,
    required: Mapping[str, object] | None = None,
) -> Event:
    subject, verb = name.split(".")
    return Event(
        name=name,
        fires=fires,
        why=why,
        properties=MappingProxyType(dict(properties)),
        docker=(subject, verb) if docker == _AS_NAMED else docker,
        docker_required=None if required is None else MappingProxyType(dict(required)),
    )


_SERVER = (
    _event(
        "server.started",
        "once per server, when it starts to accept requests (uvicorn: after startup; celery: worker ready)",
        "how many installations run, and which kind",
        {"port": Count(why="whether the default port is kept", preset="agent-swarm")},
    ),
    _event(
        "server.shutdown",
        "once per server, when it stops",
        "how stable servers are",
        {
            "signal": _enum(SIGNALS, "whether it was asked to stop"),
            "uptimeMs": Milliseconds(why="how long servers live"),
            "sessionsProcessed": Count(why="how much one server does"),
        },
    ),
)

_TASK = (
    _event(
        "task.created",
        "a task is given to an agent: create_task(), or task() for one that runs at once",
        "how much work arrives, and from where",
        {
            "taskId": _TASK_ID,
            "source": _SOURCE,
            **_HARNESS,
            "hasParent": Flag(why="whether agents delegate"),
            "priority": Count(why="whether priorities are used"),
            "tags": ListOf(Tag(), why="which of the product's own kinds of task are used"),
        },
    ),
    _event(
        "task.started",
        "an agent begins with a task",
        "how much work is begun",
        {"taskId": _TASK_ID, "source": _SOURCE, "agentId": _AGENT_ID},
    ),
    _event(
        "task.claimed",
        "a worker takes a task from a pool or queue",
        "whether queues are used",
        {"taskId": _TASK_ID, "source": _SOURCE, "agentId": _AGENT_ID},
    ),
    *(
        _event(
            f"task.{verb}",
            fires,
            why,
            {
                "taskId": _TASK_ID,
                "source": _SOURCE,
                **_HARNESS,
                "agentId": _AGENT_ID,
                "durationMs": Milliseconds(why="how long tasks take, since they were created"),
                **failure,
            },
        )
        for verb, fires, why, failure in (
            ("completed", "a task ends without error", "the success rate", _NOTHING),
            ("failed", "a task ends with an exception", "the failure rate", {"errorCategory": _ERROR_CATEGORY}),
        )
    ),
    _event(
        "task.cancelled",
        "a task is cancelled, before or while it runs",
        "how often work is thrown away",
        {
            "taskId": _TASK_ID,
            "source": _SOURCE,
            "agentId": _AGENT_ID,
            "previousStatus": _enum(TASK_STATUSES, "how far it had come"),
            "durationMs": Milliseconds(why="how long it had waited or run"),
        },
    ),
    _event(
        "task.superseded",
        "a task is replaced by another",
        "how often and why work is replaced",
        {
            "taskId": _TASK_ID,
            "source": _SOURCE,
            **_HARNESS,
            "agentId": _AGENT_ID,
            "reason": _enum(SUPERSEDE_REASONS, "why it was replaced"),
            "durationMs": Milliseconds(why="how long it had waited or run"),
        },
    ),
    _event(
        "task.session_completed",
        "the session that works on a task ends",
        "how harness runs end",
        {
            "taskId": _TASK_ID,
            "agentId": _AGENT_ID,
            "provider": _PROVIDER,
            "model": _MODEL,
            "harnessVariant": _VARIANT,
            "harnessVersion": _HARNESS_VERSION,
            "exitCode": Count(why="how harness processes end"),
            "isError": Flag(why="the failure rate of runs"),
            "durationMs": Milliseconds(why="how long runs take"),
        },
    ),
)

_SESSION = (
    _event(
        "session.started",
        "a conversation or a worker's life with an agent begins",
        "how much agents are used",
        {
            "agentId": _AGENT_ID,
            "harnessProvider": _PROVIDER,
            "model": _MODEL,
            "role": _enum(["worker", "lead"], "how agents are deployed"),
            "taskId": _SESSION_TASK_ID,
            "sessionId": _SESSION_ID,
            "agentName": _AGENT_NAME,
        },
        docker=("session", "start"),
        required={"session_id": "", "agent_name": ""},
    ),
    _event(
        "session.ended",
        "the session ends, whatever the outcome",
        "how long sessions are and what they add up to",
        {
            "agentId": _AGENT_ID,
            "durationMs": _DURATION,
            "tasksProcessed": Count(why="how much one session does"),
            "taskId": _SESSION_TASK_ID,
            "sessionId": _SESSION_ID,
            "agentName": _AGENT_NAME,
            "isSuccess": Flag(why="the success rate of sessions", docker="is_success"),
            "agentRuns": Count(why="how often agents run in a session"),
            "toolCalls": Count(why="how much tools are used", docker="tool_calls"),
            "modelCalls": Count(why="how many model calls a session takes"),
            "errorCount": Count(why="how many failures a session has", docker="error_count"),
            **_TOTAL,
            "totalTokens": Count(why="the size of sessions", docker="total_tokens"),
            "totalCostUsd": _COST,
            "costIsEstimate": _IS_ESTIMATE,
            "errors": ListOf(_ERROR_CATEGORY, why="which failures sessions have", docker="error"),
        },
        docker=("session", "end"),
        required={
            "session_id": "",
            "agent_name": "",
            "duration_ms": 0,
            "tool_calls": 0,
            "input_tokens": 0,
            "output_tokens": 0,
            "total_tokens": 0,
            "cost": 0,
            "error_count": 0,
            "is_success": True,
            "error": (),
        },
    ),
    _event(
        "session.cost",
        "a session that used tokens or money ends",
        "what agents cost their users",
        {
            "agentId": _AGENT_ID,
            "model": _MODEL,
            "provider": _PROVIDER,
            "inputTokens": _INPUT,
            "outputTokens": _OUTPUT,
            "cacheReadTokens": _CACHE_READ,
            "cacheWriteTokens": _CACHE_WRITE,
            "reasoningOutputTokens": _REASONING,
            "thinkingTokens": Count(why="how much reasoning models are used"),
            "totalCostUsd": _COST,
            "durationMs": _DURATION,
            "numTurns": Count(why="how many model calls a session takes"),
            "isError": Flag(why="what failures cost"),
            "costIsEstimate": _IS_ESTIMATE,
            "sessionId": _SESSION_ID,
        },
        docker=None,
    ),
    _event(
        "session.failure",
        "a session ends with an error",
        "what kind of failure to fix first",
        {
            "agentId": _AGENT_ID,
            "errorCategory": _ERROR_CATEGORY,
            "provider": _PROVIDER,
            "model": _MODEL,
            "durationMs": _DURATION,
            "wasRateLimited": Flag(why="whether rate limits stop sessions"),
            "sessionId": _SESSION_ID,
        },
        docker=None,
    ),
)

_SCHEDULE = {
    "scheduleType": _enum(["recurring", "one_time"], "which schedules are used"),
    "triggeredWorkflows": Flag(why="whether schedules start workflows"),
    "wasRecovered": Flag(why="whether schedules survive restarts"),
}

_REST = (
    _event("schedule.executed", "a scheduled run is done", "whether schedules are used", _SCHEDULE),
    _event(
        "schedule.error",
        "a scheduled run fails",
        "whether schedules are reliable",
        {**_SCHEDULE, "consecutiveErrors": Count(why="whether failures repeat")},
    ),
    _event(
        "workflow.created",
        "a workflow is defined",
        "whether workflows are used",
        {"workflowId": _WORKFLOW_ID, "nodeCount": Count(why="the size of workflows"), "source": _SOURCE},
    ),
    _event(
        "workflow.deleted",
        "a workflow is deleted",
        "whether workflows are kept",
        {"workflowId": _WORKFLOW_ID, "source": _SOURCE},
    ),
    _event(
        "workflow.started",
        "a run of a workflow begins",
        "how much workflows are used",
        {
            "workflowId": _WORKFLOW_ID,
            "nodeCount": Count(why="the size of workflows"),
            "triggerType": _enum(["schedule", "manual", "event", "api"], "what starts workflows"),
        },
    ),
    *(
        _event(
            f"workflow.{verb}",
            f"a run of a workflow {ends}",
            why,
            {
                "workflowId": _WORKFLOW_ID,
                "durationMs": _DURATION,
                "stepsCompleted": Count(why="how far runs come"),
                "stepsFailed": Count(why="how far runs come"),
            },
        )
        for verb, ends, why in (
            ("completed", "completes", "the success rate of workflows"),
            ("failed", "fails", "the failure rate of workflows"),
        )
    ),
    _event(
        "agent.registered",
        "an agent registers with its server",
        "how many agents an installation has",
        {
            "role": _enum(["worker", "lead"], "how agents are deployed"),
            "capabilities": ListOf(PublicName("capabilities"), why="how many capabilities agents have"),
            "isReconnect": Flag(why="whether agents come back"),
        },
    ),
    _event(
        "compaction.triggered",
        "a harness compacts its context",
        "how often contexts overflow",
        {
            "compactTrigger": _enum(["auto", "manual", "auto-inferred"], "who asked for it"),
            "preCompactTokens": Count(why="how full contexts are"),
            "contextTotalTokens": Count(why="which context sizes are used"),
        },
    ),
    _event(
        "command.executed",
        "a command of the product ends",
        "which commands are used and whether they work",
        {
            "command": PublicName("commands", why="which of the product's commands it was", docker="action"),
            "isSuccess": Flag(why="whether commands work", docker="is_success"),
            "durationMs": Milliseconds(why="how long commands take"),
            "exitCode": Count(why="how commands end"),
            "errorCategory": _ERROR_CATEGORY,
        },
        docker=("command", None),
        required={"is_success": True},
    ),
    _event(
        "tool.called",
        "a tool call ends",
        "which of the product's tools are used and whether they work",
        {
            "toolName": PublicName("tools", why="which of the product's tools it was", docker="tool_name"),
            "isSuccess": Flag(why="the success rate of tools", docker="is_success"),
            "durationMs": _DURATION,
            "errorCategory": ErrorCategory(why="what kind of failure to fix first", docker="error"),
            "sessionId": _SESSION_ID,
            "agentName": _AGENT_NAME,
        },
        docker=("tool", "call"),
        required={"session_id": "", "agent_name": "", "tool_name": "", "duration_ms": 0, "is_success": True},
    ),
    _event(
        "token.usage",
        "once per interval (60 s), model and session, and at the end of a session or of the program",
        "which models are used and how much",
        {
            "model": PublicName("models", why="which public models are used", docker="model_name"),
            "provider": _PROVIDER,
            **_TOTAL,
            "totalTokens": Count(why="the size of usage", docker="total_tokens"),
            "costUsd": _COST,
            "costIsEstimate": _IS_ESTIMATE,
            "modelCalls": Count(why="how many model calls succeed"),
            "modelErrors": Count(why="how many model calls fail"),
            "sessionId": _SESSION_ID,
            "agentName": _AGENT_NAME,
        },
        docker=("token", "usage"),
        required={
            "session_id": "",
            "agent_name": "",
            "model_name": "unknown",
            "input_tokens": 0,
            "output_tokens": 0,
            "total_tokens": 0,
            "cost": 0,
        },
    ),
)

EVENTS: tuple[Event, ...] = (*_SERVER, *_TASK, *_SESSION, *_REST)
"""Every event of the contract, in the order in which TELEMETRY.md shows them."""
