"""A real HTTP server on loopback that keeps what it received and answers as it is told."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self


@dataclass(frozen=True, slots=True)
class Request:
    """One request as received; ``headers`` are pairs in the order and case of the wire, ``client`` its port."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    client: int = field(default=0, compare=False)

    def header(self, name: str) -> str | None:
        """The first header of that name, in any case; None where there is none."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Answer:
    """One scripted answer; given only once ``after`` is set, where it is not None; ``resets`` breaks the connection."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    after: threading.Event | None = None
    resets: bool = False


class Recorder:
    """Context manager around the server: ``url`` to send to, ``requests`` received so far, ``answers`` still to give.

    ``answers`` are used up in order of arrival; after them every request gets ``default``.
    """

    def __init__(self, *answers: Answer, default: Answer | None = None) -> None:
        self.answers = deque(answers)
        self.default = default or Answer()
        self._requests: list[Request] = []
        self._arrived = threading.Condition()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def port(self) -> int:
        """The port on 127.0.0.1."""
        return self._server.server_port

    @property
    def url(self) -> str:
        """The server's address, without a slash at its end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def requests(self) -> list[Request]:
        """What has arrived so far, oldest first."""
        with self._arrived:
            return list(self._requests)

    def wait(self, count: int, *, timeout: float = 10.0) -> list[Request]:
        """The requests once at least ``count`` have arrived; an AssertionError that shows them after ``timeout`` s."""
        with self._arrived:
            enough = self._arrived.wait_for(lambda: len(self._requests) >= count, timeout)
            assert enough, f"{len(self._requests)} of {count} requests in {timeout} s: {self._requests}"
            return list(self._requests)

    def quiet(self, seconds: float) -> list[Request]:
        """The requests once none has arrived for ``seconds``: for showing that nothing more comes."""
        with self._arrived:
            while self._arrived.wait(seconds):
                pass
            return list(self._requests)

    def keep(self, request: Request) -> Answer:
        """Records ``request`` and says how to answer it; called by the server's threads."""
        with self._arrived:
            self._requests.append(request)
            self._arrived.notify_all()
            return self.answers.popleft() if self.answers else self.default

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a client may keep its connection open for longer than the test runs

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.closing = threading.Event()
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Stays silent: a client that hangs up early is part of many tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        server = cast("_Server", self.server)
        headers, client = tuple(self.headers.items()), self.client_address[1]
        answer = server.recorder.keep(Request(self.command, self.path, headers, _body(self), client))
        if answer.after is not None and not _wait(answer.after, server.closing):
            return
        if answer.resets:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.close()
            return
        self.send_response_only(answer.status)
        for name, value in (*answer.headers, ("Content-Length", str(len(answer.body)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    do_DELETE = do_GET = do_HEAD = do_PATCH = do_POST = do_PUT = answer  # noqa: N815 - http.server names them

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server names it
        """Stays silent."""


def _wait(event: threading.Event, closing: threading.Event) -> bool:
    """Whether ``event`` came before the server closed."""
    while not closing.is_set():
        if event.wait(0.02):
            return True
    return False


def _body(handler: BaseHTTPRequestHandler) -> bytes:
    if handler.headers.get("Transfer-Encoding", "").lower() == "chunked":
        return b"".join(iter(lambda: _chunk(handler), b""))
    return handler.rfile.read(int(handler.headers.get("Content-Length", "0")))


def _chunk(handler: BaseHTTPRequestHandler) -> bytes:
    size = int(handler.rfile.readline().partition(b";")[0], 16)
    data = handler.rfile.read(size)
    handler.rfile.readline()
    return data
