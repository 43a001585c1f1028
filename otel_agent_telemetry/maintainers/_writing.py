"""One transaction for all that has arrived by the time of the next turn of the loop.

On the loop's own thread: a write takes microseconds an event, while two threads that both hold the interpreter's lock
in turns, row by row, take twice as long for the same.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from otel_agent_telemetry.maintainers._arrivals import Arrival
    from otel_agent_telemetry.maintainers._book import Book

__all__ = ["Writing"]

_Kept = tuple["int | None", "Arrival"]


class Writing:
    """Writes to a book; each caller waits until what it gave is in the file."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._kept: list[_Kept] = []
        self._dropped: Counter[str] = Counter()
        self._turn: asyncio.Future[None] | None = None

    async def add(self, kept: Sequence[_Kept], dropped: Mapping[str, int]) -> None:
        """Keep these and count those. Raises StoreError."""
        self._kept += kept
        self._dropped.update(dropped)
        if self._turn is None:
            loop = asyncio.get_running_loop()
            self._turn = loop.create_future()
            loop.call_soon(self._write)
        await asyncio.shield(self._turn)

    async def forget(self, installation: str) -> int:
        """Delete an installation, once all that came before is written; gives how many events. Raises StoreError."""
        self._write()
        return self._book.forget(installation)

    def _write(self) -> None:
        turn, kept, dropped = self._turn, self._kept, self._dropped
        if turn is None:  # written by who could not wait
            return
        self._kept, self._dropped, self._turn = [], Counter(), None
        try:
            self._book.add(kept, dropped)
        except Exception as error:  # noqa: BLE001 - whoever waits is told, and the next ones are tried
            turn.set_exception(error)
        else:
            turn.set_result(None)
