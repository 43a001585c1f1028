"""A client's bytes, with a time limit on the whole request and not only on each read."""

from __future__ import annotations

import io
import socket
import threading
import time
from contextlib import suppress

__all__ = ["RequestStream", "Waiting", "drain"]

_IDLE_SECONDS = 75.0
_DRAIN_SECONDS = 2.0
_DRAIN_BYTES = 64 * 2**20


class Waiting:
    """The connections whose next request has not arrived in full, oldest first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._since: dict[socket.socket, float] = {}

    def begin(self, connection: socket.socket) -> None:
        """Nothing has arrived yet."""
        with self._lock:
            self._since.pop(connection, None)
            self._since[connection] = time.monotonic()

    def done(self, connection: socket.socket) -> None:
        """The request is there, or nothing will come any more."""
        with self._lock:
            self._since.pop(connection, None)

    def cut_oldest(self, least_seconds: float) -> bool:
        """End the one that has been waited for longest, if for that long; whether there was one."""
        with self._lock:
            oldest = next(iter(self._since), None)
            if oldest is None or time.monotonic() - self._since[oldest] < least_seconds:
                return False
            del self._since[oldest]
            with suppress(OSError):
                oldest.shutdown(socket.SHUT_RDWR)
        return True


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

    def readinto(self, buffer: bytearray | memoryview) -> int:  # pyright: ignore[reportIncompatibleMethodOverride] - upstream says any buffer
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
