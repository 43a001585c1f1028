"""A client's bytes, with a time limit on the whole request and not only on each read."""

from __future__ import annotations

import io
import socket
import time

__all__ = ["RequestStream", "drain"]

_IDLE_SECONDS = 75.0
_DRAIN_SECONDS = 2.0
_DRAIN_BYTES = 64 * 2**20


class RequestStream(io.RawIOBase):
    """Reads from a socket; once a request has begun, all of it has to arrive within ``seconds``, else TimeoutError."""

    def __init__(self, connection: socket.socket, seconds: float) -> None:
        self._connection = connection
        self._seconds = seconds
        self._deadline: float | None = None

    def next_request(self) -> None:
        """The next byte begins a request; until then the connection may idle for 75 seconds."""
        self._deadline = None

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Fill the buffer with what has arrived; 0 at the end. Raises TimeoutError past the deadline."""
        remaining = _IDLE_SECONDS if self._deadline is None else self._deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError
        self._connection.settimeout(remaining)
        count = self._connection.recv_into(buffer)
        if self._deadline is None:
            self._deadline = time.monotonic() + self._seconds
        return count


def drain(connection: socket.socket) -> None:
    """Let a refused client finish sending, within limits, so that it gets the answer and not a reset."""
    deadline = time.monotonic() + _DRAIN_SECONDS
    left = _DRAIN_BYTES
    try:
        connection.shutdown(socket.SHUT_WR)
        while left > 0 and (remaining := deadline - time.monotonic()) > 0:
            connection.settimeout(remaining)
            chunk = connection.recv(65536)
            if not chunk:
                return
            left -= len(chunk)
    except OSError:
        return
