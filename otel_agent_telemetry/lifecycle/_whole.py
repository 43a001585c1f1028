"""What a span of ours was given, whole.

Of many attributes the SDK lets go of the oldest, and those are ours; of long ones it keeps the beginning, as the
operator set (OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT, OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT).
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from opentelemetry.trace import Span

__all__ = ["WHOLE", "end"]

WHOLE: ContextVar[Mapping[str, Any] | None] = ContextVar("agent_telemetry_whole", default=None)
"""While a span of ours starts, and while one ends that the SDK did not keep whole: all that we gave it."""


def end(span: Span, given: Mapping[str, Any], at: int | None) -> None:
    """End the span; what the SDK let go of by then is given again, in place of others' attributes."""
    dropped = getattr(getattr(span, "_attributes", span), "dropped", 0)  # its public name counts all of them first
    limits = getattr(span, "_limits", None)  # the SDK has no public name for it
    if not dropped and getattr(limits, "max_span_attribute_length", None) is None:
        span.end(at)
        return
    if dropped:
        for key, value in given.items():
            span.set_attribute(key, value)
    token = WHOLE.set(given)
    try:
        span.end(at)
    finally:
        WHOLE.reset(token)
