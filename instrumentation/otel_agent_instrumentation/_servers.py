"""What the server modules share: one server's start and stop, and who speaks for it."""

from __future__ import annotations

import multiprocessing
import signal
import sys
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import otel_agent_telemetry as telemetry
from otel_agent_instrumentation._hooks import quiet
from otel_agent_instrumentation._own_processes import is_of_a_library

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from otel_agent_instrumentation._hooks import Wrapper

__all__ = [
    "EXIT_SECONDS",
    "ServerLife",
    "end",
    "is_gunicorn",
    "is_spoken_for",
    "lives_through",
    "port_of",
    "signal_name",
    "speaks_for_server",
    "started",
    "under_server",
]

EXIT_SECONDS = 2.0
"""How long a server that stops waits for the operator's exporters."""

under_server: ContextVar[bool] = ContextVar("agent_telemetry_under_server", default=False)
"""True in code that a server module already speaks for, so that the ASGI module is silent there."""


_SPEAKING = ("gunicorn.arbiter", "granian.server.common", "hypercorn.asyncio.lifespan", "hypercorn.trio.lifespan")
"""Servers with a module of their own, by what is loaded in each of their processes."""


class ServerLife:
    """One server: when it took requests, when it stopped; nothing is told of one that a library runs for itself."""

    def __init__(self, source: str = "api-server") -> None:
        self._began = time.monotonic()
        self._is_told = not is_of_a_library()
        self.is_started = False
        if self._is_told:
            telemetry.declare_source(source)

    def started(self, port: int | None = None) -> None:
        """Report that it takes requests."""
        self.is_started = True
        if self._is_told:
            telemetry.server_started(port=port)

    def stopped(self, signal: str | None = None) -> None:
        """Report that it stops."""
        if self._is_told:
            telemetry.server_shutdown(signal=signal, uptime_ms=int((time.monotonic() - self._began) * 1000))


def is_spoken_for() -> bool:
    """Whether the server of this process has a module of its own, so that the application's lifespan is silent."""
    return under_server.get() or not sys.modules.keys().isdisjoint(_SPEAKING) or not speaks_for_server()


def speaks_for_server() -> bool:
    """Whether this process reports the start: the only one, or the first that a supervisor spawned."""
    if is_gunicorn():
        return False
    if multiprocessing.parent_process() is None:
        return True
    name = multiprocessing.current_process().name  # SpawnProcess-1; SpawnProcess-2:1 for a child of a child
    return name.replace(":", "-").rpartition("-")[2] == "1"


def lives_through(begin: Callable[[Any], ServerLife | None]) -> Wrapper:
    """Around what a server is in while it serves: started before it as ``begin(server)`` says, stopped after it."""
    begins = quiet(begin)

    def serve(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        life = begins(instance)
        try:
            return wrapped(*args, **kwargs)
        finally:
            end(life)

    return serve


@quiet
def end(life: ServerLife | None, signal: str | None = None) -> None:
    """Report that it stops, and hand on what is pending; nothing where None lives."""
    if life is not None:
        life.stopped(signal)
        telemetry.flush(EXIT_SECONDS, send=False)


def started(port: int | None = None) -> ServerLife:
    """The life of a server that takes requests from now on."""
    life = ServerLife()
    life.started(port)
    return life


def is_gunicorn() -> bool:
    """Whether this is a process of gunicorn, whose master speaks for all of them."""
    return "gunicorn.arbiter" in sys.modules


def port_of(sockets: Iterable[Any]) -> int | None:
    """The port of the first listening socket; None for a Unix socket."""
    for each in sockets:
        address = each.getsockname()
        return address[1] if isinstance(address, tuple) and len(address) > 1 else None  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] - host and port at least
    return None


def signal_name(numbers: Iterable[int]) -> str | None:
    """The name of the first signal, such as ``SIGTERM``; None where there was none."""
    for number in numbers:
        return signal.Signals(number).name
    return None
