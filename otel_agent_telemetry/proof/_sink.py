"""A sink on loopback: it says yes to every HTTP request and keeps each byte that arrives."""

from __future__ import annotations

import contextlib
import socketserver
import threading
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

__all__ = ["EVENTS", "TRACES", "WAITING", "Message", "Sink"]

EVENTS, TRACES, WAITING = "events", "own traces", "events that wait"
"""Destinations: the maintainers, the operator's collector, and what would go to the maintainers with the next run."""

_YES = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n"
_LONGEST_LINE = 1_048_576
_IDLE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Message:
    """What arrived: ``head`` is request line and headers, ``body`` what followed, chunks put together.

    What is no HTTP is all ``body``.
    """

    destination: str
    head: bytes
    body: bytes

    @property
    def path(self) -> str:
        """The path of the request line; empty where there is none."""
        parts = self.head.split(b"\r\n", 1)[0].split(b" ")
        return parts[1].decode("latin-1") if len(parts) > 2 else ""  # noqa: PLR2004 - method, path, version

    @property
    def size(self) -> int:
        """Bytes on the wire, without what frames chunks."""
        return len(self.head) + len(self.body)

    @property
    def content(self) -> bytes:
        """The body without its Content-Encoding, as far as it is gzip or deflate."""
        if _header(self.head, b"content-encoding") not in {b"gzip", b"deflate"}:
            return self.body
        try:
            return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(self.body)
        except zlib.error:
            return self.body


class Sink:
    """Context manager around the server: ``port`` on 127.0.0.1, and the ``messages`` so far."""

    def __init__(self, destination: str) -> None:
        self._destination = destination
        self._messages: list[Message] = []
        self._lock = threading.Lock()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.server_address[1]

    @property
    def messages(self) -> list[Message]:
        """What arrived so far, oldest first."""
        with self._lock:
            return list(self._messages)

    def keep(self, head: bytes, body: bytes) -> None:
        """Called for each message, by the server's threads."""
        with self._lock:
            self._messages.append(Message(self._destination, head, body))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is nothing to tell."""


class _Handler(socketserver.StreamRequestHandler):
    timeout = _IDLE_SECONDS

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            while self._one():
                pass

    def _one(self) -> bool:
        sink = cast("_Server", self.server).sink
        head = self.rfile.readline(_LONGEST_LINE)
        if not head:
            return False
        if b" HTTP/" not in head:
            sink.keep(b"", head + self.rfile.read())
            return False
        while not head.endswith(b"\r\n\r\n"):
            line = self.rfile.readline(_LONGEST_LINE)
            if not line:
                break
            head += line
        sink.keep(head, self._body(head))
        self.wfile.write(_YES)
        return _header(head, b"connection") != b"close"

    def _body(self, head: bytes) -> bytes:
        if _header(head, b"transfer-encoding") != b"chunked":
            length = _header(head, b"content-length")
            return self.rfile.read(int(length)) if length.isdigit() else b""
        parts: list[bytes] = []
        while True:
            size = int(self.rfile.readline(_LONGEST_LINE).partition(b";")[0] or b"0", 16)
            parts.append(self.rfile.read(size))
            self.rfile.readline(_LONGEST_LINE)
            if not size:
                return b"".join(parts)


def _header(head: bytes, name: bytes) -> bytes:
    for line in head.split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.strip().lower() == name:
            return value.strip().lower()
    return b""
