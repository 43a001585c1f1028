"""What was said in a model call or tool call, as messages, whichever dialect recorded it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypedDict, cast

from otel_agent_telemetry.local.read._answers import json_text
from otel_agent_telemetry.local.read._content import parsed, trace_content

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping

__all__ = ["Message", "Turn", "conversation", "messages_of_call"]

_TURNS = """
SELECT spans.span_id, spans.name, steps.kind, steps.model, steps.tool, steps.agent, steps.input, steps.output,
       spans.status
FROM steps JOIN spans ON spans.id = steps.id
WHERE steps.trace = ? AND steps.kind IN ('model', 'tool') AND steps.counted ORDER BY steps.start_ns, steps.id
"""
_STATUS_ERROR = 2
_SPLIT_KEY = re.compile(r"(llm\.input_messages|llm\.output_messages|gen_ai\.prompt|gen_ai\.completion)\.(\d+)\.(.+)")
_SPLIT_CALL = re.compile(r"(?:message\.)?tool_calls\.(\d+)\.(?:tool_call\.)?(?:function\.)?(name|arguments|id)")
_EVENT_ROLES = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
    "gen_ai.choice": "assistant",
}
_ARGUMENTS = (
    "gen_ai.tool.call.arguments",
    "tool_arguments",
    "tool.parameters",
    "gcp.vertex.agent.tool_call_args",
    "traceloop.entity.input",
    "input.value",
)
_RESULTS = (
    "gen_ai.tool.call.result",
    "tool_response",
    "gcp.vertex.agent.tool_response",
    "traceloop.entity.output",
    "output.value",
)
_VALUES = {
    "input.value": "user",
    "traceloop.entity.input": "user",
    "gcp.vertex.agent.llm_request": "user",
    "output.value": "assistant",
    "traceloop.entity.output": "assistant",
    "gcp.vertex.agent.llm_response": "assistant",
}


class Message(TypedDict):
    """One thing said. ``kind`` is ``text``, ``thinking``, ``tool_call`` or ``tool_result``; ``name`` is the tool's."""

    role: str
    kind: str
    text: str
    name: str | None


class Turn(TypedDict):
    """A model call or a tool call, and what was new in it."""

    span_id: str
    name: str
    kind: str
    about: str | None
    agent: str | None
    input_tokens: int | None
    output_tokens: int | None
    is_error: bool
    messages: list[Message]


def conversation(connection: sqlite3.Connection, trace: int) -> list[Turn]:
    """The trace's model calls and tool calls in order; a message that an earlier turn showed is not repeated."""
    said = trace_content(connection, trace)
    seen: set[tuple[str, str, str | None]] = set()
    turns: list[Turn] = []
    for span_id, name, kind, model, tool, agent, given, made, status in connection.execute(_TURNS, (trace,)):
        number = span_id.to_bytes(8, "big", signed=True).hex()
        content = said.get(number, {})
        messages = list(_of_tool(content, tool) if kind == "tool" else _of_model(content))
        turns.append(
            {
                "span_id": number,
                "name": name,
                "kind": kind,
                "about": tool if kind == "tool" else model,
                "agent": agent,
                "input_tokens": given,
                "output_tokens": made,
                "is_error": status == _STATUS_ERROR,
                "messages": messages if kind == "tool" else _unseen(messages, seen),
            }
        )
    return turns


def messages_of_call(connection: sqlite3.Connection, trace: int, span_id: str) -> list[Message]:
    """All that one call was given and made; empty for a span that is none."""
    return list(_of_model(trace_content(connection, trace).get(span_id, {})))


def _unseen(messages: list[Message], seen: set[tuple[str, str, str | None]]) -> list[Message]:
    new: list[Message] = []
    for message in messages:
        key = (message["kind"], message["text"], message["name"])
        if key not in seen:
            seen.add(key)
            new.append(message)
    return new


def _of_tool(content: Mapping[str, object], tool: str | None) -> Iterator[Message]:
    for keys, kind, role in ((_ARGUMENTS, "tool_call", "assistant"), (_RESULTS, "tool_result", "tool")):
        found = next((content[key] for key in keys if key in content), None)
        if found is not None:
            yield _message(role, kind, found, tool)


def _of_model(content: Mapping[str, object]) -> Iterator[Message]:
    found = (
        [*_of_conventions(content)] or [*_of_split_keys(content)] or [*_of_events(content)] or [*_of_values(content)]
    )
    yield from found


def _of_conventions(content: Mapping[str, object]) -> Iterator[Message]:
    """``gen_ai.*.messages`` (GenAI conventions 1.37 and later): messages made of parts."""
    instructions = content.get("gen_ai.system_instructions")
    if instructions is not None:
        yield from _parts("system", instructions)
    for key, role in (("gen_ai.input.messages", "user"), ("gen_ai.output.messages", "assistant")):
        for message in _list(content.get(key)):
            if isinstance(message, dict):
                said = cast("dict[str, object]", message)
                yield from _parts(str(said.get("role", role)), said.get("parts", said.get("content")))


def _parts(role: str, parts: object) -> Iterator[Message]:
    for part in _list(parts):
        if not isinstance(part, dict):
            yield _message(role, "text", part)
            continue
        fields = cast("dict[str, object]", part)
        kind = str(fields.get("type", "text"))
        if kind in {"tool_call", "tool_use", "function_call"}:
            yield _message(role, "tool_call", fields.get("arguments", fields.get("input")), _name(fields))
        elif kind in {"tool_call_response", "tool_result", "function_response"}:
            result = fields.get("response", fields.get("result", fields.get("content")))
            yield _message("tool", "tool_result", result, _name(fields))
        elif kind in {"reasoning", "thinking"}:
            yield _message(role, "thinking", fields.get("content", fields.get("text")))
        else:
            yield _message(role, "text", fields.get("content", fields.get("text", fields)))


def _of_split_keys(content: Mapping[str, object]) -> Iterator[Message]:
    """OpenInference and older OpenLLMetry: one attribute for each field of each message."""
    messages: dict[tuple[int, int], dict[str, object]] = {}
    for key, value in content.items():
        match = _SPLIT_KEY.fullmatch(key)
        if match:
            is_output = match[1] in {"llm.output_messages", "gen_ai.completion"}
            messages.setdefault((is_output, int(match[2])), {})[match[3].removeprefix("message.")] = value
    for (is_output, _), fields in sorted(messages.items()):
        yield from _of_fields(str(fields.get("role", "assistant" if is_output else "user")), fields)


def _of_fields(role: str, fields: dict[str, object]) -> Iterator[Message]:
    kind = "tool_result" if role == "tool" else "text"
    texts = [value for key, value in sorted(fields.items()) if key == "content" or key.endswith(".text")]
    for text in texts:
        if text != "":
            yield _message(role, kind, text, _name(fields))
    calls: dict[str, dict[str, object]] = {}
    for key, value in fields.items():
        match = _SPLIT_CALL.fullmatch(key)
        if match:
            calls.setdefault(match[1], {})[match[2]] = value
    for _, call in sorted(calls.items()):
        yield _message(role, "tool_call", call.get("arguments"), _name(call))


def _of_events(content: Mapping[str, object]) -> Iterator[Message]:
    """Messages as events or log records (GenAI conventions before 1.37)."""
    for name, role in _EVENT_ROLES.items():
        for event in _list(content.get(name)):
            body = _fields(_fields(event).get("body", event))
            yield from _of_event(role, _fields(body.get("message", body)))


def _of_event(role: str, message: dict[str, object]) -> Iterator[Message]:
    said = message.get("content")
    if said and role == "tool":
        yield _message(role, "tool_result", said, _name(message))
    elif said:
        yield from _parts(role, parsed(said))
    for call in _list(message.get("tool_calls")):
        function = _fields(_fields(call).get("function", call))
        yield _message(role, "tool_call", function.get("arguments"), _name(function))


def _of_values(content: Mapping[str, object]) -> Iterator[Message]:
    for key, role in _VALUES.items():
        if key in content:
            yield _message(role, "text", content[key])


def _message(role: str, kind: str, said: object, name: str | None = None) -> Message:
    text = said if isinstance(said, str) else json_text(said, indent=2)
    return {"role": role, "kind": kind, "text": text, "name": name}


def _name(fields: Mapping[str, object]) -> str | None:
    name = fields.get("name")
    return name if isinstance(name, str) else None


def _list(value: object) -> list[object]:
    if value is None:
        return []
    return cast("list[object]", value) if isinstance(value, list) else [value]


def _fields(value: object) -> dict[str, object]:
    return cast("dict[str, object]", value) if isinstance(value, dict) else {"content": value}
