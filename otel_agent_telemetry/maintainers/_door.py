"""The proxy's door: events in by HTTP, and the report out, on aiohttp.

An answer of 200 means that what was kept is in the file: all that has arrived by the time of a turn of the loop is
written in one transaction. Nothing of a connection outlives it: not its address, not its headers, not the count that
limits it.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import Counter
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from aiohttp import web
from aiohttp.http_exceptions import PayloadEncodingError

from otel_agent_telemetry.errors import StoreError
from otel_agent_telemetry.maintainers._arrivals import DIALECT_PATHS, DroppedError, is_installation
from otel_agent_telemetry.maintainers._guard import CHALLENGE, may_read
from otel_agent_telemetry.maintainers._writing import Writing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from otel_agent_telemetry.maintainers._arrivals import Arrival, Reader
    from otel_agent_telemetry.maintainers._book import Book
    from otel_agent_telemetry.maintainers._showing import Showing

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
        application = web.Application(client_max_size=_LARGEST_BODY, middlewares=[_answers])
        for path in DIALECT_PATHS:
            application.router.add_post(path, self._receive)
            application.router.add_delete(path + "/{installation}", self._forget)
        application.router.add_get("/healthz", _healthy)
        application.router.add_get("/", self._show)
        application.router.add_get("/report.json", self._show)
        return application

    async def _receive(self, request: web.Request) -> web.Response:
        dialect = DIALECT_PATHS[request.path]
        body = await _body(request)
        lines = [line for line in body.split(b"\n") if line.strip()] if _is_listed(request) else [body]
        wait = self._wait_for(request, len(lines))
        if wait:
            raise web.HTTPTooManyRequests(headers={"Retry-After": str(wait)}, text="too many events on one connection")
        kept, dropped = self._checked(dialect, lines, request.headers.get("Idempotency-Key"))
        await self._writing.add(kept, dropped)
        if not kept and dropped["stopped"]:
            raise web.HTTPGone(text="events of this version are no longer wanted")
        if not kept and dropped["not_json"] == len(lines):
            raise web.HTTPBadRequest(text="not an event in JSON; send one, or one on each line as application/x-ndjson")
        return web.json_response({"kept": len(kept), "dropped": dropped.total()})

    def _checked(
        self, dialect: str, lines: Sequence[bytes], header: str | None
    ) -> tuple[list[tuple[int | None, Arrival]], Counter[str]]:
        kept: list[tuple[int | None, Arrival]] = []
        dropped, now = Counter[str](), time.time()
        for line in lines:
            try:
                arrival = self._reader.read(dialect, line, now=now)
            except DroppedError as reason:
                dropped[str(reason)] += 1
                continue
            if any(fnmatchcase(arrival.version, pattern) for pattern in self._stopped):
                dropped["stopped"] += 1
                continue
            kept.append((None if header is None else _key(header, line), arrival))
        return kept, dropped

    def _wait_for(self, request: web.Request, events: int) -> int:
        """For how many seconds a connection has to pause; 0 where it may go on."""
        if request.transport is None:
            return 0
        now, most = time.monotonic(), 10 * self._rate
        bucket = self._buckets.setdefault(request.transport, [most, now])
        left = min(most, bucket[0] + (now - bucket[1]) * self._rate) - events
        if left < 0:
            return 1 + int(-left / self._rate)
        bucket[:] = left, now
        return 0

    async def _forget(self, request: web.Request) -> web.Response:
        """Delete what an installation sent; who knows its id has it from there, as it is random and shown to nobody."""
        wait = self._wait_for(request, min(100, int(self._rate)))
        if wait:
            raise web.HTTPTooManyRequests(headers={"Retry-After": str(wait)}, text="too much on one connection")
        if not is_installation(request.match_info["installation"]):
            raise web.HTTPBadRequest(text="expected the id of an installation, such as install_ and 16 hex digits")
        deleted = await self._writing.forget(request.match_info["installation"])
        return web.json_response({"deleted": deleted})

    async def _show(self, request: web.Request) -> web.StreamResponse:
        if not may_read(request.headers, self._token):
            raise web.HTTPUnauthorized(headers=CHALLENGE, text="the report is for its maintainers; give the token")
        if request.path == "/report.json":
            return await self._showing.json(request)
        return await self._showing.page(request, _SECURITY)


async def _healthy(_request: web.Request) -> web.Response:
    return web.json_response({"service": "agent-telemetry proxy", "status": "ok"})


@web.middleware
async def _answers(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """What goes wrong as an answer, and the headers that all answers have."""
    try:
        answer = await handler(request)
    except web.HTTPException as refusal:
        answer = refusal
    except asyncio.TimeoutError:
        answer = web.Response(status=408, text=f"the request took longer than {_BODY_SECONDS:g} seconds")
    except StoreError as error:
        answer = web.Response(status=503, text=str(error), headers={"Retry-After": "5"})
    answer.headers.update(_SECURITY)
    if isinstance(answer, web.HTTPException):
        raise answer
    return answer


async def _body(request: web.Request) -> bytes:
    """The whole body, unpacked where it is gzip; one that is all there needs no timer."""
    try:
        if request.content.is_eof():
            return await request.read()
        return await asyncio.wait_for(request.read(), _BODY_SECONDS)
    except (PayloadEncodingError, web.RequestPayloadError) as error:
        raise web.HTTPBadRequest(text="the body is not in the encoding that it says") from error


def _key(header: str, line: bytes) -> int:
    """Of the header and the event together, as a batch has one header; our clients put no two equal lines into one."""
    return int.from_bytes(hashlib.blake2b(header.encode() + b" " + line, digest_size=8).digest(), "big") >> 1


def _is_listed(request: web.Request) -> bool:
    return request.content_type == "application/x-ndjson"
