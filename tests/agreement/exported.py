"""What finished spans become behind a stock batch processor: the exporter's way into an event stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, Status, StatusCode, TraceFlags

from otel_agent_telemetry import semconv
from otel_agent_telemetry.pipeline.exporter import ProxyEventExporter
from tests.agreement import streams

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_agent_telemetry.meaning._records import SpanRecord
    from otel_agent_telemetry.pipeline.stream import EventStream

_SAMPLED = TraceFlags(TraceFlags.SAMPLED)


def bodies(ended: Sequence[SpanRecord], batch: int) -> list[bytes]:
    """The events of spans that are exported ``batch`` at a time, in the given order, as they would be sent."""
    later_ns = streams.just_now(ended)

    def export(stream: EventStream) -> None:
        exporter = ProxyEventExporter(stream)
        for first in range(0, len(ended), batch):
            exporter.export([_span(record, later_ns) for record in ended[first : first + batch]])
        exporter.shutdown()

    return streams.bodies(export)


def _span(record: SpanRecord, later_ns: int) -> ReadableSpan:
    code = StatusCode.ERROR if record.is_error else StatusCode.UNSET
    raised: dict[str, Any] = {semconv.EXCEPTION_TYPE: record.exception_type}
    return ReadableSpan(
        name="span",
        context=SpanContext(record.trace_id, record.span_id, is_remote=False, trace_flags=_SAMPLED),
        parent=SpanContext(record.trace_id, record.parent_id, is_remote=False) if record.parent_id else None,
        attributes=dict(record.attributes),  # pyright: ignore[reportArgumentType] - they were read from OTLP
        events=[Event(semconv.EXCEPTION_EVENT, raised)] if record.exception_type else [],
        status=Status(code),
        start_time=max(record.start_ns + later_ns, 0),
        end_time=record.end_ns + later_ns,
        instrumentation_scope=InstrumentationScope(record.scope),
    )
