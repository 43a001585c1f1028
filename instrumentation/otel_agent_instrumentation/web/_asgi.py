"""Requests of ASGI applications (asgi.readthedocs.io, HTTP and WebSocket), whatever the framework.

A request is over with the last part of its answer, as what runs afterwards in the background is no part of it; one that
fails, when the application returns. A client that went away is told by ``http.disconnect``; uvicorn tells a program
that does not ask for it by its request's ``disconnected``.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from opentelemetry import propagate

from otel_agent_instrumentation._hooks import quiet
from otel_agent_instrumentation.web._request import begin, excluded_urls, is_excluded

if TYPE_CHECKING:
    from otel_agent_instrumentation.web._request import Request

__all__ = ["App", "Channel", "in_request", "is_left_out"]

_FAILED = 500


App = Callable[..., Awaitable[Any]]
"""``__call__(self, scope, receive, send)`` of an application; servers look whether it is a coroutine function."""


def in_request(framework: str) -> Callable[[App], App]:
    """Puts a span around what an application's ``__call__`` does; ``framework`` as in its variable."""
    excluded = excluded_urls(framework)

    def around(serve: App) -> App:
        @functools.wraps(serve)
        async def call(app: Any, scope: Any, receive: Any, send: Any) -> Any:
            request = _begin(excluded, scope)
            if request is None:
                return await serve(app, scope, receive, send)
            channel = Channel(request, receive, send, scope)
            request.enter()
            try:
                return await serve(app, scope, channel.receive, channel.send)
            except BaseException as error:
                request.end(error, is_gone=channel.is_gone)
                raise
            finally:
                request.leave()
                request.end(is_gone=channel.is_gone)

        return call

    return around


class Channel:
    """The server's ``receive`` and ``send``, watched."""

    def __init__(self, request: Any, receive: Any, send: Any, scope: Any) -> None:
        self._request = request
        self._scope = scope
        self._receive = receive
        self._send = send
        self._has_trailers = False
        self._is_answered = False
        self._was_told = False

    @property
    def is_gone(self) -> bool:
        """Whether the client went away before the end of the answer."""
        return not self._is_answered and (self._was_told or _is_disconnected(self._receive))

    async def receive(self) -> Any:
        message = await self._receive()
        if message.get("type") == "http.disconnect":
            self._was_told = True
        return message

    async def send(self, message: Any) -> None:
        self._look(message)
        await self._send(message)
        self._finish(message)

    @quiet
    def _look(self, message: Any) -> None:
        kind = message["type"]
        if kind in ("http.response.start", "websocket.http.response.start"):
            self._has_trailers = bool(message.get("trailers"))
            self._request.routed(self._scope.get("path_template"))  # Litestar's; the others have a hook for it
            self._request.answered(message["status"])
        elif kind == "websocket.accept":
            self._request.answered(101)

    @quiet
    def _finish(self, message: Any) -> None:
        """Where it ended well it is over; a failure is said by an exception, which is still on its way."""
        if _is_last(message, has_trailers=self._has_trailers):
            gone = self.is_gone
            self._is_answered = not gone
            if gone or (self._request.status or 0) < _FAILED:
                self._request.end(is_gone=gone)


def _is_last(message: Any, *, has_trailers: bool) -> bool:
    kind = message["type"]
    if kind == "http.response.body":
        return not has_trailers and not message.get("more_body", False)
    if kind == "http.response.trailers":
        return not message.get("more_trailers", False)
    return kind == "http.response.pathsend"


def is_left_out(excluded: Any, scope: Any) -> bool:
    """Whether a request has no span."""
    host = next((value for name, value in scope["headers"] if name == b"host"), b"")
    return is_excluded(excluded, scope.get("scheme") or "http", host.decode("latin-1"), scope["path"])


@quiet
def _begin(excluded: Any, scope: Any) -> Request | None:
    if scope["type"] not in ("http", "websocket") or is_left_out(excluded, scope):
        return None
    headers = {name: value for name, value in scope["headers"] if name in _told_by()}
    return begin(
        scope.get("method", "GET"),
        scope["path"],
        attributes=_attributes(scope),
        headers={name.decode("latin-1"): value.decode("latin-1") for name, value in headers.items()},
        query=scope.get("query_string", b"").decode("latin-1"),
    )


def _told_by() -> set[bytes]:
    """The headers by which a client says what its request belongs to."""
    return {name.encode("latin-1") for name in propagate.get_global_textmap().fields}


def _attributes(scope: Any) -> dict[str, Any]:
    told: dict[str, Any] = {"url.scheme": scope.get("scheme") or "http"}
    if scope.get("http_version"):
        told["network.protocol.version"] = scope["http_version"]
    server = scope.get("server")
    if server:
        told["server.address"] = server[0]
        if server[1] is not None:
            told["server.port"] = server[1]
    return told


def _is_disconnected(receive: Any) -> bool:
    return bool(getattr(getattr(receive, "__self__", None), "disconnected", False))
