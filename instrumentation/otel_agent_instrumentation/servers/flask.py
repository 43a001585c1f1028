"""Start and stop of Flask's development server.

Hooks: ``werkzeug.serving.BaseWSGIServer.serve_forever``; with the reloader,
``werkzeug._reloader.ReloaderLoop.restart_with_reloader`` in the process that watches (which does not know the port),
and nothing in those that it starts anew. A server that SIGTERM ends stops without a word: it has no handler for it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, ClassVar

import otel_agent_telemetry as telemetry
from otel_agent_instrumentation._hooks import FrameworkInstrumentor, quiet
from otel_agent_instrumentation._servers import EXIT_SECONDS, ServerLife

if TYPE_CHECKING:
    from otel_agent_instrumentation._hooks import Hooks

__all__ = ["FlaskInstrumentor"]


class FlaskInstrumentor(FrameworkInstrumentor):
    """Reports ``server.started`` and ``server.shutdown`` of Flask's development server."""

    requires: ClassVar[tuple[str, ...]] = ("werkzeug >= 2.3, < 4",)

    def install(self, hooks: Hooks) -> None:
        """Hook the server and the reloader."""
        hooks.when_imported(
            "werkzeug.serving", lambda module: hooks.wrap(module.BaseWSGIServer, "serve_forever", _serve)
        )
        hooks.when_imported(
            "werkzeug._reloader", lambda module: hooks.wrap(module.ReloaderLoop, "restart_with_reloader", _serve)
        )


def _serve(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
    life = _begin(instance)
    try:
        return wrapped(*args, **kwargs)
    finally:
        _end(life)


@quiet
def _begin(server: Any) -> ServerLife | None:
    if os.environ.get("WERKZEUG_RUN_MAIN") == "true":
        return None
    life = ServerLife()
    life.started(getattr(server, "port", None))
    return life


@quiet
def _end(life: ServerLife | None) -> None:
    if life is not None:
        life.stopped()
        telemetry.flush(EXIT_SECONDS, send=False)
