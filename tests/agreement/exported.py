"""What finished spans become behind a stock batch processor: the exporter's way into an event stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, Status, StatusCode, TraceFlags

from otel_agent_telemetry import semconv
from otel_agent_telemetry.pipeline.exporter import ProxyEventExporter, ProxyMetricExporter
from otel_agent_telemetry.pipeline.sending.ledger import Ledger
from otel_agent_telemetry.pipeline.stream import EventStream
from otel_agent_telemetry.pipeline.tokens import TokenCounters
from otel_agent_telemetry.pipeline.writing.anonymise import Anonymiser
from otel_agent_telemetry.pipeline.writing.dialect import Envelope
from otel_agent_telemetry.pipeline.writing.registries import Registries
from tests.agreement.events import KEY

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from otel_agent_telemetry.meaning._records import SpanRecord
    from otel_agent_telemetry.pipeline.sending._sender import Sender

_SAMPLED = TraceFlags(TraceFlags.SAMPLED)


class _Outlet:
    """A ledger in memory, and nobody to send to."""

    def __init__(self) -> None:
        self.anonymiser = Anonymiser(KEY, Registries())
        self.ledger = Ledger(None)
        self.sender: Sender | None = None
        self.durable = True

    def envelope(self) -> Envelope:
        return Envelope("acme-agents", "cli", "test", "install_0000000000000000")


def bodies(ended: Sequence[SpanRecord], batch: int) -> Iterator[bytes]:
    """The events of spans that are exported ``batch`` at a time, in the given order, as they would be sent."""
    outlet = _Outlet()
    stream = EventStream(
        allowed=lambda: True,
        open_outlet=lambda: outlet,
        new_counters=lambda emit: TokenCounters(ProxyMetricExporter(emit)),
        dialect="proxy",
    )
    exporter = ProxyEventExporter(stream)
    for first in range(0, len(ended), batch):
        exporter.export([_span(record) for record in ended[first : first + batch]])
    exporter.shutdown()
    stream.close()
    return (entry.body for entry in outlet.ledger.events())


def _span(record: SpanRecord) -> ReadableSpan:
    code = StatusCode.ERROR if record.is_error else StatusCode.UNSET
    raised: dict[str, Any] = {semconv.EXCEPTION_TYPE: record.exception_type}
    return ReadableSpan(
        name="span",
        context=SpanContext(record.trace_id, record.span_id, is_remote=False, trace_flags=_SAMPLED),
        parent=SpanContext(record.trace_id, record.parent_id, is_remote=False) if record.parent_id else None,
        attributes=dict(record.attributes),  # pyright: ignore[reportArgumentType] - they were read from OTLP
        events=[Event(semconv.EXCEPTION_EVENT, raised)] if record.exception_type else [],
        status=Status(code),
        start_time=record.start_ns,
        end_time=record.end_ns,
        instrumentation_scope=InstrumentationScope(record.scope),
    )
