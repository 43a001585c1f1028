"""A tracer around another one, which says alone how a span starts."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.trace import Tracer

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["OwnTracer"]


class OwnTracer(Tracer):
    """One whose ``start_as_current_span`` has its span from its own ``start_span``."""

    @contextmanager
    def start_as_current_span(  # pyright: ignore[reportIncompatibleMethodOverride] - as a `with` has it
        self,
        name: str,
        *args: Any,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
        end_on_exit: bool = True,
        **kwargs: Any,
    ) -> Generator[Any]:
        span = self.start_span(name, *args, **kwargs)
        with trace.use_span(
            span,
            end_on_exit=end_on_exit,
            record_exception=record_exception,
            set_status_on_exception=set_status_on_exception,
        ):
            yield span
