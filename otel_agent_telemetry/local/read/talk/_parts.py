"""One thing that was said, and the parts of messages that say it, in the spellings of providers and dialects."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypedDict, cast

from otel_agent_telemetry.local.read._answers import json_text, parsed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Media", "Message", "as_fields", "as_list", "message", "parts"]

_CALLS = frozenset({"tool_call", "tool_use", "function_call", "tool-call", "functionCall"})
_RESULTS = frozenset(
    {
        "tool_call_response",
        "tool_result",
        "function_response",
        "tool-result",
        "function_call_output",
        "functionResponse",
    }
)
_THOUGHTS = frozenset({"reasoning", "thinking", "redacted_thinking"})
_MEDIA = frozenset(
    {"image", "image_url", "input_image", "audio", "input_audio", "video", "file", "input_file", "document", "blob"}
    | {"uri", "inlineData", "inline_data", "fileData", "file_data", "media"}
)
_UNTYPED = {"functionCall": "name", "functionResponse": "name", "inlineData": "mimeType", "fileData": "mimeType"}
_ROLES = {"model": "assistant", "ai": "assistant", "human": "user", "developer": "system", "function": "tool"}
_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+)?(?:;[\w=.+-]+)*,")
_LEAST_BASE64 = 64


class Media(TypedDict):
    """What stands for an image, a recording or a file: its type, such as ``image/png``, and its size in bytes."""

    type: str
    bytes: int | None


class Message(TypedDict):
    """One thing said. ``kind`` is ``text``, ``thinking``, ``tool_call``, ``tool_result`` or ``media``.

    ``name`` is the tool's, ``call_id`` what a tool's call and its result have in common.
    """

    role: str
    kind: str
    text: str
    name: str | None
    call_id: str | None
    media: Media | None


def message(
    role: str, kind: str, said: object, name: object = None, call_id: object = None, *, media: Media | None = None
) -> Message:
    """A message; what is no text is written as JSON."""
    text = said if isinstance(said, str) else "" if said is None else json_text(said, indent=2)
    return {
        "role": _ROLES.get(role, role),
        "kind": kind,
        "text": text,
        "name": name if isinstance(name, str) else None,
        "call_id": call_id if isinstance(call_id, str) else None,
        "media": media,
    }


def parts(role: str, said: object) -> Iterator[Message]:
    """The messages that the content of one is made of: a text, a part, or a list of them."""
    for part in as_list(parsed(said)):
        if isinstance(part, dict):
            yield from _part(role, cast("dict[str, object]", part))
        elif part != "":
            yield message(role, "text", part)


def _part(role: str, fields: dict[str, object]) -> Iterator[Message]:
    untyped = next((key for key in _UNTYPED if isinstance(fields.get(key), dict)), None)
    kind = untyped or str(fields.get("type", "text"))
    inner = as_fields(fields[untyped]) if untyped else fields
    if kind in _CALLS:
        yield _call(role, inner)
    elif kind in _RESULTS:
        yield _result(inner)
    elif kind in _MEDIA:
        yield _media(role, kind, inner)
    elif kind in _THOUGHTS or fields.get("thought") is True:
        thought = _first(fields, "content", "text", "thinking", "summary")
        yield message(role, "thinking", _joined(thought))
    else:
        yield message(role, "text", _first(fields, "content", "text", otherwise=fields))


def _call(role: str, fields: Mapping[str, object]) -> Message:
    function = fields.get("function")
    about = cast("dict[str, object]", function) if isinstance(function, dict) else fields
    arguments = _first(about, "arguments", "input", "args")
    name = _first(about, "name", "toolName")
    return message(role, "tool_call", parsed(arguments), name, _call_id(fields))


def _result(fields: Mapping[str, object]) -> Message:
    result = parsed(_first(fields, "response", "result", "output", "content"))
    return message("tool", "tool_result", _joined(result), _first(fields, "name", "toolName"), _call_id(fields))


def _call_id(fields: Mapping[str, object]) -> object:
    return _first(fields, "call_id", "tool_call_id", "tool_use_id", "toolCallId", "id")


def _joined(said: object) -> object:
    """The text of a list that holds texts alone, as tools answer in several parts."""
    if isinstance(said, dict):
        value = cast("dict[str, object]", said)
        is_text = value.get("type") == "text" and set(value) <= {"type", "value", "text"}
        return _first(value, "value", "text") if is_text else value
    if not isinstance(said, list):
        return said
    listed = cast("list[object]", said)
    texts = [_first(as_fields(part), "text", "content") for part in listed]
    return "\n".join(map(str, texts)) if texts and all(isinstance(text, str) for text in texts) else listed


def _media(role: str, kind: str, fields: Mapping[str, object]) -> Message:
    source = next(
        (as_fields(fields[key]) for key in ("source", "image_url", "input_audio", "file", "image") if key in fields),
        fields,
    )
    named = _first(source, "mime_type", "mimeType", "media_type", "mediaType", otherwise=fields.get("mime_type"))
    data = _first(source, "data", "content", "url", "uri", "file_data", "image_url", "fileUri", "file_id", "bytes")
    held = data if isinstance(data, str) else ""
    url = _DATA_URL.match(held)
    is_elsewhere = bool(held) and not url and (len(held) < _LEAST_BASE64 or "://" in held[:16])
    encoded = len(held) - (url.end() if url else 0)
    media: Media = {
        "type": str(named or (url and url[1]) or fields.get("modality") or kind),
        "bytes": None if not held or is_elsewhere else encoded * 3 // 4,
    }
    return message(role, "media", held if is_elsewhere else "", media=media)


def _first(fields: Mapping[str, object], *keys: str, otherwise: object = None) -> object:
    return next((fields[key] for key in keys if fields.get(key) is not None), otherwise)


def as_list(value: object) -> list[object]:
    """The value as a list: nothing, itself, or the one."""
    if value is None:
        return []
    return cast("list[object]", value) if isinstance(value, list) else [value]


def as_fields(value: object) -> dict[str, object]:
    """The value as an object; anything else is its content."""
    return cast("dict[str, object]", value) if isinstance(value, dict) else {"content": value}
