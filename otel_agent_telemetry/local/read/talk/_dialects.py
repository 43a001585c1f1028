"""What a model call or tool call was given and what it made, as messages, whichever dialect recorded it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple, cast

from otel_agent_telemetry.local.read._answers import parsed
from otel_agent_telemetry.local.read.talk._parts import Message, as_fields, as_list, message, parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["NOTHING", "Exchange", "exchange", "tool_exchange"]

_DETAILS = "gen_ai.client.inference.operation.details"
_SPLIT_KEY = re.compile(r"(llm\.input_messages|llm\.output_messages|gen_ai\.prompt|gen_ai\.completion)\.(\d+)\.(.+)")
_SPLIT_CALL = re.compile(r"(?:message\.)?tool_calls\.(\d+)\.(?:tool_call\.)?(?:function\.)?(name|arguments|id)")
_SPLIT_MEDIA = re.compile(r"contents\.\d+\.message_content\.(image|audio)\.(?:image\.|audio\.)?url")
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
    "tool_input",
    "tool.parameters",
    "gcp.vertex.agent.tool_call_args",
    "ai.toolCall.args",
    "function_args",
    "arguments",
    "full_command",
    "traceloop.entity.input",
    "input.value",
    "gen_ai.input.messages",
)
_RESULTS = (
    "gen_ai.tool.call.result",
    "tool_response",
    "gcp.vertex.agent.tool_response",
    "ai.toolCall.result",
    "output",
    "traceloop.entity.output",
    "output.value",
    "gen_ai.output.messages",
)
_GIVEN_VALUES = (
    *("gen_ai.prompt", "lmnr.span.input", "input.value", "traceloop.entity.input"),
    "gcp.vertex.agent.llm_request",
)
_MADE_VALUES = (
    *("gen_ai.completion", "output.value", "traceloop.entity.output", "gcp.vertex.agent.llm_response"),
    *("lmnr.span.output", "final_result"),
)


class Exchange(NamedTuple):
    """Messages in the order in which they were said."""

    given: list[Message]
    made: list[Message]


NOTHING = Exchange([], [])


def exchange(content: Mapping[str, object]) -> Exchange:
    """What a model call, or an agent's run, was given and made; ``content`` is as ``trace_content`` gives it."""
    found = [read(content) for read in _READERS]
    given, made = (next((side for side in sides if side), list[Message]()) for sides in zip(*found, strict=True))
    return Exchange(given, made)


def tool_exchange(content: Mapping[str, object], tool: str | None, call_id: str | None) -> Exchange:
    """A tool's arguments and its result."""
    told = as_fields(_last(content.get("tool.output"))) if "tool.output" in content else {}
    fields = {**told, **content}
    given = next((fields[key] for key in _ARGUMENTS if key in fields), None)
    made = next((fields[key] for key in _RESULTS if key in fields), None)
    return Exchange(
        [] if given is None else [message("assistant", "tool_call", _told(given, "args"), tool, call_id)],
        [] if made is None else [message("tool", "tool_result", _told(made, "response"), tool, call_id)],
    )


def _told(said: object, key: str) -> object:
    """What a tool scheduler wrapped into the record of a call (Gemini CLI)."""
    value = parsed(said)
    record = as_fields(value)
    is_record = "callId" in record or "request" in record
    return record[key] if is_record and key in record else value


def _of_conventions(content: Mapping[str, object]) -> Exchange:
    """``gen_ai.*.messages`` (GenAI conventions 1.37 and later), as attributes or in the event of details."""
    fields = {**as_fields(_last(content.get(_DETAILS)) if _DETAILS in content else {}), **content}
    given = [*_messages("user", fields.get("gen_ai.input.messages"))]
    made = [*_messages("assistant", fields.get("gen_ai.output.messages"))]
    if not given and not made:
        given = [*_messages("user", fields.get("pydantic_ai.all_messages"))]
    if (instructions := fields.get("gen_ai.system_instructions")) is not None:
        given = [*parts("system", _unquoted(instructions)), *given]
    return Exchange(given, made)


def _messages(role: str, said: object) -> Iterator[Message]:
    for each in as_list(parsed(said)):
        if isinstance(each, dict):
            yield from _message(role, as_fields(cast("object", each)))


def _message(role: str, fields: dict[str, object]) -> Iterator[Message]:
    """A message in the shape of the conventions, of a provider's own API, or of the AI SDK."""
    role = str(fields.get("role", role))
    if "parts" not in fields and role == "tool" and isinstance(parsed(fields.get("content")), str):
        name, number = fields.get("name"), fields.get("tool_call_id")
        yield message(role, "tool_result", fields["content"], name, number)
        return
    if "role" not in fields and "type" in fields:
        yield from parts(role, [fields])
        return
    yield from parts(role, fields.get("parts", fields.get("content")))
    for call in as_list(parsed(fields.get("tool_calls"))):
        yield from parts(role, [{**as_fields(call), "type": "tool_call"}])


def _of_split_keys(content: Mapping[str, object]) -> Exchange:
    """OpenInference and older OpenLLMetry: one attribute for each field of each message."""
    messages: dict[tuple[int, int], dict[str, object]] = {}
    for key, value in content.items():
        match = _SPLIT_KEY.fullmatch(key)
        if match:
            is_output = match[1] in {"llm.output_messages", "gen_ai.completion"}
            messages.setdefault((is_output, int(match[2])), {})[match[3].removeprefix("message.")] = value
    sides = Exchange([], [])
    for (is_output, _), fields in sorted(messages.items()):
        role = str(fields.get("role", "assistant" if is_output else "user"))
        sides[is_output].extend(_of_fields(role, fields))
    return sides


def _of_fields(role: str, fields: dict[str, object]) -> Iterator[Message]:
    number = fields.get("tool_call_id")
    if role == "tool":
        said = [value for key, value in sorted(fields.items()) if key == "content" or key.endswith(".text")]
        yield from (message(role, "tool_result", text, fields.get("name"), number) for text in said if text != "")
        return
    for key, value in sorted(fields.items()):
        if key == "content" or key.endswith(".text"):
            yield from parts(role, value)
        elif media := _SPLIT_MEDIA.fullmatch(key):
            yield from parts(role, [{"type": media[1], media[1]: {"url": value}}])
    calls: dict[str, dict[str, object]] = {}
    for key, value in fields.items():
        if match := _SPLIT_CALL.fullmatch(key):
            calls.setdefault(match[1], {})[match[2]] = value
    for _, call in sorted(calls.items()):
        yield message(role, "tool_call", call.get("arguments"), call.get("name"), call.get("id"))


def _of_events(content: Mapping[str, object]) -> Exchange:
    """Messages as events or log records (GenAI conventions before 1.37)."""
    sides = Exchange([], [])
    for name, role in _EVENT_ROLES.items():
        for event in as_list(content.get(name)):
            body = as_fields(as_fields(event).get("body", event))
            sides[name == "gen_ai.choice"].extend(_of_event(role, as_fields(body.get("message", body))))
    return sides


def _of_event(role: str, fields: dict[str, object]) -> Iterator[Message]:
    if fields.get("content") and role == "tool":
        yield message(role, "tool_result", fields["content"], fields.get("name"), fields.get("id"))
        return
    if fields.get("content"):
        yield from parts(role, fields["content"])
    for call in as_list(parsed(fields.get("tool_calls"))):
        yield from parts(role, [{**as_fields(call), "type": "tool_call"}])


def _of_ai_sdk(content: Mapping[str, object]) -> Exchange:
    """The AI SDK of Vercel: ``ai.prompt``, and the answer in parts."""
    asked = content.get("ai.prompt.messages", as_fields(parsed(content.get("ai.prompt"))).get("messages"))
    made: list[Message] = []
    if thought := content.get("ai.response.reasoning"):
        made.append(message("assistant", "thinking", thought))
    said = content.get("ai.response.text", content.get("ai.response.object"))
    if said not in {None, ""} if isinstance(said, str) else said is not None:
        made.append(message("assistant", "text", said))
    for call in as_list(parsed(content.get("ai.response.toolCalls"))):
        made.extend(parts("assistant", [{**as_fields(call), "type": "tool-call"}]))
    return Exchange([*_messages("user", asked)], made)


def _of_values(content: Mapping[str, object]) -> Exchange:
    """One value for all that was said, on the span or, by the oldest conventions, on an event of its own."""
    events = (as_fields(_last(content.get(f"gen_ai.content.{side}"))) for side in ("prompt", "completion"))
    asked, answered = events
    given = _values({**asked, **content}, _GIVEN_VALUES, "user")
    return Exchange(given, _values({**answered, **content}, _MADE_VALUES, "assistant"))


def _values(content: Mapping[str, object], keys: tuple[str, ...], role: str) -> list[Message]:
    value = next((content[key] for key in keys if key in content), None)
    if any("role" in as_fields(each) for each in as_list(value)):
        return [*_messages(role, value)]
    return [] if value is None else [message(role, "text", value)]


def _unquoted(text: object) -> object:
    """A text that was written as JSON."""
    if not isinstance(text, str) or text[:1] != '"':
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _last(value: object) -> object:
    """The last of several events of one name."""
    several = as_list(value)
    return several[-1] if several else None


_READERS: tuple[Callable[[Mapping[str, object]], Exchange], ...] = (
    _of_conventions,
    _of_split_keys,
    _of_events,
    _of_ai_sdk,
    _of_values,
)
