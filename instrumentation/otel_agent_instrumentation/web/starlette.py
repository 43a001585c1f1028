"""Requests of Starlette and FastAPI applications.

Hooks: ``Starlette.__call__``, which FastAPI's calls; ``Route.handle`` and ``WebSocketRoute.handle`` for the route.
Where FastAPI has a span of its own for the request (``fastapi.telemetry``), that is used: it is told that the client
went away, health checks are kept from it, and so is the query string unless content is wanted.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, ClassVar

from otel_agent_instrumentation._content import wants_content
from otel_agent_instrumentation._hooks import FrameworkInstrumentor, quiet
from otel_agent_instrumentation._wrappers import before
from otel_agent_instrumentation.web._asgi import Channel, in_request, is_left_out
from otel_agent_instrumentation.web._request import CANCELLED, current, excluded_urls

if TYPE_CHECKING:
    from otel_agent_instrumentation._hooks import Hooks
    from otel_agent_instrumentation.web._asgi import App

__all__ = ["StarletteInstrumentor"]

_NATIVE = "fastapi.telemetry"
"""The key of an ASGI scope under which FastAPI keeps its span; None there leaves the request alone."""
_OUTCOME = "agent.outcome"


class StarletteInstrumentor(FrameworkInstrumentor):
    """One span a request of Starlette and FastAPI."""

    requires: ClassVar[tuple[str, ...]] = ("starlette >= 0.27, < 2",)

    def install(self, hooks: Hooks) -> None:
        """Hook the applications and their routes."""

        def routing(module: Any) -> None:
            for kind in (module.Route, module.WebSocketRoute):
                hooks.wrap(kind, "handle", before(_route))

        hooks.when_imported("starlette.routing", routing)
        hooks.when_imported(
            "starlette.applications", lambda module: hooks.replace(module.Starlette, "__call__", _in_request)
        )
        hooks.when_imported("fastapi.applications", lambda module: hooks.replace(module.FastAPI, "__call__", _left_out))


def _in_request(serve: App) -> App:
    """Around ``Starlette.__call__``, which is inside FastAPI's span where there is one."""
    with_span = in_request("STARLETTE")(serve)

    @functools.wraps(serve)
    async def call(app: Any, scope: Any, receive: Any, send: Any) -> Any:
        if _NATIVE not in scope:
            return await with_span(app, scope, receive, send)
        native = _native(scope)
        if native is None:
            return await serve(app, scope, receive, send)
        channel = Channel(native, receive, send, scope)
        try:
            return await serve(app, scope, channel.receive, channel.send)
        finally:
            native.end(is_gone=channel.is_gone)

    return call


def _left_out(serve: App) -> App:
    """Around ``FastAPI.__call__``: a request that is left out has no span there either."""
    excluded = excluded_urls("FASTAPI")

    @quiet
    def is_probe(scope: Any) -> bool:
        return scope["type"] in ("http", "websocket") and _NATIVE not in scope and is_left_out(excluded, scope)

    @functools.wraps(serve)
    async def call(app: Any, scope: Any, receive: Any, send: Any) -> Any:
        return await serve(app, {**scope, _NATIVE: None} if is_probe(scope) else scope, receive, send)

    return call


@quiet
def _native(scope: Any) -> _NativeRequest | None:
    """What tells FastAPI's span, once a request; None where there is none to tell."""
    span = getattr(scope[_NATIVE], "span", None)
    if span is None or scope["type"] != "http":
        return None
    if "url.query" in (getattr(span, "attributes", None) or {}) and not wants_content():
        span.set_attribute("url.query", "REDACTED")
    return _NativeRequest(span)


class _NativeRequest:
    """FastAPI's span of a request, as :class:`~otel_agent_instrumentation.web._asgi.Channel` tells it."""

    def __init__(self, span: Any) -> None:
        self._span = span
        self.status: int | None = None

    def routed(self, route: str | None) -> None:
        """FastAPI says it itself."""

    def answered(self, status: int) -> None:
        self.status = status

    def end(self, *, is_gone: bool) -> None:
        if is_gone:
            self._span.set_attribute(_OUTCOME, CANCELLED)


def _route(route: Any, scope: Any, *_: Any) -> None:
    request = current.get()
    if request is not None:
        mounted = scope.get("root_path", "").removeprefix(scope.get("app_root_path", ""))
        request.routed(mounted + getattr(route, "path", ""))
