"""The proxy's door: events in by HTTP, and the report out, on aiohttp.

An answer of 200 means that what was kept is in the file: all that has arrived by the time of a turn of the loop is
written in one transaction. Nothing of a connection outlives it: not its address, not its headers, not the count that
limits it.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from fnmatch import fnmatchcase
from functools import partial
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from aiohttp import web
from aiohttp.http_exceptions import PayloadEncodingError

from otel_agent_telemetry.errors import StoreError
from otel_agent_telemetry.maintainers.book._arrivals import DIALECT_PATHS, DroppedError, is_installation
from otel_agent_telemetry.maintainers.book._writing import Writing
from otel_agent_telemetry.maintainers.receive._guard import CHALLENGE, may_read

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from otel_agent_telemetry.maintainers.book._arrivals import Arrival, Reader
    from otel_agent_telemetry.maintainers.book._book import Book
    from otel_agent_telemetry.maintainers.receive._showing import Showing

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

__all__ = ["Door"]

_LARGEST_BODY = 2 * 2**20
_BODY_SECONDS = 10.0
_SECURITY = {
    "Server": "agent-telemetry",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class Door:
    """Receives into ``book``, at most ``rate`` events a second from one connection, ten seconds' worth at once.

    ``stopped`` are patterns of versions, such as ``1.2.*``: their events are refused with 410, which their clients
    take as the end. ``showing`` has the page and its JSON; who may see them is :func:`may_read`'s to say.
    """

    def __init__(
        self,
        book: Book,
        reader: Reader,
        showing: Showing,
        *,
        rate: float = 2000.0,
        stopped: Sequence[str] = (),
        token: str | None = None,
    ) -> None:
        self._reader = reader
        self._showing = showing
        self._rate = rate
        self._stopped = tuple(stopped)
        self._token = token
        self._buckets: WeakKeyDictionary[asyncio.BaseTransport, list[float]] = WeakKeyDictionary()
        self._writing = Writing(book)

    def application(self) -> web.Application:
        """The application, for a runner of aiohttp's."""
        application = web.Application(client_max_size=_LARGEST_BODY)
        application.on_response_prepare.append(_secure)
        router = application.router
        for path, dialect in DIALECT_PATHS.items():
            router.add_post(path, partial(self._receive, dialect))
            router.add_delete(path + "/{installation}", self._forget)
        router.add_get("/healthz", self._healthy)
        router.add_get("/", self._read_by(self._showing.page))
        router.add_get("/report.json", self._read_by(self._showing.json))
        application.on_shutdown.append(self._close)
        return application

    def has_asked(self, connection: asyncio.BaseTransport) -> bool:
        """Whether a request has come on it that is one of ours."""
        return connection in self._buckets

    def ended_silent(self, connections: int) -> None:
        """Count connections that were ended because nothing came."""
        self._writing.count("too_slow", connections)

    async def _receive(self, dialect: str, request: web.Request) -> web.Response:
        body = await self._body(request)
        lines = [line for line in body.split(b"\n") if line.strip()] if _is_listed(request) else [body]
        self._limit(request, len(lines), dropped=len(lines))
        kept, dropped = self._checked(dialect, lines, request.headers.get("Idempotency-Key"))
        try:
            await self._writing.add(kept, dropped)
        except StoreError as error:
            raise _unavailable(error) from error
        if not kept and "stopped" in dropped:
            raise web.HTTPGone(text="events of this version are no longer wanted")
        if not kept and dropped.count("not_json") == len(lines):
            raise web.HTTPBadRequest(text="not an event in JSON; send one, or one on each line as application/x-ndjson")
        answer = b'{"kept": %d, "dropped": %d}' % (len(kept), len(lines) - len(kept))
        return web.Response(body=answer, content_type="application/json")

    def _checked(
        self, dialect: str, lines: Sequence[bytes], header: str | None
    ) -> tuple[list[tuple[int | None, Arrival]], list[str]]:
        """What is kept, each event with its key, and the reason of each event and field that is not."""
        kept: list[tuple[int | None, Arrival]] = []
        dropped: list[str] = []
        now = time.time()
        for line in lines:
            try:
                arrival = self._reader.read(dialect, line, now=now)
            except DroppedError as reason:
                dropped.append(str(reason))
                continue
            if self._stopped and any(fnmatchcase(arrival.version, pattern) for pattern in self._stopped):
                dropped.append("stopped")
                continue
            if arrival.unknown or arrival.wrong:
                dropped += ["unknown_field"] * arrival.unknown + ["wrong_field"] * arrival.wrong
            kept.append((None if header is None else _key(header, line), arrival))
        return kept, dropped

    def _limit(self, request: web.Request, cost: int, *, dropped: int = 0) -> None:
        """Raise HTTPTooManyRequests, and count so many events as dropped, where a connection has to pause.

        ``cost`` is in events.
        """
        connection = request.transport
        if connection is None:
            return
        now, most = time.monotonic(), 10 * self._rate
        bucket = self._buckets.get(connection)
        if bucket is None:
            bucket = self._buckets[connection] = [most, now]
        left = min(most, bucket[0] + (now - bucket[1]) * self._rate) - cost
        if left >= 0:
            bucket[:] = left, now
            return
        if dropped:
            self._writing.count("too_fast", dropped)
        wait = 1 + int(-left / self._rate)
        raise web.HTTPTooManyRequests(headers={"Retry-After": str(wait)}, text="too much on one connection")

    async def _body(self, request: web.Request) -> bytes:
        """The whole body, unpacked where it is gzip; one that is all there needs no timer. A refused one is counted."""
        try:
            if request.content.is_eof():
                return _bounded(request.content.read_nowait())
            return await asyncio.wait_for(request.read(), _BODY_SECONDS)
        except asyncio.TimeoutError as error:
            self._writing.count("too_slow")
            raise web.HTTPRequestTimeout(text=f"the request took longer than {_BODY_SECONDS:g} seconds") from error
        except web.HTTPRequestEntityTooLarge:
            self._writing.count("too_large")
            raise
        except (PayloadEncodingError, web.RequestPayloadError) as error:
            self._writing.count("not_json")
            raise web.HTTPBadRequest(text="the body is not in the encoding that it says") from error

    async def _forget(self, request: web.Request) -> web.Response:
        """Delete what an installation sent; who knows its id has it from there, as it is random and shown to nobody."""
        self._limit(request, min(100, int(self._rate)))
        if not is_installation(request.match_info["installation"]):
            raise web.HTTPBadRequest(text="expected the id of an installation, such as install_ and 16 hex digits")
        try:
            deleted = self._writing.forget(request.match_info["installation"])
        except StoreError as error:
            raise _unavailable(error) from error
        return web.json_response({"deleted": deleted})

    def _read_by(self, show: Handler) -> Handler:
        """What it shows, to whoever may read it."""

        async def shown(request: web.Request) -> web.StreamResponse:
            self._limit(request, 0)
            if not may_read(request.headers, self._token):
                raise web.HTTPUnauthorized(headers=CHALLENGE, text="the report is for its maintainers; give the token")
            return await show(request)

        return shown

    async def _healthy(self, request: web.Request) -> web.Response:
        self._limit(request, 0)
        return web.json_response({"service": "agent-telemetry proxy", "status": "ok"})

    async def _close(self, _application: web.Application) -> None:
        self._writing.close()


async def _secure(_request: web.Request, answer: web.StreamResponse) -> None:
    answer.headers.update(_SECURITY)


def _unavailable(error: StoreError) -> web.HTTPServiceUnavailable:
    """The answer where the book cannot be used."""
    return web.HTTPServiceUnavailable(text=str(error), headers={"Retry-After": "5"})


def _bounded(body: bytes) -> bytes:
    if len(body) > _LARGEST_BODY:
        raise web.HTTPRequestEntityTooLarge(_LARGEST_BODY, len(body))
    return body


def _key(header: str, line: bytes) -> int:
    """Of the header and the event together, as a batch has one header; our clients put no two equal lines into one."""
    return int.from_bytes(hashlib.blake2b(header.encode() + b" " + line, digest_size=8).digest(), "big") >> 1


def _is_listed(request: web.Request) -> bool:
    return request.content_type == "application/x-ndjson"
