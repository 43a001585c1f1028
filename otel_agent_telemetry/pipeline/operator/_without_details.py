"""Spans as the operator's exporters get them where exceptions are to say their type and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import Status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opentelemetry.util.types import Attributes

__all__ = ["without_details"]

_DETAILS = frozenset({"exception.message", "exception.stacktrace", "error.message", "error.stack"})


def without_details(spans: Sequence[ReadableSpan]) -> list[ReadableSpan]:
    """The same spans without messages and stack traces: of exceptions, of errors, and in the status."""
    return [_span(span) if _has_details(span) else span for span in spans]


def _has_details(span: ReadableSpan) -> bool:
    said = [span.attributes, *(event.attributes for event in span.events)]
    return bool(span.status.description) or any(
        attributes and not _DETAILS.isdisjoint(attributes) for attributes in said
    )


def _span(span: ReadableSpan) -> ReadableSpan:
    return ReadableSpan(
        name=span.name,
        context=span.get_span_context(),
        parent=span.parent,
        resource=span.resource,
        attributes=_kept(span.attributes),
        events=[Event(event.name, _kept(event.attributes), event.timestamp) for event in span.events],
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _kept(attributes: Attributes) -> Mapping[str, Any]:
    return {key: value for key, value in (attributes or {}).items() if key not in _DETAILS}
