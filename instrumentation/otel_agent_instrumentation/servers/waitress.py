"""Start and stop of waitress. Hook: ``run`` of its servers, which listen already.

One that SIGTERM ends stops without a word: waitress has no handler for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from otel_agent_instrumentation._hooks import FrameworkInstrumentor
from otel_agent_instrumentation._servers import lives_through, started

if TYPE_CHECKING:
    from otel_agent_instrumentation._hooks import Hooks
    from otel_agent_instrumentation._servers import ServerLife

__all__ = ["WaitressInstrumentor"]


class WaitressInstrumentor(FrameworkInstrumentor):
    """Reports ``server.started`` and ``server.shutdown`` of waitress."""

    requires: ClassVar[tuple[str, ...]] = ("waitress >= 2.1, < 4",)

    def install(self, hooks: Hooks) -> None:
        """Hook the server of one address, and that of several."""

        def server(module: Any) -> None:
            for kind in (module.BaseWSGIServer, module.MultiSocketServer):
                hooks.wrap(kind, "run", lives_through(_begin))

        hooks.when_imported("waitress.server", server)


def _begin(server: Any) -> ServerLife | None:
    listens: Any = getattr(server, "effective_listen", None)
    port: Any = listens[0][1] if listens else getattr(server, "effective_port", None)
    return started(None if port is None else int(port))
