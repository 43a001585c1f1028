"""The small ASGI route that tells an API server's workers who they are."""

from __future__ import annotations

from otel_agent_telemetry.identity._identity import establish

TYPE_CHECKING = False  # the typing module costs milliseconds that an opted-out program should not pay
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, MutableMapping
    from typing import Any

    from otel_agent_telemetry.identity._store import Store

    Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
    Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
    App = Callable[[Mapping[str, Any], Receive, Send], Awaitable[None]]

__all__ = ["installation_endpoint"]

_OK, _NOT_FOUND, _NOT_ALLOWED, _UNAVAILABLE = 200, 404, 405, 503


def installation_endpoint(store: Store, *, allowed: Callable[[], bool] | None = None) -> App:
    """An ASGI application to mount on any path, behind the host's own authentication.

    GET answers ``{"telemetry_installation_id", "telemetry_installed_at", "telemetry_reference_key"}`` as JSON and
    nothing else, and makes them first where they are missing; other methods get 405. Where ``allowed`` says no it
    answers 404 and makes nothing, where the store fails 503. The store is asked in a worker thread, so give SQLStore
    a function that opens a connection rather than a connection that belongs to one thread.
    """

    async def answer(scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        del receive
        if scope["type"] != "http":
            raise RuntimeError(f"installation_endpoint speaks http, not {scope['type']}")  # as the ASGI standard asks
        status, body = await _answer(scope["method"], store, allowed)
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
        ]
        if status == _NOT_ALLOWED:
            headers.append((b"allow", b"GET"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return answer


async def _answer(method: str, store: Store, allowed: Callable[[], bool] | None) -> tuple[int, bytes]:
    import asyncio
    import json

    if method != "GET":
        return _NOT_ALLOWED, b"{}"
    if allowed is not None and not allowed():
        return _NOT_FOUND, b"{}"
    try:
        stored = await asyncio.to_thread(establish, store)
    except Exception:  # noqa: BLE001 - a database that is away must not break the host's server
        return _UNAVAILABLE, b"{}"
    return _OK, json.dumps(stored, separators=(",", ":")).encode()
