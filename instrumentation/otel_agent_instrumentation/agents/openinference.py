"""Model calls of Mistral's and Together's clients that are interrupted.

OpenInference's instrumentations of the two end a span when the call returns or raises an ``Exception``; what
interrupts it, as the cancellation of an asynchronous call or Ctrl-C, leaves the span open, so that nobody hears of it.
Here it ends with the interruption. Hook: their ``_WithTracer._start_as_current_span``.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from opentelemetry.trace import Status, StatusCode

from otel_agent_instrumentation._hooks import FrameworkInstrumentor, quiet

if TYPE_CHECKING:
    from collections.abc import Generator

    from otel_agent_instrumentation._hooks import Hooks

__all__ = ["OpenInferenceInstrumentor"]

_MODULES = (
    "openinference.instrumentation.mistralai._chat_wrapper",
    "openinference.instrumentation.together._wrappers",
)


class OpenInferenceInstrumentor(FrameworkInstrumentor):
    """Ends OpenInference's spans of calls that are interrupted."""

    requires: ClassVar[tuple[str, ...]] = ("openinference-instrumentation >= 0.1.40, < 1",)

    def install(self, hooks: Hooks) -> None:
        """Hook what begins their spans."""
        for name in _MODULES:
            hooks.when_imported(name, lambda module: hooks.wrap(module._WithTracer, "_start_as_current_span", _start))  # noqa: SLF001 - nothing public is around a call


@contextmanager
def _start(wrapped: Any, _instance: Any, args: Any, kwargs: Any) -> Generator[Any]:
    with wrapped(*args, **kwargs) as span:
        try:
            yield span
        except Exception:
            raise
        except BaseException as error:
            _end(span, error)
            raise


@quiet
def _end(span: Any, error: BaseException) -> None:
    span.record_exception(error)
    span.finish_tracing(status=Status(StatusCode.ERROR, type(error).__name__))
