"""A function on its way into a pool, with what surrounded the code that handed it over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry import context

import otel_agent_telemetry as telemetry

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["for_process", "for_thread"]


class _Elsewhere:
    """A function that is run in another process, and pickled as it is."""

    __slots__ = ("_carrier", "_function")

    def __init__(self, function: Callable[..., Any], carrier: dict[str, str]) -> None:
        self._function = function
        self._carrier = carrier

    def __reduce__(self) -> tuple[Any, ...]:
        return _Elsewhere, (self._function, self._carrier)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with telemetry.attached(self._carrier):
            return self._function(*args, **kwargs)


def for_process(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, which belongs to what surrounds this code wherever it is called; as easily pickled as before."""
    return _Elsewhere(function, telemetry.carrier())


def for_thread(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same for another thread of this process."""
    around = context.get_current()

    def call(*args: Any, **kwargs: Any) -> Any:
        token = context.attach(around)
        try:
            return function(*args, **kwargs)
        finally:
            context.detach(token)

    return call
