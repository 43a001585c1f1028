"""From a span of the SDK to the part of it that the mapping may read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.trace import StatusCode

from otel_agent_telemetry import semconv as names
from otel_agent_telemetry.meaning._records import SpanRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.sdk.trace import ReadableSpan, Span

__all__ = ["attributes_of", "begun", "record_of"]


def record_of(span: ReadableSpan, *, ended: bool = True) -> SpanRecord:
    """The part of an SDK span that the mapping may read; not ``ended`` for one that was handed over at its start."""
    context = span.get_span_context()
    parent = span.parent
    scope = span.instrumentation_scope
    return SpanRecord(
        context.trace_id if context is not None else 0,
        context.span_id if context is not None else 0,
        parent.span_id if parent is not None else 0,
        scope.name if scope is not None else "",
        attributes_of(span),
        span.start_time or 0,
        (span.end_time or 0) if ended else 0,
        span.status.status_code is StatusCode.ERROR,
        _exception_type(span) if ended else "",
    )


def begun(span: Span, parent_id: int, given: Mapping[str, Any]) -> SpanRecord:
    """A span of ours that begins, with all that it was given."""
    context = span.get_span_context()
    scope = span.instrumentation_scope
    name = scope.name if scope is not None else ""
    return SpanRecord(context.trace_id, context.span_id, parent_id, name, given, span.start_time or 0, 0, False, "")  # noqa: FBT003 - no error


def _exception_type(span: ReadableSpan) -> str:
    for event in reversed(span.events):
        if event.name == names.EXCEPTION_EVENT:
            return str((event.attributes or {}).get(names.EXCEPTION_TYPE, ""))
    return ""


def attributes_of(span: ReadableSpan) -> Mapping[str, Any]:
    """The span's attributes, as cheaply as they can be had.

    The public view is a proxy around a mapping that answers a missing key by raising and catching inside: ten times
    the price of the dictionary in it, for every span of the host. Where an SDK has no such dictionary, the view serves.
    """
    bounded = getattr(span, "_attributes", None)
    plain = getattr(bounded, "_dict", None)
    return plain if plain is not None else (span.attributes or {})
