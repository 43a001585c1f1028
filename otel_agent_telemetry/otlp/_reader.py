"""The one reader of ``serve``, ``import`` and ``preview``: protobuf's own parsers, record by record where those refuse.

JSON is a request, a list of requests, or a captured case: an object with a request each under ``traces``, ``metrics``
and ``logs``. What is no OTLP at all raises MalformedError; a record that cannot be read is refused and counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from google.protobuf.message import DecodeError

from otel_agent_telemetry.otlp._lenient import read_leniently
from otel_agent_telemetry.otlp._older import of_today
from otel_agent_telemetry.otlp._reading import MalformedError, Reading, has_ids, records
from otel_agent_telemetry.otlp._requests import UNREADABLE, from_document
from otel_agent_telemetry.otlp._signals import LOGS, METRICS, SIGNALS, TRACES, Signal, camel
from otel_agent_telemetry.otlp._text import parsed
from otel_agent_telemetry.otlp._wire import read_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["read_any_protobuf", "read_body", "read_document", "read_json", "read_protobuf"]

_FIRST_FIELD = b"\x0a"  # of every OTLP request: its resources
_SPEAKS: dict[Signal, Callable[[Any], object]] = {
    TRACES: lambda span: has_ids(span.trace_id, span.span_id),
    LOGS: lambda log: log.time_unix_nano or log.observed_time_unix_nano,
    METRICS: lambda metric: metric.name and metric.WhichOneof("data"),
}
_EXPECTED = "expected an object with resourceSpans, resourceLogs or resourceMetrics"


def read_protobuf(signal: Signal, body: bytes) -> Reading:
    """The signal's request that the bytes encode. Raises MalformedError."""
    try:
        request: Any = signal.request.FromString(body)
    except DecodeError:
        return read_parts(signal, body)
    if all(getattr(each, signal.scopes) for each in getattr(request, signal.resources)):
        return Reading(signal, request)
    return read_parts(signal, body)  # what old senders have stands in a field of its own


def read_any_protobuf(body: bytes) -> Reading | None:
    """The request that the bytes encode, of the signal that its records speak for; None where they are none."""
    if body[:1] != _FIRST_FIELD:
        return None
    for signal, speaks in _SPEAKS.items():
        try:
            reading = read_protobuf(signal, body)
        except MalformedError:
            return None
        if any(speaks(record) for record in records(reading)):
            return reading
    return None


def read_json(body: bytes) -> list[Reading]:
    """What the OTLP/JSON text holds, at most one reading for each signal. Raises MalformedError."""
    return read_document(parsed(body))


def read_body(body: bytes) -> list[Reading]:
    """The same of what somebody sent, who must have had something to send: an empty list is no request."""
    document = parsed(body)
    if document == []:
        msg = f"{_EXPECTED}, got an empty list"
        raise MalformedError(msg)
    return read_document(document)


def read_document(document: object) -> list[Reading]:
    """What a parsed document holds, at most one reading for each signal. Raises MalformedError."""
    found: dict[str, Reading] = {}
    for signal, each in _all_requests(document):
        reading = _read(signal, each)
        known = found.setdefault(signal.captured, reading)
        if known is not reading:
            known.request.MergeFrom(reading.request)
            known.refuse(reading.reason, reading.refused)
    return list(found.values())


def _all_requests(document: object) -> list[tuple[Signal, dict[str, Any]]]:
    try:
        return list(_requests(document))
    except RecursionError as error:  # captured cases in one another
        raise MalformedError(_EXPECTED) from error


def _requests(document: object) -> Iterator[tuple[Signal, dict[str, Any]]]:
    """Every request in a document, with its signal."""
    for each in cast("list[object]", document) if isinstance(document, list) else [document]:
        if not isinstance(each, dict):
            msg = f"{_EXPECTED}, got {type(each).__name__}"
            raise MalformedError(msg)
        yield from _in_object(cast("dict[str, Any]", each))


def _in_object(document: dict[str, Any]) -> Iterator[tuple[Signal, dict[str, Any]]]:
    found = [(signal, document) for signal in SIGNALS if {camel(signal.resources), signal.resources} & document.keys()]
    captured = [document[signal.captured] for signal in SIGNALS if signal.captured in document]
    if document and not found and not captured:
        raise MalformedError(_EXPECTED)
    yield from found
    for each in () if found else captured:
        if each is not None:
            yield from _requests(each)


def _read(signal: Signal, document: dict[str, Any]) -> Reading:
    members = document.get(camel(signal.resources), document.get(signal.resources))
    if not isinstance(members, list | None):
        msg = f"{camel(signal.resources)} is of type {type(members).__name__}, expected a list"
        raise MalformedError(msg)
    given = of_today(signal, document)
    try:
        return Reading(signal, from_document(signal.request, given))
    except UNREADABLE:
        return read_leniently(signal, given)
