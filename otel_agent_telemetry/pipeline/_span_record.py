"""From a span of the SDK to the part of it that the mapping may read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from opentelemetry.sdk.trace import ReadableSpan, Span
from opentelemetry.trace import StatusCode

from otel_agent_telemetry import semconv as names
from otel_agent_telemetry.meaning._first_chunk import EVENTS as FIRST_CHUNK_EVENTS
from otel_agent_telemetry.meaning._records import SpanRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_agent_telemetry.meaning import Meaning
    from otel_agent_telemetry.meaning._records import Fact, Usage

__all__ = ["Item", "attributes_of", "begun", "record_of", "tell"]

Item: TypeAlias = "Span | ReadableSpan | SpanRecord | int"
"""A span that began (live) or ended (readable), one of a file, or the key of a span that is gone."""


def tell(meaning: Meaning, item: Item) -> list[Fact | Usage]:
    """What it means that a span began, ended or is gone."""
    if isinstance(item, SpanRecord):
        return meaning.end(item) if item.end_ns else meaning.start(item)
    if isinstance(item, Span):
        return meaning.start(record_of(item, ended=False))
    if isinstance(item, ReadableSpan):
        return meaning.end(record_of(item))
    return meaning.unlink(item)


def record_of(span: ReadableSpan, *, ended: bool = True) -> SpanRecord:
    """The part of an SDK span that the mapping may read; not ``ended`` for one that was handed over at its start."""
    context = span.get_span_context()
    parent = span.parent
    scope = span.instrumentation_scope
    exception, first_chunk_ns = _moments(span) if ended else ("", 0)
    return SpanRecord(
        context.trace_id if context is not None else 0,
        context.span_id if context is not None else 0,
        parent.span_id if parent is not None else 0,
        scope.name if scope is not None else "",
        attributes_of(span),
        span.start_time or 0,
        (span.end_time or 0) if ended else 0,
        span.status.status_code is StatusCode.ERROR,
        exception,
        first_chunk_ns=first_chunk_ns,
    )


def begun(span: Span, parent_id: int, given: Mapping[str, Any]) -> SpanRecord:
    """A span of ours that begins, with all that it was given."""
    context = span.get_span_context()
    scope = span.instrumentation_scope
    name = scope.name if scope is not None else ""
    return SpanRecord(context.trace_id, context.span_id, parent_id, name, given, span.start_time or 0, 0, False, "")  # noqa: FBT003 - no error


def _moments(span: ReadableSpan) -> tuple[str, int]:
    """The last exception's type, and when the first piece of an answer came; empty and 0 where no event says it."""
    exception, first_chunk_ns = "", 0
    for event in reversed(span.events):
        if event.name == names.EXCEPTION_EVENT:
            exception = exception or str((event.attributes or {}).get(names.EXCEPTION_TYPE, ""))
        elif event.name in FIRST_CHUNK_EVENTS:
            first_chunk_ns = event.timestamp
    return exception, first_chunk_ns


def attributes_of(span: ReadableSpan) -> Mapping[str, Any]:
    """The span's attributes, as cheaply as they can be had.

    The public view is a proxy around a mapping that answers a missing key by raising and catching inside: ten times
    the price of the dictionary in it, for every span of the host. Where an SDK has no such dictionary, the view serves.
    """
    bounded = getattr(span, "_attributes", None)
    plain = getattr(bounded, "_dict", None)
    return plain if plain is not None else (span.attributes or {})
