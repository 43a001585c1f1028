"""The small ASGI route that tells an API server's workers who they are."""

from __future__ import annotations

from otel_agent_telemetry.errors import SettingError
from otel_agent_telemetry.identity._identity import stored
from otel_agent_telemetry.identity._store import INSTALLATION_ID_KEY, REFERENCE_KEY_KEY

TYPE_CHECKING = False  # the typing module costs milliseconds that an opted-out program should not pay
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, MutableMapping
    from typing import Any

    from otel_agent_telemetry.identity._store import Store

    Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
    Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
    App = Callable[[Mapping[str, Any], Receive, Send], Awaitable[None]]

__all__ = ["installation_endpoint"]

_OK, _UNKNOWN, _NOT_FOUND, _NOT_ALLOWED, _UNAVAILABLE = 200, 401, 404, 405, 503
_SHORTEST_SECRET = 16
_MORE = {_NOT_ALLOWED: (b"allow", b"GET"), _UNKNOWN: (b"www-authenticate", b"Bearer")}


def installation_endpoint(
    store: Store, *, secret: str | None = None, public: bool = False, allowed: Callable[[], bool] | None = None
) -> App:
    """An ASGI application to mount on any path, for workers that ask with ``HTTPStore(url, secret=)``.

    GET answers ``{"telemetry_installation_id", "telemetry_installed_at", "telemetry_reference_key"}`` as JSON to who
    proves by the ``secret`` to be a worker, 401 to anybody else; with ``public=True`` everybody gets the first two, and
    the key still goes to workers alone. Nothing is made here: 404 until the service itself has recorded an event, and
    where ``allowed`` says no; other methods get 405, and where the store fails 503. The store is asked in a worker
    thread, so give SQLStore a function that opens a connection rather than one that belongs to a thread.

    Raises SettingError without a secret of 16 characters or more, unless ``public=True`` is said.
    """
    _check(secret, public=public)
    route = _Route(store, secret, public, allowed)

    async def answer(scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        del receive
        if scope["type"] != "http":
            raise RuntimeError(f"installation_endpoint speaks http, not {scope['type']}")  # as the ASGI standard asks
        status, body = await route.answer(scope["method"], dict(scope.get("headers", ())).get(b"authorization", b""))
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
        ]
        if status in _MORE:
            headers.append(_MORE[status])
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return answer


def _check(secret: object, *, public: bool) -> None:
    if secret is None and public is True:
        return
    if isinstance(secret, str) and secret.isascii() and secret.isprintable() and len(secret) >= _SHORTEST_SECRET:
        return
    shown = "missing" if secret is None else "not usable"
    raise SettingError(
        f"installation_endpoint(secret=) is {shown}; expected {_SHORTEST_SECRET} printable ASCII characters or more, "
        "the same as in HTTPStore(url, secret=), or public=True, which gives everybody the id and nobody the key."
        " `python -c 'import secrets; print(secrets.token_urlsafe(24))'` makes one."
    )


class _Route:
    """Who may know what."""

    def __init__(self, store: Store, secret: str | None, public: bool, allowed: Callable[[], bool] | None) -> None:  # noqa: FBT001 - as it was given
        self._store = store
        self._secret = secret
        self._public = public
        self._allowed = allowed

    async def answer(self, method: str, authorization: bytes) -> tuple[int, bytes]:
        import asyncio
        import json

        if method != "GET":
            return _NOT_ALLOWED, b"{}"
        is_worker = self._proves(authorization)
        if not is_worker and not self._public:
            return _UNKNOWN, b"{}"
        if self._allowed is not None and not self._allowed():
            return _NOT_FOUND, b"{}"
        try:
            values = await asyncio.to_thread(stored, self._store)
        except Exception:  # noqa: BLE001 - a database that is away must not break the host's server
            return _UNAVAILABLE, b"{}"
        if not {INSTALLATION_ID_KEY, REFERENCE_KEY_KEY} <= values.keys():
            return _NOT_FOUND, b"{}"
        if not is_worker:
            del values[REFERENCE_KEY_KEY]
        return _OK, json.dumps(values, separators=(",", ":")).encode()

    def _proves(self, authorization: bytes) -> bool:
        import hmac

        return self._secret is not None and hmac.compare_digest(authorization, f"Bearer {self._secret}".encode())
