"""Start and stop of uvicorn servers, once per server however many workers and reloads it has.

Hooks: ``uvicorn.server.Server.startup`` and ``shutdown`` of a server in its own process. With ``--workers`` the
supervisor (``uvicorn.supervisors.multiprocess.Multiprocess``) speaks, once its ``keep_subprocess_alive`` finds a worker
that is ready; with ``--reload`` the first process that it starts, and the supervisor when it stops. uvicorn raises the
signal that stopped it again when it is done, which ends the process without ``atexit``; what is pending is therefore
sent before.
"""

from __future__ import annotations

import multiprocessing
from typing import TYPE_CHECKING, Any, ClassVar
from weakref import WeakKeyDictionary

import otel_agent_telemetry as telemetry
from otel_agent_instrumentation._hooks import FrameworkInstrumentor, quiet
from otel_agent_instrumentation._servers import (
    EXIT_SECONDS,
    ServerLife,
    is_gunicorn,
    port_of,
    signal_name,
    speaks_for_server,
    under_server,
)

if TYPE_CHECKING:
    from otel_agent_instrumentation._hooks import Hooks

__all__ = ["UvicornInstrumentor"]

_SUPERVISORS = {
    "uvicorn.supervisors.multiprocess": "Multiprocess",
    "uvicorn.supervisors.basereload": "BaseReload",
}


class UvicornInstrumentor(FrameworkInstrumentor):
    """Reports ``server.started`` and ``server.shutdown`` of uvicorn."""

    requires: ClassVar[tuple[str, ...]] = ("uvicorn >= 0.30, < 1",)

    def install(self, hooks: Hooks) -> None:
        """Hook the server and, where they are used, its supervisors."""
        observer = _Observer()

        def server(module: Any) -> None:
            hooks.wrap(module.Server, "startup", observer.startup)
            hooks.wrap(module.Server, "shutdown", observer.shutdown)

        def supervisor(module: Any) -> None:
            kind = getattr(module, _SUPERVISORS[module.__name__])
            hooks.wrap(kind, "run", observer.supervise)
            hooks.wrap(kind, "keep_subprocess_alive", observer.tick)
            for handler in ("signal_handler", "handle_int", "handle_term"):
                hooks.wrap(kind, handler, observer.signalled)

        hooks.when_imported("uvicorn.server", server)
        for module in _SUPERVISORS:
            hooks.when_imported(module, supervisor)


class _Observer:
    """The wrappers, and what they know of the servers of this process."""

    def __init__(self) -> None:
        self._lives: WeakKeyDictionary[Any, ServerLife] = WeakKeyDictionary()
        self._signals: list[str] = []

    async def startup(self, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        token = under_server.set(True)  # the lifespan task that startup makes runs in a copy of this context
        try:
            result = await wrapped(*args, **kwargs)
        finally:
            under_server.reset(token)
        self._started(instance, args, kwargs)
        return result

    async def shutdown(self, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        try:
            return await wrapped(*args, **kwargs)
        finally:
            self._stopped(instance)
            self._flush()

    def supervise(self, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        self._begin(instance)
        try:
            return wrapped(*args, **kwargs)
        finally:
            self._end(instance)
            self._flush()

    def tick(self, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        result = wrapped(*args, **kwargs)
        self._look(instance)
        return result

    def signalled(self, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        self._notice(wrapped.__name__, args)
        return wrapped(*args, **kwargs)

    @quiet
    def _started(self, server: Any, args: Any, kwargs: Any) -> None:
        if not server.started:
            return
        if not _handed_over(args, kwargs):
            self._lives[server] = ServerLife()
            self._lives[server].started(_port(server))
        elif server.config.should_reload and speaks_for_server():
            ServerLife().started(_port(server))
        else:
            telemetry.declare_source("api-server")

    @quiet
    def _stopped(self, server: Any) -> None:
        life = self._lives.pop(server, None)
        if life is not None:
            life.stopped(signal_name(getattr(server, "_captured_signals", ())))

    @quiet
    def _begin(self, supervisor: Any) -> None:
        self._lives[supervisor] = ServerLife()

    @quiet
    def _look(self, supervisor: Any) -> None:
        life = self._lives.get(supervisor)
        if life is not None and not life.is_started and any(map(_is_ready, supervisor.processes)):
            life.started(port_of(supervisor.sockets))

    @quiet
    def _end(self, supervisor: Any) -> None:
        life = self._lives.pop(supervisor, None)
        if life is not None:
            life.stopped(self._signals[0] if self._signals else None)

    @quiet
    def _notice(self, handler: str, args: tuple[Any, ...]) -> None:
        named = {"handle_int": "SIGINT", "handle_term": "SIGTERM"}.get(handler) or signal_name(args[:1])
        self._signals.extend([named] if named else [])

    @quiet
    def _flush(self) -> None:
        telemetry.flush(EXIT_SECONDS, send=False)


def _handed_over(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether a supervisor, uvicorn's or gunicorn's, opened the sockets: then this is a worker, not the server."""
    sockets = kwargs.get("sockets", args[0] if args else None)
    in_worker = multiprocessing.parent_process() is not None or is_gunicorn()
    return sockets is not None and in_worker


def _is_ready(process: Any) -> bool:
    ask = getattr(process, "is_ready", None) or process.is_alive  # older releases cannot tell the two apart
    return bool(ask())


def _port(server: Any) -> int | None:
    return port_of(socket for each in server.servers for socket in each.sockets)
