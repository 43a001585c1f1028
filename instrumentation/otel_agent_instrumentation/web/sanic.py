"""Requests of Sanic, under its own server and ASGI. Hook: ``Sanic.handle_request``; a client that goes cancels it.

As it starts, Sanic compiles that method anew from its source (``TouchUp.run``), and what was around it is gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import wrapt
from opentelemetry import propagate

from otel_agent_instrumentation._clients import is_wrapper
from otel_agent_instrumentation._hooks import FrameworkInstrumentor, quiet
from otel_agent_instrumentation._wrappers import after
from otel_agent_instrumentation.web._request import begin, excluded_urls, is_excluded

if TYPE_CHECKING:
    from otel_agent_instrumentation._hooks import Hooks
    from otel_agent_instrumentation.web._request import Request

__all__ = ["SanicInstrumentor"]


class SanicInstrumentor(FrameworkInstrumentor):
    """One span a request of Sanic."""

    requires: ClassVar[tuple[str, ...]] = ("sanic >= 23.12, < 27",)

    def install(self, hooks: Hooks) -> None:
        """Hook the applications."""
        handler = _Handler()

        def app(module: Any) -> None:
            hooks.wrap(module.Sanic, "handle_request", handler.handle)

            def compiled(*_: object) -> None:
                method: object = module.Sanic.__dict__["handle_request"]
                if not is_wrapper(method):
                    wrapt.wrap_function_wrapper(module.Sanic, "handle_request", handler.handle)

            hooks.wrap(module.TouchUp, "run", after(compiled))

        hooks.when_imported("sanic.app", app)


class _Handler:
    """Around ``handle_request``, which answers errors of the application by itself."""

    def __init__(self) -> None:
        self._excluded = excluded_urls("SANIC")

    async def handle(self, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        asked = args[0] if args else kwargs.get("request")
        request = self._begin(asked)
        if request is None:
            return await wrapped(*args, **kwargs)
        request.enter()
        error: BaseException | None = None
        try:
            return await wrapped(*args, **kwargs)
        except BaseException as raised:
            error = raised
            raise
        finally:
            request.leave()
            _finish(request, asked, error)

    @quiet
    def _begin(self, asked: Any) -> Request | None:
        host = asked.headers.get("host", "")
        if is_excluded(self._excluded, asked.scheme, host, asked.path):
            return None
        told = {"url.scheme": asked.scheme, "network.protocol.version": str(asked.version)}
        server = asked.conn_info
        if server is not None and server.server:
            told |= {"server.address": server.server, "server.port": server.server_port}
        headers = {name: asked.headers[name] for name in propagate.get_global_textmap().fields if name in asked.headers}
        return begin(asked.method, asked.path, attributes=told, headers=headers, query=asked.query_string)


@quiet
def _finish(request: Request, asked: Any, error: BaseException | None) -> None:
    if asked.route is not None:
        request.routed(f"/{asked.route.path.lstrip('/')}")
    response = getattr(asked.stream, "response", None)
    if response is not None:
        request.answered(response.status)
    request.end(error)
