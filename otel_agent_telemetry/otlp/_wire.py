"""OTLP in protobuf record by record, where the parser refuses the whole: a bad record is refused, the rest is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from google.protobuf.message import DecodeError

from otel_agent_telemetry.otlp._reading import MalformedError, Reading, said

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.protobuf.message import Message

    from otel_agent_telemetry.otlp._signals import Signal

__all__ = ["read_parts"]

# field numbers (opentelemetry-proto: trace.proto, logs.proto and metrics.proto have the same)
_RESOURCES = 1
_DESCRIBED, _WITHIN, _SCHEMA = 1, 2, 3
_LIBRARIES = 1000  # where ``scope_spans`` stood beside it, in OTLP 0.15 to 0.19
_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_FIXED = {_FIXED64: 8, _FIXED32: 4}
_MORE = 0x80
_LONGEST_VARINT = 10
_NOT_PROTOBUF = "not protobuf, or cut short"


def read_parts(signal: Signal, body: bytes) -> Reading:
    """What a request holds that can be read. Raises MalformedError where its outermost layer is no protobuf."""
    reading = Reading(signal, signal.request())
    for number, chunk in list(_fields(body)):
        if number == _RESOURCES:
            _add_resource(reading, chunk)
    return reading


def _add_resource(reading: Reading, body: bytes) -> None:
    holder: Any = getattr(reading.request, reading.signal.resources).add()
    for number, chunk in _parts(reading, body):
        if number in {_WITHIN, _LIBRARIES}:
            _add_scope(reading, getattr(holder, reading.signal.scopes).add(), chunk)
        else:
            _describe(holder, holder.resource, number, chunk)


def _add_scope(reading: Reading, holder: Any, body: bytes) -> None:
    for number, chunk in _parts(reading, body):
        if number != _WITHIN:
            _describe(holder, holder.scope, number, chunk)
            continue
        try:
            getattr(holder, reading.signal.records).append(reading.signal.record.FromString(chunk))
        except DecodeError as error:
            reading.refuse(f"not protobuf that can be read, such as text that is not UTF-8 ({said(error)})")


def _describe(holder: Any, described: Any, number: int, chunk: bytes) -> None:
    """Resource or scope, and its schema's address, where they can be read: records must not suffer for them."""
    if number == _SCHEMA:
        holder.schema_url = chunk.decode(errors="replace")
    elif number == _DESCRIBED and not _merge(described, chunk):
        for start, end, _, _ in _spans_of(chunk):
            _merge(described, chunk[start:end])


def _merge(into: Any, body: bytes) -> bool:
    try:
        into.MergeFrom(cast("type[Message]", type(into)).FromString(body))
    except DecodeError:
        return False
    return True


def _parts(reading: Reading, body: bytes) -> list[tuple[int, bytes]]:
    try:
        return list(_fields(body))
    except MalformedError as error:
        reading.refuse(said(error))
        return []


def _fields(body: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and content of each field that has a length; the others are passed over."""
    for _, end, number, begins in _spans_of(body):
        if begins:
            yield number, body[begins:end]


def _spans_of(body: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Where each field starts and ends, its number, and where its content begins (0 where it has no length)."""
    at = 0
    while at < len(body):
        start = at
        tag, at = _varint(body, at)
        number, wire = tag >> 3, tag & 7
        begins = 0
        if wire == _VARINT:
            _, at = _varint(body, at)
        elif wire == _LENGTH:
            length, begins = _varint(body, at)
            at = begins + length
        elif wire in _FIXED:
            at += _FIXED[wire]
        else:
            raise MalformedError(_NOT_PROTOBUF)
        if at > len(body) or not number:
            raise MalformedError(_NOT_PROTOBUF)
        yield start, at, number, begins


def _varint(body: bytes, at: int) -> tuple[int, int]:
    number = 0
    for index, byte in enumerate(body[at : at + _LONGEST_VARINT]):
        number |= (byte & (_MORE - 1)) << (7 * index)
        if byte < _MORE:
            return number, at + index + 1
    raise MalformedError(_NOT_PROTOBUF)
