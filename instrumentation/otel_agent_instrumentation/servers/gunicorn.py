"""Start and stop of gunicorn, by its master, whatever its workers are and however often it reloads.

Hooks: ``gunicorn.arbiter.Arbiter.start`` and ``halt``; ``handle_int``, ``handle_quit`` and ``handle_term`` for the
signal. A master that took over from another (``USR2``) is a reload and no start. The application's own lifespan and
uvicorn's hooks are silent in gunicorn's processes.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, ClassVar

import otel_agent_telemetry as telemetry
from otel_agent_instrumentation._hooks import FrameworkInstrumentor, quiet
from otel_agent_instrumentation._servers import EXIT_SECONDS, ServerLife, port_of

if TYPE_CHECKING:
    from otel_agent_instrumentation._hooks import Hooks

__all__ = ["GunicornInstrumentor"]

_SIGNALS = {"handle_int": "SIGINT", "handle_quit": "SIGQUIT", "handle_term": "SIGTERM"}


class GunicornInstrumentor(FrameworkInstrumentor):
    """Reports ``server.started`` and ``server.shutdown`` of gunicorn."""

    requires: ClassVar[tuple[str, ...]] = ("gunicorn >= 21, < 28",)

    def install(self, hooks: Hooks) -> None:
        """Hook the master."""

        def arbiter(module: Any) -> None:
            master = _Master()
            hooks.wrap(module.Arbiter, "start", master.start)
            hooks.wrap(module.Arbiter, "halt", master.halt)
            for handler in _SIGNALS:
                hooks.wrap(module.Arbiter, handler, master.signalled)

        hooks.when_imported("gunicorn.arbiter", arbiter)


class _Master:
    """The wrappers, and what they know of the master of this process."""

    def __init__(self) -> None:
        self._life: ServerLife | None = None
        self._signal: str | None = None

    def start(self, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        takes_over = "GUNICORN_PID" in os.environ
        result = wrapped(*args, **kwargs)
        self._begin(instance, takes_over=takes_over)
        return result

    def halt(self, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        try:
            return wrapped(*args, **kwargs)
        finally:  # it ends with SystemExit
            self._end()

    def signalled(self, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        self._signal = _SIGNALS.get(wrapped.__name__)
        return wrapped(*args, **kwargs)

    @quiet
    def _begin(self, arbiter: Any, *, takes_over: bool) -> None:
        self._life = ServerLife()
        if not takes_over:
            self._life.started(port_of(listener.sock for listener in arbiter.LISTENERS))

    @quiet
    def _end(self) -> None:
        life, self._life = self._life, None
        if life is not None:
            life.stopped(self._signal)
            telemetry.flush(EXIT_SECONDS, send=False)
