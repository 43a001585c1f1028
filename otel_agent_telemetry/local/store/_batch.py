"""Spans of one request as rows: pure, so that nothing is half done when a request turns out bad."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from otel_agent_telemetry import semconv
from otel_agent_telemetry.local.store._steps import agent_said_of
from otel_agent_telemetry.meaning.harnesses import harness_of, home_of, process_of, run_around
from otel_agent_telemetry.otlp._reading import has_ids
from otel_agent_telemetry.otlp._values import attributes, plain

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
    from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
    from opentelemetry.proto.resource.v1.resource_pb2 import Resource
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

    from otel_agent_telemetry.meaning import Said
    from otel_agent_telemetry.meaning.harnesses import Made

__all__ = ["Batch", "Origin", "SpanRow", "TraceRow", "batch", "clamped", "origin"]

_LATEST_NS = 2**62 - 1  # 2116; leaves room for the rank below in SQLite's 64 bits
_SPAN_ID_BYTES = 8
_STATUS_ERROR = 2
UNKNOWN_SERVICE = "unknown_service"

SpanKey: TypeAlias = "tuple[bytes, int]"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where telemetry comes from: a resource and a scope, with their schema addresses; and the coding agent, if any."""

    digest: bytes
    service: str
    scope: str
    resource: bytes
    resource_schema: str
    scope_body: bytes
    scope_schema: str
    harness: str | None
    process: str


class SpanRow(NamedTuple):
    """One span, ready to be stored; ``origin`` is the digest of where it comes from.

    ``said`` is what a coding agent's says, as that tells which trace it belongs to. Others are read once they are
    stored.
    """

    trace_id: bytes
    span_id: int
    parent_id: int
    origin: bytes
    start_ns: int
    end_ns: int
    status: int
    name: str
    body: bytes
    said: Said | None = None


@dataclass(slots=True)
class TraceRow:
    """What one batch adds to a trace's summary."""

    start_ns: int
    end_ns: int
    rank: int
    name: str
    service: str
    spans: int = 0
    errors: int = 0
    has_steps: bool = False
    is_folded: bool = True
    origins: set[bytes] = field(default_factory=set[bytes])


@dataclass(slots=True)
class Batch:
    """The storable spans of a request by (trace id, span id), their origins, how many were read and refused."""

    spans: dict[SpanKey, SpanRow]
    origins: dict[bytes, Origin]
    read: int = 0
    rejected: int = 0
    runs: list[tuple[Origin, Made]] = field(default_factory=list["tuple[Origin, Made]"])

    def traces(self) -> dict[bytes, TraceRow]:
        """What the batch adds to each trace."""
        found: dict[bytes, TraceRow] = {}
        for row in self.spans.values():
            # the smallest rank of a trace's spans names it: the earliest root, else the earliest span
            rank = row.start_ns + _LATEST_NS if row.parent_id else row.start_ns
            trace = found.get(row.trace_id)
            if trace is None:
                service = self.origins[row.origin].service
                trace = found[row.trace_id] = TraceRow(row.start_ns, row.end_ns, rank, row.name, service)
            elif rank < trace.rank:
                trace.rank, trace.name, trace.service = rank, row.name, self.origins[row.origin].service
            _add(trace, row, self.origins[row.origin].harness)
        return found


def batch(request: ExportTraceServiceRequest) -> Batch:
    """The rows of a request; a span whose ids are not 16 and 8 bytes, or all zero, is refused and counted."""
    made = Batch({}, {})
    for resource_spans in request.resource_spans:
        for scope_spans in resource_spans.scope_spans:
            source = origin(
                resource_spans.resource, resource_spans.schema_url, scope_spans.scope, scope_spans.schema_url
            )
            made.origins[source.digest] = source
            _add_spans(made, source, scope_spans.spans)
    return made


def origin(resource: Resource, resource_schema: str, scope: InstrumentationScope, scope_schema: str) -> Origin:
    """The origin that a resource and a scope make together; ``digest`` is equal for equal ones."""
    resource_body, scope_body = resource.SerializeToString(), scope.SerializeToString()
    parts = (resource_body, resource_schema.encode(), scope_body, scope_schema.encode())
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    service = _service(resource)
    harness = harness_of(service, scope.name)
    process = "" if harness is None else process_of(attributes(resource.attributes))
    bodies = (resource_body, resource_schema, scope_body, scope_schema)
    return Origin(digest.digest(), service, scope.name, *bodies, harness, process)


def clamped(time_ns: int) -> int:
    """A time that SQLite can hold; a hostile one becomes the latest."""
    return min(time_ns, _LATEST_NS)


def _add_spans(made: Batch, source: Origin, spans: Iterable[Span]) -> None:
    rows = made.spans
    for span in spans:
        trace_id, span_id = span.trace_id, span.span_id
        if not has_ids(trace_id, span_id):
            made.rejected += 1
            continue
        made.read += 1
        number = int.from_bytes(span_id, "big", signed=True)
        known = rows.get((trace_id, number))
        if known is None or (not known.end_ns and span.end_time_unix_nano):  # sent when it began, and when it ended
            row = _row(source, span, trace_id, number) if source.harness is None else _agent_row(made, source, span)
            rows[row.trace_id, number] = row


def _row(source: Origin, span: Span, trace_id: bytes, number: int) -> SpanRow:
    parent = span.parent_span_id
    parent_id = int.from_bytes(parent[:_SPAN_ID_BYTES], "big", signed=True) if parent else 0
    start, end = min(_LATEST_NS, span.start_time_unix_nano), min(_LATEST_NS, span.end_time_unix_nano)
    return SpanRow(
        trace_id, number, parent_id, source.digest, start, end, span.status.code, span.name, span.SerializeToString()
    )


def _agent_row(made: Batch, source: Origin, span: Span) -> SpanRow:
    """The row of a span of a coding agent; one that gives each call a trace of its own is put together."""
    row = _row(source, span, span.trace_id, int.from_bytes(span.span_id, "big", signed=True))
    said = agent_said_of(span, source.scope, source.harness or "", row.start_ns, row.end_ns)
    if said is None:
        return row
    run = run_around(said, source.process)
    if run is not None:
        made.runs.append((source, run))
    return row._replace(said=said, trace_id=home_of(said, source.process).to_bytes(16, "big"))


def _add(trace: TraceRow, row: SpanRow, harness: str | None) -> None:
    trace.start_ns = min(trace.start_ns, row.start_ns)
    trace.end_ns = max(trace.end_ns, row.end_ns)
    trace.spans += 1
    trace.errors += row.status == _STATUS_ERROR and harness is None  # whose spans fail although all is well
    trace.is_folded = trace.is_folded and harness is not None
    trace.has_steps = trace.has_steps or row.said is not None
    trace.origins.add(row.origin)


def _service(resource: Resource) -> str:
    for pair in resource.attributes:
        if pair.key == semconv.SERVICE_NAME:
            value = plain(pair.value)
            return value if isinstance(value, str) and value else UNKNOWN_SERVICE
    return UNKNOWN_SERVICE
