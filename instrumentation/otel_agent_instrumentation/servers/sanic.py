"""Start and stop of Sanic's own server, once for all workers and reloads.

Hooks: ``WorkerManager.wait_for_ack`` and ``run`` in the process that manages the workers; ``_run_server_forever`` where
there is one process alone.
"""

from __future__ import annotations

import multiprocessing
from typing import TYPE_CHECKING, Any, ClassVar

from otel_agent_instrumentation._hooks import FrameworkInstrumentor
from otel_agent_instrumentation._servers import end, lives_through, started
from otel_agent_instrumentation._wrappers import after

if TYPE_CHECKING:
    from otel_agent_instrumentation._hooks import Hooks
    from otel_agent_instrumentation._servers import ServerLife

__all__ = ["SanicInstrumentor"]


class SanicInstrumentor(FrameworkInstrumentor):
    """Reports ``server.started`` and ``server.shutdown`` of Sanic."""

    requires: ClassVar[tuple[str, ...]] = ("sanic >= 23.12, < 27",)

    def install(self, hooks: Hooks) -> None:
        """Hook the manager and the server."""

        def manager(module: Any) -> None:
            lives: list[ServerLife] = []
            hooks.wrap(module.WorkerManager, "wait_for_ack", after(lambda *_: lives.append(started())))
            hooks.wrap(module.WorkerManager, "run", _run(lives))

        hooks.when_imported("sanic.worker.manager", manager)
        hooks.when_imported(
            "sanic.server.runners", lambda module: hooks.wrap(module, "_run_server_forever", lives_through(_begin))
        )


def _begin(_: Any) -> ServerLife | None:
    return started() if multiprocessing.parent_process() is None else None


def _run(lives: list[ServerLife]) -> Any:
    def run(wrapped: Any, _manager: Any, args: Any, kwargs: Any) -> Any:
        try:
            return wrapped(*args, **kwargs)
        finally:
            if lives:
                end(lives.pop())

    return run
