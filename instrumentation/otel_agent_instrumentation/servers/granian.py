"""Start and stop of granian, by its main process, whatever its workers are and however often it reloads.

Hooks: ``AbstractServer.startup`` and ``shutdown``. The application's own lifespan is silent in granian's processes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from otel_agent_instrumentation._hooks import FrameworkInstrumentor
from otel_agent_instrumentation._servers import end, started
from otel_agent_instrumentation._wrappers import after

if TYPE_CHECKING:
    from otel_agent_instrumentation._hooks import Hooks
    from otel_agent_instrumentation._servers import ServerLife

__all__ = ["GranianInstrumentor"]


class GranianInstrumentor(FrameworkInstrumentor):
    """Reports ``server.started`` and ``server.shutdown`` of granian."""

    requires: ClassVar[tuple[str, ...]] = ("granian >= 2, < 3",)

    def install(self, hooks: Hooks) -> None:
        """Hook the main process."""

        def common(module: Any) -> None:
            lives: list[ServerLife] = []

            def begin(_result: object, server: Any, *_: object) -> None:
                port = getattr(server, "bind_port", None)
                lives.append(started(port if isinstance(port, int) else None))

            hooks.wrap(module.AbstractServer, "startup", after(begin))
            hooks.wrap(module.AbstractServer, "shutdown", _shutdown(lives))

        hooks.when_imported("granian.server.common", common)


def _shutdown(lives: list[ServerLife]) -> Any:
    def shutdown(wrapped: Any, _server: Any, args: Any, kwargs: Any) -> Any:
        try:
            return wrapped(*args, **kwargs)
        finally:  # it may end with SystemExit
            if lives:
                end(lives.pop())

    return shutdown
