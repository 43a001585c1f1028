"""OTLP/JSON record by record, where protobuf's parser refuses the whole: a bad record is refused, the rest is kept."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any, cast

from otel_agent_telemetry.otlp._reading import Reading, said, unicode
from otel_agent_telemetry.otlp._requests import MOST_LEVELS, UNREADABLE, from_document
from otel_agent_telemetry.otlp._signals import camel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_agent_telemetry.otlp._signals import Signal

__all__ = ["read_leniently"]

_ABOVE_A_RECORD = 3  # messages around it in a request
_LATEST_NS = 2**64 - 1
_TIME_ENDINGS = ("TimeUnixNano", "_time_unix_nano")


def read_leniently(signal: Signal, document: dict[str, Any]) -> Reading:
    """What a parsed request holds; text that is not Unicode is mended, a time that no field holds is the nearest."""
    reading = Reading(signal, signal.request())
    for given in _members(reading, document, signal.resources):
        holder = getattr(reading.request, signal.resources).add()
        _describe(holder, given, "resource")
        for within in _members(reading, given, signal.scopes):
            of_scope = getattr(holder, signal.scopes).add()
            _describe(of_scope, within, "scope")
            for record in _members(reading, within, signal.records):
                _add(reading, getattr(of_scope, signal.records), record)
    return reading


def _members(reading: Reading, holder: dict[str, Any], field: str) -> Iterator[dict[str, Any]]:
    """The objects in a list; what is none is refused."""
    given: Any = holder.get(camel(field), holder.get(field)) or []
    if not isinstance(given, list):
        reading.refuse(f"{camel(field)} is of type {type(given).__name__}, expected a list")
        return
    for member in cast("list[Any]", given):
        if isinstance(member, dict):
            yield cast("dict[str, Any]", member)
        else:
            reading.refuse(f"one of {camel(field)} is of type {type(member).__name__}, expected an object")


def _add(reading: Reading, into: Any, given: dict[str, Any]) -> None:
    try:
        into.append(_message(reading.signal.record, given))
    except UNREADABLE as error:
        reading.refuse(said(error))


def _message(kind: Any, given: Any) -> Any:
    return from_document(kind, _mended(given), MOST_LEVELS - _ABOVE_A_RECORD)


def _describe(holder: Any, given: dict[str, Any], field: str) -> None:
    """Resource or scope, and its schema's address: what can be read of them, as records must not suffer for it."""
    about: Any = given.get(field)
    if isinstance(about, dict) and not _merge(getattr(holder, field), about):
        for part in _parts(cast("dict[str, Any]", about)):
            _merge(getattr(holder, field), part)
    schema = given.get("schemaUrl", given.get("schema_url"))
    holder.schema_url = unicode(schema) if isinstance(schema, str) else ""


def _parts(about: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A message for each of its fields, and for each attribute."""
    for key, value in about.items():
        if isinstance(value, list):
            yield from ({key: [member]} for member in cast("list[Any]", value))
        else:
            yield {key: value}


def _merge(into: Any, given: Any) -> bool:
    try:
        into.MergeFrom(_message(type(into), given))
    except UNREADABLE:
        return False
    return True


def _mended(value: Any, key: str = "") -> Any:
    if isinstance(value, str):
        value = value if value.isascii() else unicode(value)
    elif isinstance(value, dict):
        return {unicode(name): _mended(item, name) for name, item in cast("dict[str, Any]", value).items()}
    elif isinstance(value, list):
        return [_mended(item) for item in cast("list[Any]", value)]
    elif isinstance(value, float) and not isfinite(value):
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"  # noqa: PLR0124 - only NaN is not itself
    return _moment(value) if key.endswith(_TIME_ENDINGS) else value


def _moment(value: Any) -> Any:
    """A time as its field can hold it: none for an empty text, the epoch for one before it."""
    if value == "":
        return None
    if isinstance(value, str) and value.lstrip("-").isdecimal():
        value = int(value)
    return max(0, min(_LATEST_NS, value)) if isinstance(value, int) and not isinstance(value, bool) else value
