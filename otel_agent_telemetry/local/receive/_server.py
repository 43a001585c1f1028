"""The local server: one port for what arrives and for the page that shows it."""

from __future__ import annotations

import io
import json
import logging
import re
import socketserver
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from otel_agent_telemetry._local_serve import proof
from otel_agent_telemetry.local.read.left._left import NoOutbox
from otel_agent_telemetry.local.receive._api import Api
from otel_agent_telemetry.local.receive._assets import PAGE_HEADERS, asset
from otel_agent_telemetry.local.receive._body import read_body
from otel_agent_telemetry.local.receive._connection import RequestStream, Waiting, drain
from otel_agent_telemetry.local.receive._feedback import FEEDBACK_PATH, store_feedback
from otel_agent_telemetry.local.receive._guard import Guard
from otel_agent_telemetry.local.receive._receiver import JSON, Answer, Receiver, refusal_answer
from otel_agent_telemetry.local.receive._refusal import RefusalError
from otel_agent_telemetry.local.receive._room import Room

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence
    from typing import BinaryIO

    from otel_agent_telemetry.local.read.left._left import Outbox
    from otel_agent_telemetry.local.read.use._budget import Budget
    from otel_agent_telemetry.local.store._store import Store

__all__ = ["Server"]

_logger = logging.getLogger(__name__)

_MOST_CONNECTIONS = 128
_MAKE_WAY_SECONDS = 0.5
_ROOM = 96 * 2**20
_JSON_GROWTH = 3  # objects take up several times the bytes that they were written in
_PATIENCE_SECONDS = 5.0
_EVENT_SECONDS = 15.0
_BUSY = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_HEALTH = {"service": "agent-telemetry", "status": "ok"}
_NONCE = re.compile("nonce=([0-9a-f]{32})")


class Server(ThreadingHTTPServer):
    """Serves a store on ``host`` and ``port`` (0 lets the system choose; :attr:`url` then names it).

    A request that takes longer than ``request_seconds`` to arrive is cut off, and where all connections are taken one
    that takes longer than ``slow_seconds``. The page warns where one of ``budgets`` is spent.
    Raises OSError where the address is taken. ``serve_forever`` runs it, ``shutdown`` from another thread ends it.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    allow_reuse_address = True  # where it was stopped a moment ago
    allow_reuse_port = False  # one that runs keeps it

    def __init__(
        self,
        store: Store,
        *,
        host: str = "127.0.0.1",
        port: int = 4318,
        token: str | None = None,
        outbox: Outbox | None = None,
        budgets: Sequence[Budget] = (),
        request_seconds: float = 30.0,
        slow_seconds: float = 2.0,
    ) -> None:
        self.slow_seconds = slow_seconds
        self.request_seconds = request_seconds
        self.store = store
        self.api = Api(store, outbox or NoOutbox(), budgets)
        self.is_ending = threading.Event()
        self.guard = Guard(token)
        self.receiver = Receiver(store)
        self.room = Room(_ROOM)
        self.waiting = Waiting()
        self._connections = threading.BoundedSemaphore(_MOST_CONNECTIONS)
        super().__init__((host, port), _Handler)

    def shutdown(self) -> None:
        """End :meth:`serve_forever` and the pages' event streams."""
        self.end_streams()
        super().shutdown()

    def end_streams(self) -> None:
        """End the pages' event streams."""
        self.is_ending.set()
        self.store.wake()

    @property
    def url(self) -> str:
        """Where it is to be found."""
        host, port = cast("tuple[str, int]", self.server_address[:2])
        return f"http://{host}:{port}"

    def server_bind(self) -> None:
        """Bind without asking a name server who we are, which can take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = cast("tuple[str, int]", self.server_address[:2])

    def process_request(self, request: socket.socket, client_address: object) -> None:  # pyright: ignore[reportIncompatibleMethodOverride] - it listens on TCP alone
        """Give the connection a thread, or turn it away where there are too many and all are at work."""
        if self._connections.acquire(blocking=False) or self._makes_way():
            super().process_request(request, client_address)
            return
        request.settimeout(1)
        try:
            request.sendall(_BUSY)
        except OSError:
            _logger.debug("a client left before it was turned away")
        self.shutdown_request(request)

    def _makes_way(self) -> bool:
        """Whether one that sends too slowly, or idles, could be ended so that another one gets its place."""
        return self.waiting.cut_oldest(self.slow_seconds) and self._connections.acquire(timeout=_MAKE_WAY_SECONDS)

    def process_request_thread(self, request: socket.socket, client_address: object) -> None:  # pyright: ignore[reportIncompatibleMethodOverride] - it listens on TCP alone
        """Serve one connection to its end."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._connections.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is no error, and printing a stack for it would alarm."""
        _logger.debug("connection from %s ended", client_address, exc_info=True)  # noqa: LOG014 - called in a handler


class _Handler(BaseHTTPRequestHandler):
    server: Server  # pyright: ignore[reportIncompatibleVariableOverride] - only that one makes it
    protocol_version = "HTTP/1.1"
    server_version = "agent-telemetry"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = 65536
    timeout = 30

    def setup(self) -> None:
        super().setup()
        self._stream = RequestStream(self.connection, self.server.request_seconds)
        self.rfile = io.BufferedReader(self._stream, 65536)
        self._stranger = self._checked_peer()

    def finish(self) -> None:
        self.server.waiting.done(self.connection)
        super().finish()

    def handle_one_request(self) -> None:
        self._stream.next_request()
        self.server.waiting.begin(self.connection)
        super().handle_one_request()

    def _checked_peer(self) -> RefusalError | None:
        """Why the other end is refused; asked at once, while it is still there."""
        try:
            self.server.guard.check_peer(self.client_address[:2], self.connection.getsockname()[:2])
        except RefusalError as refusal:
            return refusal
        return None

    def _health(self, query: str) -> bytes:
        """That it is up and, to whoever asks with a nonce, the proof that it knows the token."""
        asked, token = _NONCE.fullmatch(query), self.server.guard.token
        if asked is None or token is None:
            return json.dumps(_HEALTH).encode()
        return json.dumps({**_HEALTH, "proof": proof(token, asked[1], self.server.server_address[1])}).encode()

    def _check(self) -> None:
        if self._stranger is not None:
            raise self._stranger
        self.server.guard.check_address(self.headers)

    def do_POST(self) -> None:
        """Receive."""
        content_type = self.headers.get("Content-Type", "")
        with self.server.room.hold() as held:
            try:
                self._check()
                self.server.guard.check_token(self.headers)
                body = read_body(cast("BinaryIO", self.rfile), self.headers, held)
                self.server.waiting.done(self.connection)
                if "json" in content_type.lower():
                    held.grow(_JSON_GROWTH * len(body), patience_seconds=_PATIENCE_SECONDS)
            except RefusalError as refusal:
                self._refuse_unread(refusal, content_type)
                return
            except TimeoutError:
                seconds = f"{self.server.request_seconds:g} seconds"
                self._refuse_unread(RefusalError(408, f"the request took longer than {seconds}"), content_type)
                return
            answer = self._received(content_type, body)
        self._send(answer)

    def _received(self, content_type: str, body: bytes) -> Answer:
        try:
            key = self.headers.get("Idempotency-Key", "")
            if urlsplit(self.path).path == FEEDBACK_PATH:
                return Answer(200, JSON, store_feedback(self.server.store, content_type, body))
            return self.server.receiver.receive(urlsplit(self.path).path, content_type, body, key=key)
        except RefusalError as refusal:
            return refusal_answer(refusal, content_type)
        except Exception:
            _logger.exception("a batch could not be stored")
            return refusal_answer(RefusalError(500, "the batch could not be stored"), content_type)

    def do_GET(self) -> None:
        """Show."""
        self.server.waiting.done(self.connection)
        try:
            self._check()
            path, _, query = self.path.partition("?")
            if path == "/healthz":
                self._send(Answer(200, JSON, self._health(query)))
            elif path == "/api/live":
                self.server.guard.check_token(self.headers)
                self._stream_changes()
            elif path.startswith("/api/"):
                self.server.guard.check_token(self.headers)
                self._send(Answer(200, JSON, self.server.api.answer(path.removeprefix("/api"), query)))
            else:
                self._send_asset(path)
        except RefusalError as refusal:
            self._send(refusal_answer(refusal, JSON))
        except OSError:  # the client has gone
            self.close_connection = True
        except Exception:
            _logger.exception("a question of the page could not be answered")
            self._send(refusal_answer(RefusalError(500, "this could not be answered"), JSON))

    def _send_asset(self, path: str) -> None:
        found = asset(path)
        if found is None:
            raise RefusalError(404, f"there is no {path[:80]!r}; the page is at /")
        self._send(Answer(200, *found))

    def _stream_changes(self) -> None:
        """Server-sent events (HTML standard, 9.2): ``change`` when something was stored, a comment to stay alive."""
        self.close_connection = True
        self.connection.settimeout(_EVENT_SECONDS)
        self.send_response(200)
        self._send_headers("text/event-stream")
        self.end_headers()
        self.wfile.write(b"retry: 1000\n\n")
        self.wfile.flush()
        for changed in self.server.store.changes(_EVENT_SECONDS, self.server.is_ending):
            self.wfile.write(b"event: change\ndata: {}\n\n" if changed else b": still here\n\n")
            self.wfile.flush()

    def handle_expect_100(self) -> bool:
        sent = super().handle_expect_100()
        self.wfile.flush()  # the client waits for it
        return sent

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        _logger.debug(format, *args)

    def _refuse_unread(self, refusal: RefusalError, content_type: str) -> None:
        self.close_connection = True
        self._send(refusal_answer(refusal, content_type))
        drain(self.connection)

    def _send(self, answer: Answer) -> None:
        self.connection.settimeout(self.timeout)
        self.send_response(answer.status)
        self._send_headers(answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        if answer.retry_after is not None:
            self.send_header("Retry-After", str(answer.retry_after))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(answer.body)
        self.wfile.flush()

    def _send_headers(self, content_type: str) -> None:
        self.send_header("Content-Type", content_type)
        for name, value in PAGE_HEADERS.items():
            self.send_header(name, value)
