"""One transaction for all that has arrived by the time of the next turn of the loop.

On the loop's own thread: a write takes microseconds an event, while two threads that both hold the interpreter's lock
in turns, row by row, take twice as long for the same.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_agent_telemetry.maintainers.book._arrivals import Arrival
    from otel_agent_telemetry.maintainers.book._book import Book

__all__ = ["Writing"]

_COUNT_SECONDS = 1.0
_Kept = tuple["int | None", "Arrival"]


class Writing:
    """Writes to a book; each caller waits until what it gave is in the file."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._kept: list[_Kept] = []
        self._dropped: Counter[str] = Counter()
        self._waiting: list[asyncio.Future[None]] = []
        self._later: asyncio.TimerHandle | None = None

    def add(self, kept: Sequence[_Kept], dropped: Sequence[str]) -> asyncio.Future[None]:
        """Keep these, and count what was dropped by its reasons; done once it is written, or failed with StoreError."""
        self._kept += kept
        if dropped:
            self._dropped.update(dropped)
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._write)
        written = loop.create_future()
        self._waiting.append(written)
        return written

    def count(self, reason: str, number: int = 1) -> None:
        """Count what was turned away, within a second: a flood of it does not cost a transaction each."""
        self._dropped[reason] += number
        if self._later is None:
            self._later = asyncio.get_running_loop().call_later(_COUNT_SECONDS, self._write)

    def forget(self, installation: str) -> int:
        """Delete an installation, once all that came before is written; gives how many events. Raises StoreError."""
        self._write()
        return self._book.forget(installation)

    def close(self) -> None:
        """Write what is left."""
        self._write()

    def _write(self) -> None:
        waiting, kept, dropped = self._waiting, self._kept, self._dropped
        if self._later is not None:
            self._later.cancel()
            self._later = None
        if not waiting and not dropped:  # written by who could not wait
            return
        self._waiting, self._kept, self._dropped = [], [], Counter()
        error: Exception | None = None
        try:
            self._book.add(kept, dropped)
        except Exception as failed:  # noqa: BLE001 - whoever waits is told, and the next ones are tried
            error = failed
        for written in waiting:
            if written.done():  # whoever waited has gone
                continue
            if error is None:
                written.set_result(None)
            else:
                written.set_exception(error)
