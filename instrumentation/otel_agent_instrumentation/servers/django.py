"""Start and stop of Django's ``runserver``.

Hooks: ``WSGIServer.serve_forever`` of its ``basehttp``; with the reloader, ``restart_with_reloader`` in the process
that watches (which does not know the port), and nothing in those that it starts anew. Without the reloader SIGTERM ends
it without a word: it has no handler for it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, ClassVar

from otel_agent_instrumentation._hooks import FrameworkInstrumentor
from otel_agent_instrumentation._servers import lives_through, started

if TYPE_CHECKING:
    from otel_agent_instrumentation._hooks import Hooks
    from otel_agent_instrumentation._servers import ServerLife

__all__ = ["DjangoInstrumentor"]


class DjangoInstrumentor(FrameworkInstrumentor):
    """Reports ``server.started`` and ``server.shutdown`` of ``runserver``."""

    requires: ClassVar[tuple[str, ...]] = ("django >= 4.2, < 7",)

    def install(self, hooks: Hooks) -> None:
        """Hook the server and the reloader."""
        serve = lives_through(_begin)
        hooks.when_imported(
            "django.core.servers.basehttp", lambda module: hooks.wrap(module.WSGIServer, "serve_forever", serve)
        )
        hooks.when_imported(
            "django.utils.autoreload", lambda module: hooks.wrap(module, "restart_with_reloader", serve)
        )


def _begin(server: Any) -> ServerLife | None:
    if os.environ.get("RUN_MAIN") == "true":
        return None
    return started(getattr(server, "server_port", None))
