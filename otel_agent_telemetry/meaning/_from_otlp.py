"""Spans that OTLP carries, as the mapping may read them.

Of a span only that is taken out. One that had not ended when it was written ends with the last one of its file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING

from otel_agent_telemetry import semconv
from otel_agent_telemetry.errors import InputError
from otel_agent_telemetry.meaning._places import Place
from otel_agent_telemetry.meaning._records import SpanRecord
from otel_agent_telemetry.meaning.harnesses import Agents
from otel_agent_telemetry.otlp._files import open_file, read_lines
from otel_agent_telemetry.otlp._reading import BAD_IDS, has_ids
from otel_agent_telemetry.otlp._signals import TRACES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

    from otel_agent_telemetry.otlp._files import Line
    from otel_agent_telemetry.otlp._reading import Reading

__all__ = ["Broken", "Replay", "read", "record_of"]

_STATUS_ERROR = 2
_LONGEST_TEXT = 512  # no name or id is longer; what people and models said may be, and is not kept


@dataclass(frozen=True, slots=True)
class Broken:
    """A line, by its number from 1, and what of it could not be read."""

    line: int
    reason: str


@dataclass(slots=True)
class Replay:
    """The spans of a file, each once, those of coding agents with what they say, and what could not be read."""

    spans: list[SpanRecord] = field(default_factory=list[SpanRecord])
    agents: list[Place] = field(default_factory=list[Place])
    broken: list[Broken] = field(default_factory=list[Broken])


def read(path: str) -> Replay:
    """The spans of a file. Raises InputError where it cannot be opened; what is broken in it is noted and skipped."""
    try:
        with open_file(path) as stream:
            return _replay(read_lines(stream))
    except OSError as error:
        said = error.strerror or error
        msg = f"{path!r}: {said}; expected a file of OTLP JSON, such as `agent-telemetry export` writes"
        raise InputError(msg) from error


def record_of(span: Span, scope: str, start_ns: int | None = None, end_ns: int | None = None) -> SpanRecord:
    """The part of a span that the mapping may read, at its own times or at those given."""
    start_ns = span.start_time_unix_nano if start_ns is None else start_ns
    end_ns = span.end_time_unix_nano if end_ns is None else end_ns
    return SpanRecord(
        int.from_bytes(span.trace_id, "big"),
        int.from_bytes(span.span_id, "big"),
        int.from_bytes(span.parent_span_id, "big"),
        scope,
        _attributes(span.attributes),
        start_ns,
        max(end_ns, start_ns) if end_ns else 0,
        span.status.code == _STATUS_ERROR,
        _exception_type(span) if span.events else "",
    )


def _replay(lines: Iterable[Line]) -> Replay:
    spans: dict[tuple[int, int], SpanRecord] = {}
    agents = Agents()
    broken: list[Broken] = []
    for line in lines:
        for reading in line.readings:
            if reading.signal is TRACES:
                _gather(spans, agents, reading)
            else:
                agents.gather(reading)
        broken += (Broken(line.number, fault) for fault in line.faults())
    last_ns = max((max(span.start_ns, span.end_ns) for span in spans.values()), default=0)
    ended = [span if span.end_ns else span._replace(end_ns=last_ns) for span in spans.values()]
    return Replay(ended, agents.places(last_ns), broken)


def _gather(spans: dict[tuple[int, int], SpanRecord], agents: Agents, reading: Reading) -> None:
    for of_resource in reading.request.resource_spans:
        for of_scope in of_resource.scope_spans:
            source = agents.source(of_resource.resource, of_scope.scope.name)
            for span in of_scope.spans:
                if not has_ids(span.trace_id, span.span_id):
                    reading.refuse(BAD_IDS)
                    continue
                record = record_of(span, of_scope.scope.name)
                known = spans.get(record[:2])
                if known is not None and known.end_ns:  # a retried export writes a span twice
                    continue
                if source is None:
                    spans[record[:2]] = record
                else:
                    agents.add(source, record, span.name)


def _exception_type(span: Span) -> str:
    for event in reversed(span.events):
        if event.name == semconv.EXCEPTION_EVENT:
            return str(_attributes(event.attributes).get(semconv.EXCEPTION_TYPE, ""))
    return ""


def _attributes(pairs: Iterable[KeyValue]) -> Mapping[str, object]:
    # most are text, and asking for that first spares a call
    found = {pair.key: (value := pair.value).string_value[:_LONGEST_TEXT] or _plain(value) for pair in pairs}
    return {key: value for key, value in found.items() if value is not None} if None in found.values() else found


def _plain(value: AnyValue) -> object:
    """Text, numbers and lists of them; None for what the mapping does not read."""
    which = value.WhichOneof("value")
    if which == "string_value":
        return value.string_value[:_LONGEST_TEXT]
    if which == "int_value":
        return value.int_value
    if which == "bool_value":
        return value.bool_value
    if which == "double_value":
        return value.double_value if isfinite(value.double_value) else None
    if which == "array_value":
        return tuple(_plain(item) for item in value.array_value.values)
    return None
