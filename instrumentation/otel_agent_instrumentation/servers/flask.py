"""Start and stop of Flask's development server.

Hooks: ``werkzeug.serving.BaseWSGIServer.serve_forever``; with the reloader,
``werkzeug._reloader.ReloaderLoop.restart_with_reloader`` in the process that watches (which does not know the port),
and nothing in those that it starts anew. A server that SIGTERM ends stops without a word: it has no handler for it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, ClassVar

from otel_agent_instrumentation._hooks import FrameworkInstrumentor
from otel_agent_instrumentation._servers import lives_through, started

if TYPE_CHECKING:
    from otel_agent_instrumentation._hooks import Hooks
    from otel_agent_instrumentation._servers import ServerLife

__all__ = ["FlaskInstrumentor"]


class FlaskInstrumentor(FrameworkInstrumentor):
    """Reports ``server.started`` and ``server.shutdown`` of Flask's development server."""

    requires: ClassVar[tuple[str, ...]] = ("werkzeug >= 2.3, < 4",)

    def install(self, hooks: Hooks) -> None:
        """Hook the server and the reloader."""
        serve = lives_through(_begin)
        hooks.when_imported(
            "werkzeug.serving", lambda module: hooks.wrap(module.BaseWSGIServer, "serve_forever", serve)
        )
        hooks.when_imported(
            "werkzeug._reloader", lambda module: hooks.wrap(module.ReloaderLoop, "restart_with_reloader", serve)
        )


def _begin(server: Any) -> ServerLife | None:
    if os.environ.get("WERKZEUG_RUN_MAIN") == "true":
        return None
    return started(getattr(server, "port", None))
