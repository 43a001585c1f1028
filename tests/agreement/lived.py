"""What spans become while they happen: an SDK's provider with our processor, which sees them begin and end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import NonRecordingSpan, SpanContext, StatusCode, TraceFlags

from otel_agent_telemetry import semconv
from otel_agent_telemetry.pipeline.processor import EventProcessor
from tests.agreement import streams

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.context import Context
    from opentelemetry.trace import Span

    from otel_agent_telemetry.meaning._records import SpanRecord
    from otel_agent_telemetry.pipeline.stream import EventStream

_SAMPLED = TraceFlags(TraceFlags.SAMPLED)


def bodies(moments: Sequence[tuple[bool, SpanRecord]]) -> list[bytes]:
    """The events of starts (False) and ends (True) of spans, in that order, as they would be sent."""
    later_ns = streams.just_now([record for _, record in moments])

    def live(stream: EventStream) -> None:
        ids = _Ids()
        # without a resource of its own: the SDK would look for one in a pool of threads, each time
        provider = TracerProvider(resource=Resource.get_empty(), id_generator=ids, shutdown_on_exit=False)
        provider.add_span_processor(EventProcessor(stream))
        begun: dict[tuple[int, int], Span] = {}
        for is_end, record in moments:
            key = record.trace_id, record.span_id
            if is_end:
                _end(begun.pop(key), record, later_ns)
            else:
                ids.next = key
                begun[key] = _begin(provider, record, later_ns)
        provider.shutdown()

    return streams.bodies(live)


def _begin(provider: TracerProvider, record: SpanRecord, later_ns: int) -> Span:
    """The span, which knows from its start what it stands for."""
    attributes: dict[str, Any] = dict(record.attributes) if semconv.AGENT_LIFECYCLE in record.attributes else {}
    tracer = provider.get_tracer(record.scope)
    return tracer.start_span(
        "span", _around(record), attributes=attributes, start_time=max(record.start_ns + later_ns, 1)
    )


def _around(record: SpanRecord) -> Context:
    context = SpanContext(record.trace_id, record.parent_id, is_remote=False, trace_flags=_SAMPLED)
    above = NonRecordingSpan(context) if record.parent_id else trace.INVALID_SPAN
    return trace.set_span_in_context(above)


def _end(span: Span, record: SpanRecord, later_ns: int) -> None:
    attributes: dict[str, Any] = dict(record.attributes)
    span.set_attributes(attributes)
    if record.exception_type:
        span.add_event(semconv.EXCEPTION_EVENT, {semconv.EXCEPTION_TYPE: record.exception_type})
    if record.is_error:
        span.set_status(StatusCode.ERROR)
    span.end(record.end_ns + later_ns)


class _Ids(IdGenerator):
    """Gives the ids that the next span is to have."""

    def __init__(self) -> None:
        self.next: tuple[int, int] = (0, 0)

    def generate_trace_id(self) -> int:
        return self.next[0]

    def generate_span_id(self) -> int:
        return self.next[1]
