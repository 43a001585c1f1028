"""Start and stop of Starlette and FastAPI applications under a server that has no module of its own.

Hook: ``starlette.routing.Router.lifespan``, whose ``send`` tells when startup and shutdown are complete (ASGI lifespan
protocol 2.0). Silent where the server has a module of its own; of several worker processes that one supervisor spawned
only the first reports. An application that a test client drives reports too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import otel_agent_telemetry as telemetry
from otel_agent_instrumentation._hooks import FrameworkInstrumentor, quiet
from otel_agent_instrumentation._servers import EXIT_SECONDS, ServerLife, is_spoken_for, under_server

if TYPE_CHECKING:
    from otel_agent_instrumentation._hooks import Hooks

__all__ = ["ASGIInstrumentor"]


class ASGIInstrumentor(FrameworkInstrumentor):
    """Reports ``server.started`` and ``server.shutdown`` of ASGI applications."""

    requires: ClassVar[tuple[str, ...]] = ("starlette >= 0.27, < 2",)

    def install(self, hooks: Hooks) -> None:
        """Hook the router that every Starlette and FastAPI application has."""
        hooks.when_imported("starlette.routing", lambda module: hooks.wrap(module.Router, "lifespan", _lifespan))


async def _lifespan(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:  # noqa: ARG001 - wrapt's signature
    call = dict(zip(("scope", "receive", "send"), args, strict=False)) | kwargs
    if _is_spoken_for() or "send" not in call:
        return await wrapped(*args, **kwargs)
    token = under_server.set(True)  # a mounted application's lifespan runs inside and is no server of its own
    try:
        return await wrapped(**(call | {"send": _Send(call["send"])}))
    finally:
        under_server.reset(token)


class _Send:
    """The server's ``send``, watched."""

    def __init__(self, send: Any) -> None:
        self._send = send
        self._life: ServerLife | None = None

    async def __call__(self, message: Any) -> None:
        await self._send(message)
        self._observe(message)

    @quiet
    def _observe(self, message: Any) -> None:
        if message["type"] == "lifespan.startup.complete":
            self._life = ServerLife()
            self._life.started()
        elif message["type"] == "lifespan.shutdown.complete" and self._life is not None:
            self._life.stopped()
            telemetry.flush(EXIT_SECONDS, send=False)


@quiet
def _is_spoken_for() -> bool:
    return is_spoken_for()
