"""How a span ended: its status as people see it, and what it says of its failure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_agent_telemetry import semconv
from otel_agent_telemetry.otlp._values import attributes

if TYPE_CHECKING:
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

__all__ = ["error_message", "error_type", "shown_status"]

_STATUS_ERROR = 2
_ENDED_OTHERWISE = frozenset({semconv.OUTCOME_CANCELLED, semconv.OUTCOME_SUPERSEDED})


def shown_status(status: int, outcome: str | None) -> str:
    """How a span ended, for people: by its outcome, else by its status code."""
    if outcome in _ENDED_OTHERWISE:
        return str(outcome)
    if outcome == semconv.OUTCOME_OK:
        return "ok"
    return "error" if status == _STATUS_ERROR or outcome == semconv.OUTCOME_ERROR else "ok"


def error_type(span: Span) -> str | None:
    """What a span that failed says of the kind of its failure."""
    carried = attributes(span.attributes)
    exceptions = [attributes(event.attributes) for event in span.events if event.name == semconv.EXCEPTION_EVENT]
    found = carried.get(semconv.ERROR_TYPE) or (exceptions[-1].get(semconv.EXCEPTION_TYPE) if exceptions else None)
    found = found or carried.get("http.response.status_code")
    return str(found).removeprefix("<class '").removesuffix("'>") if found else None


def error_message(span: Span) -> str | None:
    """What a span says of its failure: the message of its last exception, else of its status."""
    exceptions = [attributes(event.attributes) for event in span.events if event.name == semconv.EXCEPTION_EVENT]
    said = exceptions[-1].get("exception.message") if exceptions else None
    return str(said) if said else span.status.message or None
