"""What of a coding agent's records is no content, by an allow-list: several send prompts and outputs unasked.

Numbers and truth values are open, and so are texts that are known to be a name from a closed set, an id or a category.
All else is content: prompts, answers, arguments, outputs, error texts, file names, command lines, who the user is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.common.v1.common_pb2 import KeyValue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.proto.common.v1.common_pb2 import AnyValue

__all__ = ["FIGURES", "IDS", "OPEN_KEYS", "OPEN_RESOURCE", "SPAN_NAMES", "hidden", "without_content"]

IDS = frozenset(
    {
        "agent.id",
        "agent_id",
        "ai.response.id",
        "ai.telemetry.metadata.sessionId",
        "ai.toolCall.id",
        "call_id",
        "conversation.id",
        "gen_ai.agent.id",
        "gen_ai.conversation.id",
        "gen_ai.prompt.name",
        "gen_ai.response.id",
        "gen_ai.tool.call.id",
        "gen_ai.tool.call_id",
        "github.copilot.interaction_id",
        "github.copilot.turn_id",
        "parent_call_id",
        "prompt.id",
        "prompt_id",
        "qwen-code.prompt_id",
        "request_id",
        "response_id",
        "session.id",
        "submission.id",
        "thread.id",
        "thread_id",
        "tool.call_id",
        "tool_use_id",
        "turn.id",
        "turn_id",
    }
)
"""Attributes that are ids: of sessions, prompts, requests, calls, agents."""
OPEN_KEYS = IDS | frozenset(
    {
        # names of models, tools, agents, programs
        "agent",
        "agent.name",
        "agent.source",
        "agent_name",
        "agent_type",
        "ai.model.id",
        "ai.model.provider",
        "ai.operationId",
        "ai.response.model",
        "ai.telemetry.functionId",
        "ai.toolCall.name",
        "anthropic.provider",
        "app.version",
        "codex.op",
        "codex.tool.phase",
        "codex.turn.phase",
        "codex.turn.reasoning_effort",
        "event.kind",
        "event.name",
        "event.timestamp",
        "exception.type",
        "final_model",
        "function_name",
        "gen_ai.agent.name",
        "gen_ai.operation.name",
        "gen_ai.provider.name",
        "gen_ai.request.model",
        "gen_ai.request.reasoning.level",
        "gen_ai.response.model",
        "gen_ai.system",
        "gen_ai.token.modality",
        "gen_ai.token.type",
        "gen_ai.tool.name",
        "gen_ai.tool.type",
        "github.copilot.agent.type",
        "github.copilot.initiator",
        "model",
        "operation.name",
        "originator",
        "provider_name",
        "query_source",
        "query_source_safe",
        "qwen-code.model",
        "resource.name",
        "rpc.method",
        "rpc.system",
        "service.name",
        "session_source",
        "span.type",
        "startup.phase",
        "subagent_name",
        "tool",
        "tool.name",
        "tool.type",
        "tool_name",
        "tool_name_safe",
        "tool_namespace",
        "tool_source",
        "tool_type",
        "transport",
        "wire_api",
        # how it went
        "ai.response.finishReason",
        "approval_mode",
        "approval_policy",
        "auth_type",
        "decision",
        "error.type",
        "error_class",
        "error_type",
        "execution_status",
        "finish_reason",
        "finish_reasons",
        "gen_ai.response.finish_reasons",
        "hook_event",
        "http.method",
        "http.request.method",
        "llm_request.context",
        "mode",
        "outcome",
        "parent.source",
        "permission_mode",
        "phase",
        "qwen-code.approval_mode",
        "qwen-code.message_type",
        "qwen-code.subagent.status",
        "qwen-code.turn_status",
        "role",
        "sandbox_policy",
        "source",
        "speed",
        "start_type",
        "startup.status",
        "status",
        "stop_reason",
        "terminal.type",
        "terminate_reason",
        "token_type",
        "tool.failure_kind",
        "type",
    }
)
"""Attributes of spans, log records and points whose texts are open."""
FIGURES = frozenset(
    {
        "aborted",
        "attempt",
        "cache_creation_tokens",
        "cache_read_tokens",
        "cache_write_token_count",
        "cached_content_token_count",
        "cached_token_count",
        "codex.turn.token_usage.input_tokens",
        "codex.turn.token_usage.output_tokens",
        "codex.usage.reasoning_output_tokens",
        "cost_usd",
        "duration_ms",
        "error_status_code",
        "github.copilot.turn_count",
        "http.response.status_code",
        "http.status_code",
        "input_token_count",
        "input_tokens",
        "output_token_count",
        "output_tokens",
        "process.exit.code",
        "reasoning_token_count",
        "status_code",
        "stopped",
        "success",
        "thoughts_token_count",
        "tool.calls",
    }
)
"""Attributes that are read as numbers or truth values, which some programs write as text."""
SPAN_NAMES = (
    "claude_code[.][a-z_.]{1,32}|qwen-code[.][a-z_.]{1,32}|runtime[.](session|stream|tool[.](call|handler))"
    "|session_task[.]turn|handle_responses|SessionPrompt[.]prompt|TaskTool[.]runTask|Tool[.]execute"
    "|reply_stream|stream_response_from_provider|dispatch_tool_call|ai[.](streamText|generateText|toolCall)([.]do(Stream|Generate))?|llm_call|tool_call|agent_call|schedule_tool_calls"
)
"""A pattern of names that a program gives its spans each time; any other may be a caller's words."""
OPEN_RESOURCE = frozenset(
    {
        "deployment.environment.name",
        "host.arch",
        "opencode.client",
        "opencode.run",
        "os",
        "os.type",
        "os.version",
        "os_version",
        "process.runtime.name",
        "process.runtime.version",
        "service.instance.id",
        "service.name",
        "service.version",
        "session.id",
        "telemetry.sdk.language",
        "telemetry.sdk.name",
        "telemetry.sdk.version",
    }
)
_PRESENT = frozenset({"error.message"})
"""Texts that are content, and tell by being there that something failed."""
_EVENT_NAME = re.compile(r"[a-z][a-z0-9_.]{0,63}", re.ASCII)
"""Names of span events that a program gives each time; of programs in Rust it is whatever they log."""
_WORDS = frozenset({"true", "false", "none", ""})
_LISTS = frozenset({"finish_reasons", "gen_ai.response.finish_reasons"})
_LONGEST = 200


def _is_open(key: str, value: object, keys: frozenset[str]) -> bool:
    if isinstance(value, (bool, int, float)) or value is None:
        return True
    if isinstance(value, str):
        return (key in keys and len(value) <= _LONGEST) or value.isdecimal() or value in _WORDS
    return key in _LISTS


def hidden(attributes: Mapping[str, object], keys: frozenset[str] = OPEN_KEYS) -> dict[str, object]:
    """Those that are content."""
    return {key: value for key, value in attributes.items() if not _is_open(key, value, keys)}


def without_content(record: Any, keys: frozenset[str] = OPEN_KEYS) -> Any:
    """The same message without content: a resource, a span, a log record, or a metric; a copy."""
    made = type(record)()
    made.CopyFrom(record)
    fields = made.DESCRIPTOR.fields_by_name
    if "attributes" in fields:
        _keep_open(made.attributes, keys)
    if "body" in fields:
        _name_body(made)
    if "status" in fields:
        made.status.message = ""
    for event in made.events if "events" in fields else ():
        _keep_open(event.attributes, keys)
        if not _EVENT_NAME.fullmatch(event.name):
            event.name = "event"
    which = made.WhichOneof("data") if "gauge" in fields else None
    for point in getattr(made, which).data_points if which else ():
        _keep_open(point.attributes, keys)
        if "exemplars" in point.DESCRIPTOR.fields_by_name:
            del point.exemplars[:]
    return made


def _name_body(record: Any) -> None:
    """A log record's text goes, but where it is its event's name."""
    name = next((pair.value.string_value for pair in record.attributes if pair.key == "event.name"), None)
    body = record.body.string_value
    record.event_name = name or ""
    if name is None or body.rpartition(".")[2] != name.rpartition(".")[2]:
        record.ClearField("body")


def _keep_open(pairs: Any, keys: frozenset[str]) -> None:
    for pair in pairs:
        if pair.key in _PRESENT:
            pair.value.string_value = ""
    kept = [pair for pair in pairs if _is_open(pair.key, _plain(pair.value), keys)]
    if len(kept) < len(pairs):
        copies = [KeyValue.FromString(pair.SerializeToString()) for pair in kept]
        del pairs[:]
        pairs.extend(copies)


def _plain(value: AnyValue) -> object:
    which = value.WhichOneof("value")
    if which in {"string_value", "int_value", "double_value", "bool_value"}:
        return getattr(value, which)
    return None if which is None else ()
