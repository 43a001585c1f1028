"""Every attribute and metric name, once.

``gen_ai.*``, ``error.*`` and ``exception.*`` are OpenTelemetry semantic conventions (GenAI: development status, core
1.41 and the later ``semantic-conventions-genai`` repository). The conventions have no task and no worker session yet,
so those names live under ``agent.``.
"""

from __future__ import annotations

# OpenTelemetry semantic conventions -----------------------------------------------------------------------------
GEN_AI_OPERATION_NAME = "gen_ai.operation.name"
GEN_AI_CONVERSATION_ID = "gen_ai.conversation.id"
GEN_AI_AGENT_NAME = "gen_ai.agent.name"
GEN_AI_AGENT_ID = "gen_ai.agent.id"
GEN_AI_TOOL_NAME = "gen_ai.tool.name"
GEN_AI_TOOL_CALL_ID = "gen_ai.tool.call.id"
GEN_AI_WORKFLOW_NAME = "gen_ai.workflow.name"
GEN_AI_PROVIDER_NAME = "gen_ai.provider.name"
GEN_AI_REQUEST_MODEL = "gen_ai.request.model"
GEN_AI_RESPONSE_MODEL = "gen_ai.response.model"
GEN_AI_RESPONSE_ID = "gen_ai.response.id"
GEN_AI_TOKEN_TYPE = "gen_ai.token.type"  # noqa: S105 - the name of an attribute, not a secret
GEN_AI_USAGE_INPUT_TOKENS = "gen_ai.usage.input_tokens"
GEN_AI_USAGE_OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
GEN_AI_USAGE_CACHE_READ = "gen_ai.usage.cache_read.input_tokens"
GEN_AI_USAGE_CACHE_WRITE = "gen_ai.usage.cache_write.input_tokens"
GEN_AI_USAGE_REASONING = "gen_ai.usage.reasoning.output_tokens"
GEN_AI_EVALUATION_RESULT = "gen_ai.evaluation.result"
"""The event that somebody, or something, judged an answer."""
GEN_AI_EVALUATION_NAME = "gen_ai.evaluation.name"
GEN_AI_EVALUATION_SCORE = "gen_ai.evaluation.score.value"
GEN_AI_EVALUATION_LABEL = "gen_ai.evaluation.score.label"
GEN_AI_EVALUATION_EXPLANATION = "gen_ai.evaluation.explanation"
ERROR_TYPE = "error.type"
EXCEPTION_EVENT = "exception"
EXCEPTION_TYPE = "exception.type"
USER_ID = "user.id"
SERVICE_NAME = "service.name"
SERVICE_VERSION = "service.version"

OPERATION_CHAT = "chat"
OPERATION_INVOKE_AGENT = "invoke_agent"
OPERATION_INVOKE_WORKFLOW = "invoke_workflow"
OPERATION_EXECUTE_TOOL = "execute_tool"

METRIC_TOKEN_USAGE = "gen_ai.client.token.usage"  # noqa: S105 - the name of a metric, not a secret
METRIC_OPERATION_DURATION = "gen_ai.client.operation.duration"
USAGE_COUNTERS = {
    "inputTokens": "gen_ai.client.inference.usage.input_tokens",
    "outputTokens": "gen_ai.client.inference.usage.output_tokens",
    "cacheReadTokens": "gen_ai.client.inference.usage.cache_read.input_tokens",
    "cacheWriteTokens": "gen_ai.client.inference.usage.cache_write.input_tokens",
    "reasoningOutputTokens": "gen_ai.client.inference.usage.reasoning.output_tokens",
    "costUsd": "agent.client.inference.cost",
    "guessUsd": "agent.client.inference.cost.estimated",
    "guessCalls": "agent.client.inference.calls.estimated",
    "guessUnpriced": "agent.client.inference.calls.unpriced",
    "modelCalls": "agent.client.inference.calls",
    "modelErrors": "agent.client.inference.errors",
}
"""Property of ``token.usage`` -> the counter it is summed on; five are named by semantic-conventions-genai.

``guess…`` are no properties: what was estimated, of how many calls, and how many have no price.
"""

METRIC_INFERENCE_DURATION = "gen_ai.client.inference.duration"
METRIC_FIRST_CHUNK = "gen_ai.client.inference.time_to_first_chunk"
METRIC_AGENT_DURATION = "gen_ai.invoke_agent.duration"
METRIC_WORKFLOW_DURATION = "gen_ai.workflow.duration"
METRIC_TOOL_DURATION = "gen_ai.execute_tool.duration"

# Ours -----------------------------------------------------------------------------------------------------------
AGENT_LIFECYCLE = "agent.lifecycle"
"""What a span of ours stands for, set when it starts: one of the ``LIFECYCLE_*`` values."""

LIFECYCLE_SESSION = "session"
LIFECYCLE_TASK = "task"
LIFECYCLE_TOOL = "tool"
LIFECYCLE_AGENT = "agent"
LIFECYCLE_MODEL_CALL = "model_call"
LIFECYCLE_COMMAND = "command"
LIFECYCLE_WORKFLOW = "workflow"
LIFECYCLE_EVENT = "event"

AGENT_OUTCOME = "agent.outcome"
"""How it ended, where it did not just end well: one of the ``OUTCOME_*`` values."""

OUTCOME_OK = "ok"
OUTCOME_ERROR = "error"
OUTCOME_CANCELLED = "cancelled"
OUTCOME_SUPERSEDED = "superseded"
OUTCOME_LEFT = "left"
"""The reader of its generator went away, having read all that he wanted: a success, unless an answer was cut short."""
OUTCOME_RETRIED = "retried"
"""This attempt ended and the queue will run the task again: no event says that the task ended."""
OUTCOME_ABANDONED = "abandoned"
"""The process that runs the task is being killed; another process says how the task ended."""

AGENT_EVENT_NAME = "agent.event.name"
AGENT_EVENT_PROPERTY = "agent.event.property."
"""Prefix of the declared properties that a ``LIFECYCLE_EVENT`` span carries."""

AGENT_TASK_ID = "agent.task.id"
AGENT_TASK_NAME = "agent.task.name"
AGENT_TASK_SOURCE = "agent.task.source"
AGENT_TASK_PRIORITY = "agent.task.priority"
AGENT_TASK_TAGS = "agent.task.tags"
AGENT_TASK_HAS_PARENT = "agent.task.has_parent"
AGENT_TASK_CREATED = "agent.task.created"
"""True where the task is created by the span that runs it, so that its start is also its creation."""
AGENT_TASK_CREATED_AT = "agent.task.created_at"
"""Milliseconds since the epoch at which another process created the task."""
AGENT_TASK_ATTEMPT = "agent.task.attempt"
AGENT_TASK_CLAIMED = "agent.task.claimed"
AGENT_SESSION_ROLE = "agent.session.role"
AGENT_SESSION_HARNESS = "agent.session.harness_provider"
AGENT_HARNESS_VARIANT = "agent.harness.variant"
AGENT_HARNESS_VERSION = "agent.harness.version"
AGENT_HARNESS_READ_FROM = "agent.harness.read_from"
"""``stdout`` on spans of ours that say what a coding agent printed: its own telemetry, where it arrives too, counts."""
AGENT_COMMAND_NAME = "agent.command.name"
AGENT_COMMAND_PROGRAM = "agent.command.program"
"""What the program is called, where the command's name begins with it."""
AGENT_EXIT_CODE = "agent.exit_code"
AGENT_COST_USD = "agent.cost.usd"
TAGS = "tag.tags"
"""OpenInference's name for what a trace is labelled with: a list of texts."""
AGENT_COST_IS_ESTIMATE = "agent.cost.is_estimate"
METRIC_SESSION_DURATION = "agent.session.duration"
METRIC_TASK_DURATION = "agent.task.duration"
AGENT_WORKFLOW_ID = "agent.workflow.id"
AGENT_WORKFLOW_NODES = "agent.workflow.node_count"
AGENT_WORKFLOW_TRIGGER = "agent.workflow.trigger"
AGENT_WORKFLOW_SOURCE = "agent.workflow.source"
AGENT_WORKFLOW_STEPS_COMPLETED = "agent.workflow.steps_completed"
AGENT_WORKFLOW_STEPS_FAILED = "agent.workflow.steps_failed"
