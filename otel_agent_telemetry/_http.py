"""One HTTP request that says what it is given and nothing else, within a time that nobody can stretch.

What a plain ``requests.post`` would add or do is shut out by construction: the request goes straight to the adapter,
so no redirect is followed (nor its body read), no cookie kept, no ``.netrc`` consulted and no default header sent; a
host's instrumentation sees neither a span nor a place for ``traceparent`` and ``baggage``. Proxies and CA bundles from
the environment are kept for https; plain HTTP, which goes to loopback alone, takes no proxy. Imports ``requests``:
import this module only when there is something to send.
"""

from __future__ import annotations

import http.client
import queue
import socket
import threading
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import requests
from opentelemetry import context as otel_context
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util import SKIP_HEADER

from otel_agent_telemetry._background import background

if TYPE_CHECKING:
    from collections.abc import Mapping

    from urllib3 import ProxyManager

__all__ = ["Answer", "NoAnswerError", "exchange"]

_POLITE_BYTES = 1024
_LEAVING_SECONDS = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a server said: its status, its Retry-After header as written, and the first bytes of its body."""

    status: int
    retry_after: str | None = None
    body: bytes = b""


class NoAnswerError(OSError):
    """The network, the other side or the clock ended a request before a status line was there."""


def exchange(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    body: bytes | None = None,
    seconds: float = 5.0,
    limit: int = _POLITE_BYTES,
) -> Answer:
    """Make one request and give the answer, as :meth:`Client.exchange` does, over a connection of its own."""
    client = Client(limit=limit)
    try:
        return client.exchange(method, url, headers=headers, body=body, seconds=seconds)
    finally:
        client.close()


class Client:
    """Requests one after the other, over one connection as long as that lasts; of a body ``limit`` bytes are read.

    Not for two threads at once, and to be closed.
    """

    def __init__(self, *, limit: int = _POLITE_BYTES) -> None:
        self._limit = limit
        self._worker: _Worker | None = None
        self._rests = True

    def exchange(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None = None, seconds: float = 5.0
    ) -> Answer:
        """Make one request and give the answer.

        Takes at most ``seconds``, name look-up and connecting included; where the status came in time and the body did
        not, the answer counts and its body is cut. Raises NoAnswerError.
        """
        call = _Call(method, url, _only(headers), body, seconds)
        if self._worker is None:
            self._worker = _Worker(self._limit)
        self._rests = False
        self._worker.asked.put(call)
        self._rests = is_done = call.done.acquire(timeout=seconds)
        answer = call.answer  # before the cut, which would make a half of an answer look like a whole one
        if not is_done or answer is None:
            self.close()
        if answer is None:
            raise NoAnswerError(str(call.error or f"no answer within {seconds:g} s")) from call.error
        return answer

    def close(self) -> None:
        """Let go of the connection, and of whatever is under way on it."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.asked.put(None)
            worker.line.cut()
            if self._rests:  # it has nothing in hand: its thread is over with the client
                worker.thread.join(_LEAVING_SECONDS)


class _Line:
    """The sockets of one client, so that another thread can cut them off."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._is_cut = False

    def watch(self, connected: socket.socket) -> None:
        """Keep a second handle: TLS takes the first one away, and its number may be used again once it is closed."""
        with self._lock:
            if self._is_cut:
                connected.close()
                raise NoAnswerError("connected after the time was up")
            while self._sockets:  # those of connections before it, which are over
                self._sockets.pop().close()
            self._sockets.append(connected.dup())

    def cut(self) -> None:
        """End what is under way, and whatever still tries to connect."""
        with self._lock:
            self._is_cut = True
            for handle in self._sockets:
                with suppress(OSError):
                    handle.shutdown(socket.SHUT_RDWR)
                handle.close()
            self._sockets.clear()


class _Call:
    """One request, and what became of it; ``done`` can be acquired then."""

    def __init__(self, method: str, url: str, headers: dict[str, Any], body: bytes | None, seconds: float) -> None:
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.seconds = seconds
        self.done = threading.Lock()
        self.done.acquire()
        self.answer: Answer | None = None
        self.error: Exception | None = None


class _Worker:
    """The thread that makes a client's requests, so that another one can stop waiting for it."""

    def __init__(self, limit: int) -> None:
        self.line = _Line()
        self.asked: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()  # of the kind that the thread is of
        self._limit = limit
        self._from_environment: dict[str, Any] | None = None
        self._last: tuple[tuple[str, str], requests.PreparedRequest] | None = None
        # Neither the host's trace, nor its baggage, nor its error reporter's scope comes along.
        thread = background("agent-telemetry-request", self._run)
        if thread is None:
            raise NoAnswerError("the interpreter starts no more threads")
        self.thread = thread

    def _run(self) -> None:
        _line.set(self.line)
        otel_context.attach(_uninstrumented())
        adapter = _WatchedAdapter(max_retries=0)
        try:
            while (call := self.asked.get()) is not None:
                try:
                    self._send(call, adapter)
                except Exception as error:  # noqa: BLE001 - a driver of sockets, TLS, proxies and bad bytes may raise anything
                    call.error = error
                finally:
                    call.done.release()
        finally:
            adapter.close()

    def _send(self, call: _Call, adapter: _WatchedAdapter) -> None:
        request = self._prepared(call)
        if self._from_environment is None:
            self._from_environment = _from_environment(request.url or "")
        response = adapter.send(request, timeout=call.seconds, **self._from_environment)
        call.answer = Answer(status=response.status_code, retry_after=response.headers.get("Retry-After"))
        call.answer = replace(call.answer, body=response.raw.read(self._limit, decode_content=False))
        response.close()  # and with it the connection, where the body was longer

    def _prepared(self, call: _Call) -> requests.PreparedRequest:
        """The request; what is made of its address, half of the work, is that of the last one to the same place."""
        if self._last is None or self._last[0] != (call.method, call.url):
            first = requests.PreparedRequest()
            first.prepare(call.method, call.url, auth=_no_auth)
            self._last = (call.method, call.url), first
        request = self._last[1].copy()
        request.prepare_headers(call.headers)
        request.prepare_body(call.body, None)
        return request


def _from_environment(url: str) -> dict[str, Any]:
    """Proxies and CA bundles; none where plain text is for this machine alone, and a proxy is another one."""
    with requests.Session() as session:
        found = session.merge_environment_settings(url, {}, True, None, None)  # noqa: FBT003 - not ours
    if not url.lower().startswith("https:"):
        found["proxies"] = {}
    return found


_line: ContextVar[_Line] = ContextVar("agent_telemetry_line")


def _only(headers: Mapping[str, str]) -> dict[str, str]:
    """These headers, and that urllib3 adds none of its own."""
    given = {name.lower() for name in headers}
    return {**headers, **{name: SKIP_HEADER for name in ("Accept-Encoding", "User-Agent") if name.lower() not in given}}


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Authentication that adds nothing; without one, ``requests`` takes a password from ``.netrc``."""
    return request


def _uninstrumented() -> otel_context.Context:
    names = ("_SUPPRESS_INSTRUMENTATION_KEY", "_SUPPRESS_HTTP_INSTRUMENTATION_KEY")
    keys: list[str] = [getattr(otel_context, name, name) for name in names]
    context = otel_context.Context()
    for key in (*keys, "suppress_instrumentation"):  # the last is what older instrumentations look for
        context = otel_context.set_value(key, True, context)  # noqa: FBT003 - not ours
    return context


_SWITCHING = 101


class _QuietResponse(http.client.HTTPResponse):
    """Header lines that make no sense are left out in silence; urllib3 would log a warning in the host's log.

    What a server says before its answer (RFC 9110, 15.2), such as early hints, is passed over; Python knows 100 alone.
    """

    def _read_status(self) -> tuple[str, int, str]:
        while True:
            version, status, reason = super()._read_status()  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType, reportAttributeAccessIssue] - there is no public place for it
            if not http.HTTPStatus.CONTINUE < status < http.HTTPStatus.OK or status == _SWITCHING:
                return version, status, reason  # pyright: ignore[reportUnknownVariableType] - as above
            http.client.parse_headers(self.fp)

    def begin(self) -> None:
        super().begin()
        self.msg.defects = []
        self.msg.set_payload("")


class _WatchedConnection(HTTPConnection):
    response_class = _QuietResponse

    def _new_conn(self) -> socket.socket:
        connected = super()._new_conn()
        _line.get().watch(connected)
        return connected


class _WatchedTLSConnection(HTTPSConnection):
    response_class = _QuietResponse

    def _new_conn(self) -> socket.socket:
        connected = super()._new_conn()
        _line.get().watch(connected)
        return connected


class _Pool(HTTPConnectionPool):
    ConnectionCls = _WatchedConnection  # pyright: ignore[reportAssignmentType] - as urllib3 assigns its own, ignored too


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedTLSConnection  # pyright: ignore[reportAssignmentType] - the same


_POOLS: dict[str, type[HTTPConnectionPool]] = {"http": _Pool, "https": _TLSPool}


class _WatchedAdapter(HTTPAdapter):
    """The ordinary adapter over sockets that can be cut."""

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **kwargs: Any) -> None:  # noqa: FBT001, FBT002 - not ours
        super().init_poolmanager(connections, maxsize, block, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> ProxyManager:
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not proxy.lower().startswith("socks"):  # those bring connections of their own
            manager.pool_classes_by_scheme = _POOLS
        return manager
