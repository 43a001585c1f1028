"""What coding agents say of prompts, answers and tools in log records, and which call each belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

from otel_agent_telemetry.local.read._answers import parsed
from otel_agent_telemetry.local.read.talk._dialects import NOTHING, Exchange, exchange, tool_exchange
from otel_agent_telemetry.local.read.talk._parts import Message, as_fields, as_list, message, parts
from otel_agent_telemetry.otlp._values import attributes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

__all__ = ["Told", "told", "told_of_call"]

_LATE_NS = 5_000_000  # a record is written when the call is over
_CALL_IDS = ("tool_use_id", "call_id", "request_id", "request_body_id")


class Told(NamedTuple):
    """What one record says of a run (``agent``), a ``model`` call or a ``tool`` call, and what it can be known by."""

    kind: str
    ids: frozenset[str]
    span_id: bytes
    time_ns: int
    said: Exchange


def told(record: LogRecord) -> Told | None:
    """What a coding agent's record says; None where that is nothing of a conversation."""
    fields = attributes(record.attributes)
    name = str(fields.get("event.name") or record.event_name).rpartition(".")[2]
    if name not in _READERS:
        return None
    kind, read = _READERS[name]
    said = read(cast("Mapping[str, object]", fields))
    if said == NOTHING:
        return None
    ids = frozenset(str(fields[key]) for key in _CALL_IDS if fields.get(key))
    return Told(kind, ids, record.span_id, record.time_unix_nano or record.observed_time_unix_nano, said)


def told_of_call(
    records: Iterable[Told], kind: str, ids: frozenset[str], span_ids: frozenset[bytes], period: tuple[int, int]
) -> Exchange:
    """What was told of a call: by an id that both have, else by its span, else in its time (nanoseconds)."""
    of_kind = [each for each in records if each.kind == kind]
    known = [each for each in of_kind if each.ids & ids]
    known_by = ids.union(*(each.ids for each in known))
    by_id = [each for each in of_kind if each.ids & known_by]
    by_span = [each for each in of_kind if each.span_id in span_ids and not each.ids]
    begun, ended = period
    in_time = [each for each in of_kind if not each.ids and begun <= each.time_ns <= ended + _LATE_NS]
    found = by_id or by_span or in_time
    return Exchange(_longest(each.said.given for each in found), _longest(each.said.made for each in found))


def _longest(sides: Iterable[list[Message]]) -> list[Message]:
    """Of several records of one thing the fullest: a whole answer beside its text."""
    return max(sides, key=len, default=list[Message]())


def _prompt(fields: Mapping[str, object]) -> Exchange:
    return Exchange([message("user", "text", fields["prompt"])] if fields.get("prompt") else [], [])


def _request_body(fields: Mapping[str, object]) -> Exchange:
    body = as_fields(parsed(fields.get("body")))
    if not isinstance(body.get("messages"), list):  # it is cut where it is long
        return NOTHING
    system = [*parts("system", body.get("system"))]
    return Exchange([*system, *exchange({"gen_ai.input.messages": body["messages"]}).given], [])


def _response_body(fields: Mapping[str, object]) -> Exchange:
    body = as_fields(parsed(fields.get("body")))
    return Exchange([], [*parts("assistant", body.get("content"))] if "role" in body else [])


def _answer(fields: Mapping[str, object]) -> Exchange:
    return Exchange([], [message("assistant", "text", fields["response"])] if fields.get("response") else [])


def _request_text(fields: Mapping[str, object]) -> Exchange:
    return Exchange(exchange({"gen_ai.input.messages": fields.get("request_text")}).given, [])


def _response_text(fields: Mapping[str, object]) -> Exchange:
    """An answer as text, or as the chunks of Gemini's stream."""
    said = parsed(fields.get("response_text"))
    if isinstance(said, str):
        return Exchange([], [message("assistant", "text", said)] if said else [])
    candidates = [each for chunk in as_list(said) for each in as_list(as_fields(chunk).get("candidates"))]
    contents = [as_fields(as_fields(each).get("content")) for each in candidates]
    return Exchange([], [each for content in contents for each in parts("assistant", content.get("parts"))])


def _tool(fields: Mapping[str, object]) -> Exchange:
    name = fields.get("tool_name", fields.get("function_name"))
    number = fields.get("tool_use_id", fields.get("call_id"))
    given = {key: parsed(value) for key, value in fields.items()}
    return tool_exchange(given, name if isinstance(name, str) else None, number if isinstance(number, str) else None)


_READERS: dict[str, tuple[str, Callable[[Mapping[str, object]], Exchange]]] = {
    "user_prompt": ("agent", _prompt),
    "api_request_body": ("model", _request_body),
    "api_response_body": ("model", _response_body),
    "assistant_response": ("model", _answer),
    "api_request": ("model", _request_text),
    "api_response": ("model", _response_text),
    "tool_result": ("tool", _tool),
    "tool_call": ("tool", _tool),
}
