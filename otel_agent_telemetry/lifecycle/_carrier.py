"""The carrier of a task: a plain dictionary of strings that travels in a queue's message."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from otel_agent_telemetry.lifecycle._around import baggage_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.context import Context

__all__ = ["age_ms", "context_of", "created_at_ms", "fields", "number", "text"]

_baggage = W3CBaggagePropagator()
_propagator = TraceContextTextMapPropagator()  # always W3C, whatever propagators the operator chose for his own traces


def fields(context: Context) -> dict[str, str]:
    """``traceparent`` and ``tracestate`` of the span in that context (W3C Trace Context).

    And ``baggage`` (W3C Baggage), where something is said around it; of nobody else's entries.
    """
    carrier: dict[str, str] = {}
    _propagator.inject(carrier, context)
    _baggage.inject(carrier, baggage_of(context))
    return carrier


def context_of(carrier: Mapping[str, object], base: Context) -> Context:
    """``base`` with the remote span that the carrier names, and what is said around it; ``base`` for neither."""
    trace = {key: value for key in ("traceparent", "tracestate") if isinstance(value := carrier.get(key), str)}
    context = _propagator.extract(trace, base) if "traceparent" in trace else base
    said = carrier.get("baggage")
    return _baggage.extract({"baggage": said}, context) if isinstance(said, str) else context


def text(carrier: Mapping[str, object], key: str) -> str | None:
    """The carrier's text under that key."""
    value = carrier.get(key)
    return value if isinstance(value, str) and value else None


def number(carrier: Mapping[str, object], key: str) -> int | None:
    """The carrier's whole number under that key."""
    value = text(carrier, key)
    return int(value) if value is not None and value.isascii() and value.isdigit() and len(value) < 16 else None  # noqa: PLR2004 - as int64


def created_at_ms(carrier: Mapping[str, object]) -> int | None:
    """When the task was created, in milliseconds since the epoch."""
    return number(carrier, "task_created_at")


def age_ms(carrier: Mapping[str, object]) -> int | None:
    """How long ago the task was created, in milliseconds."""
    created_at = created_at_ms(carrier)
    return None if created_at is None else max(0, int(time.time() * 1000) - created_at)
