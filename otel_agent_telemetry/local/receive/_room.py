"""How many bytes of requests may be held in memory at once, over all connections."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from otel_agent_telemetry.local.receive._refusal import RefusalError

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["Held", "Room"]


class Room:
    """So many bytes; a single request that is alone may be larger."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._used = 0
        self._changed = threading.Condition()

    @contextmanager
    def hold(self) -> Generator[Held]:
        """What one request takes up, until its end."""
        held = Held(self)
        try:
            yield held
        finally:
            self._give(held.size)

    def take(self, number: int, already: int, patience_seconds: float) -> None:
        """Take more bytes; waits that long for others to give theirs back, then raises RefusalError(503)."""

        def is_free() -> bool:
            return self._used + number <= self._size or self._used == already

        with self._changed:
            if not self._changed.wait_for(is_free, patience_seconds):
                raise RefusalError(503, "too many bytes at once; send again later", retry_after=1)
            self._used += number

    def _give(self, number: int) -> None:
        with self._changed:
            self._used -= number
            self._changed.notify_all()


class Held:
    """The bytes of one request; they are given back all at once."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self.size = 0

    def grow(self, number: int, *, patience_seconds: float = 0) -> None:
        """Take more; raises RefusalError(503) where there is no room."""
        self._room.take(number, self.size, patience_seconds)
        self.size += number
