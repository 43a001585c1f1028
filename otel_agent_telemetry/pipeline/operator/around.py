"""The span processor that puts what ``telemetry.context()`` says on every span that begins within."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry import context as otel_context
from opentelemetry.sdk.trace import SpanProcessor

from otel_agent_telemetry.lifecycle._around import attributes_around

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import Span

__all__ = ["ContextProcessor"]


class ContextProcessor(SpanProcessor):
    """See the module. What a span says itself, it keeps; what spans are understood by, no context may say."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Add what is said around."""
        around = attributes_around(otel_context.get_current() if parent_context is None else parent_context)
        if around:
            from otel_agent_telemetry.meaning import READ_KEYS  # few programs say anything

            own = span.attributes or {}
            span.set_attributes(
                {name: value for name, value in around.items() if name not in own and name not in READ_KEYS}
            )
