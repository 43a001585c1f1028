"""The SDK's meter provider as we build it; imported where the operator has an exporter of metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk import metrics

from otel_agent_telemetry.pipeline.operator._providers import stop_quietly

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MeterProvider"]


class MeterProvider(metrics.MeterProvider):
    """A meter provider that is shut down once, in the time that the program's end may take, and never raises."""

    is_down = False
    stop: Callable[[Callable[[], object]], object] | None = None  # how, where somebody sees to the time

    def shutdown(self, timeout_millis: float = 30_000) -> None:
        """As the SDK's."""
        if not self.is_down:
            self.is_down = True
            stop_quietly(self, lambda: super(MeterProvider, self).shutdown(timeout_millis))
