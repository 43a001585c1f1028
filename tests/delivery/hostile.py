"""A loopback server on bare sockets: it keeps every byte it receives and answers as badly as it is told."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import ssl
    from types import TracebackType

    from typing_extensions import Self

Behaviour: TypeAlias = Callable[[socket.socket, threading.Event], None]
"""What a server does with a connection once it has read the request, until the event says that the test is over."""


def says(text: str, body: bytes = b"") -> Behaviour:
    """Sends a status line and header lines, then the body."""

    def behave(connection: socket.socket, _closing: threading.Event) -> None:
        connection.sendall(text.replace("\n", "\r\n").encode("latin-1") + b"\r\n\r\n" + body)

    return behave


def hangs(_connection: socket.socket, closing: threading.Event) -> None:
    """Never answers."""
    closing.wait()


def drips(connection: socket.socket, closing: threading.Event) -> None:
    """Sends one more byte of an endless header line every few milliseconds."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    while not closing.wait(0.02):
        connection.sendall(b"x")


def drips_body(connection: socket.socket, closing: threading.Event) -> None:
    """Sends its status at once, and one more byte of the body every few milliseconds."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while not closing.wait(0.02):
        connection.sendall(b"x")


def floods(connection: socket.socket, closing: threading.Event) -> None:
    """Sends its status, and then body for as long as anybody takes it."""
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while not closing.is_set():
        connection.sendall(b"x" * 65_536)


def hints_for_ever(connection: socket.socket, closing: threading.Event) -> None:
    """Has something to say before the answer, again and again."""
    while not closing.wait(0.01):
        connection.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n")


def resets(connection: socket.socket, _closing: threading.Event) -> None:
    """Breaks the connection off."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def never_shakes_hands(_connection: socket.socket, closing: threading.Event) -> None:
    """As :func:`hangs`, but before a byte of the request has been read: a TLS hello stays without answer."""
    closing.wait()


class HostileServer:
    """Context manager: ``url`` to send to, ``received`` the bytes of each request, one behaviour for each connection.

    The last behaviour goes on for all later connections.
    """

    def __init__(self, *behaviours: Behaviour, tls: ssl.SSLContext | None = None) -> None:
        self.received: list[bytes] = []
        self._behaviours = list(behaviours)
        self._tls = tls
        self._closing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    @property
    def url(self) -> str:
        """The address to POST to."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/v1/events"

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._closing.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            behaviour = self._behaviours.pop(0) if len(self._behaviours) > 1 else self._behaviours[0]
            thread = threading.Thread(target=self._serve, args=(connection, behaviour), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket, behaviour: Behaviour) -> None:
        with contextlib.suppress(OSError), connection:
            if behaviour is never_shakes_hands:
                behaviour(connection, self._closing)
                return
            spoken = self._tls.wrap_socket(connection, server_side=True) if self._tls else connection
            with spoken:
                self.received.append(_read_request(spoken))
                behaviour(spoken, self._closing)


def _read_request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65_536) or b"\r\n\r\n"
    head, _, body = data.partition(b"\r\n\r\n")
    sizes = [
        int(line.partition(b":")[2]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")
    ]
    while len(body) < sum(sizes):
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body
