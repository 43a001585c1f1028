"""What a span of ours was given, whole: of many attributes the SDK lets go of the oldest, and those are ours."""

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
    if not getattr(span, "dropped_attributes", 0):
        span.end(at)
        return
    for key, value in given.items():
        span.set_attribute(key, value)
    token = WHOLE.set(given)
    try:
        span.end(at)
    finally:
        WHOLE.reset(token)
