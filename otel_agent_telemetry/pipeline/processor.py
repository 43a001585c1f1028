"""The span processor that feeds the event stream, live: "started" is sent when it happens, not when a span ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.trace import StatusCode

from otel_agent_telemetry import semconv as names
from otel_agent_telemetry.pipeline._records import SpanRecord
from otel_agent_telemetry.pipeline.mapping import DIALECT_KEYS

if TYPE_CHECKING:
    from collections.abc import KeysView, Mapping

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan, Span

    from otel_agent_telemetry.pipeline.stream import EventStream

__all__ = ["EventProcessor", "record_of"]


class EventProcessor(SpanProcessor):
    """Snapshots the spans that matter and hands them to the stream's thread; costs any other span next to nothing."""

    def __init__(self, stream: EventStream) -> None:
        self._stream = stream
        stream.is_live = True

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Remember the parent, and report a lifecycle span of ours as started."""
        parent = span.parent
        self._stream.link(span.get_span_context().span_id, parent.span_id if parent is not None else 0)
        attributes = span.attributes
        if attributes is not None and names.AGENT_LIFECYCLE in _keys(attributes):
            self._stream.started(record_of(span))

    def on_end(self, span: ReadableSpan) -> None:
        """Report a span that shows one of the signs; of any other only that it is gone."""
        attributes = span.attributes
        if attributes is None or _keys(attributes).isdisjoint(DIALECT_KEYS):
            context = span.get_span_context()
            if context is not None and self._stream.leave(context.span_id):
                self._stream.unlink(context.span_id)
        else:
            self._stream.ended(record_of(span))

    def shutdown(self) -> None:
        """Put what is queued into the ledger."""
        self._stream.flush(0)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Put what is queued into the ledger; sending is not waited for."""
        return self._stream.flush(0)


def record_of(span: ReadableSpan) -> SpanRecord:
    """The part of an SDK span that the mapping may read."""
    context = span.get_span_context()
    parent = span.parent
    scope = span.instrumentation_scope
    exception_type = ""
    for event in reversed(span.events):
        if event.name == names.EXCEPTION_EVENT:
            exception_type = str((event.attributes or {}).get(names.EXCEPTION_TYPE, ""))
            break
    return SpanRecord(
        context.trace_id if context is not None else 0,
        context.span_id if context is not None else 0,
        parent.span_id if parent is not None else 0,
        scope.name if scope is not None else "",
        span.attributes or {},
        span.start_time or 0,
        span.end_time or 0,
        span.status.status_code is StatusCode.ERROR,
        exception_type,
    )


def _keys(attributes: Mapping[str, object]) -> KeysView[str]:
    # BoundedAttributes looks a missing key up by raising and catching; its dictionary answers ten times faster.
    return getattr(attributes, "_dict", attributes).keys()
