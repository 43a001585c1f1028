"""What surrounded a piece of code in one process, made current in another: for work that is no task of its own."""

from __future__ import annotations

from otel_agent_telemetry import _losses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from opentelemetry.context import Context

    from otel_agent_telemetry.lifecycle._spans import Spans

__all__ = ["Attached"]


class Attached:
    """Context manager: inside, what a carrier names is current and nothing else; nothing happens without spans."""

    __slots__ = ("_carrier", "_context", "_previous", "_spans")

    def __init__(self, spans: Spans | None, carrier: Mapping[str, str]) -> None:
        self._spans = spans
        self._carrier = carrier
        self._context: Context | None = None
        self._previous: Context | None = None

    def __enter__(self) -> None:
        if self._spans is None:
            return
        try:
            self._context = self._spans.context_of(self._carrier)
            self._previous = self._spans.enter(self._context)
        except Exception:  # noqa: BLE001 - telemetry never raises into the host
            _losses.count("instrumentation_error")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._spans is not None and self._context is not None and self._previous is not None:
            self._spans.leave(self._context, self._previous)
