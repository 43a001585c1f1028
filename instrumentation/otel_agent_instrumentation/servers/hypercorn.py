"""Start and stop of hypercorn, whatever application it serves; of several workers the first one speaks.

Hooks: ``Lifespan.wait_for_startup`` and ``wait_for_shutdown``, which every worker goes through.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from otel_agent_instrumentation._hooks import FrameworkInstrumentor, quiet
from otel_agent_instrumentation._servers import end, speaks_for_server, started

if TYPE_CHECKING:
    from otel_agent_instrumentation._hooks import Hooks
    from otel_agent_instrumentation._servers import ServerLife

__all__ = ["HypercornInstrumentor"]


class HypercornInstrumentor(FrameworkInstrumentor):
    """Reports ``server.started`` and ``server.shutdown`` of hypercorn."""

    requires: ClassVar[tuple[str, ...]] = ("hypercorn >= 0.16, < 1",)

    def install(self, hooks: Hooks) -> None:
        """Hook the workers of both event loops."""

        def lifespan(module: Any) -> None:
            worker = _Worker()
            hooks.wrap(module.Lifespan, "wait_for_startup", worker.start)
            hooks.wrap(module.Lifespan, "wait_for_shutdown", worker.stop)

        for loop in ("asyncio", "trio"):
            hooks.when_imported(f"hypercorn.{loop}.lifespan", lifespan)


class _Worker:
    """The wrappers, and the life of the server that this process speaks for."""

    def __init__(self) -> None:
        self._life: ServerLife | None = None

    async def start(self, wrapped: Any, _lifespan: Any, args: Any, kwargs: Any) -> Any:
        result = await wrapped(*args, **kwargs)
        self._begin()
        return result

    async def stop(self, wrapped: Any, _lifespan: Any, args: Any, kwargs: Any) -> Any:
        try:
            return await wrapped(*args, **kwargs)
        finally:
            life, self._life = self._life, None
            end(life)

    @quiet
    def _begin(self) -> None:
        if speaks_for_server():
            self._life = started()
