"""One transaction for all that came while the one before was written."""

from __future__ import annotations

import asyncio
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from otel_agent_telemetry.maintainers._arrivals import Arrival
    from otel_agent_telemetry.maintainers._book import Book

__all__ = ["Writing"]

_Kept = tuple["int | None", "Arrival"]


class Writing:
    """Writes to a book on a thread of its own; each caller waits until what it gave is in the file."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._thread = ThreadPoolExecutor(1, "agent-telemetry-book")
        self._kept: list[_Kept] = []
        self._dropped: Counter[str] = Counter()
        self._turn: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many events wait for the next transaction."""
        return len(self._kept)

    async def add(self, kept: Sequence[_Kept], dropped: Mapping[str, int]) -> None:
        """Keep these and count those. Raises StoreError."""
        self._kept += kept
        self._dropped.update(dropped)
        if self._turn is None:
            self._turn = asyncio.get_running_loop().create_future()
        turn = self._turn
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._write())
        await asyncio.shield(turn)

    async def forget(self, installation: str) -> int:
        """Delete an installation once all that came before is written; gives how many events. Raises StoreError."""
        if self._turn is not None:
            await asyncio.shield(self._turn)
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._book.forget, installation)

    async def end(self) -> None:
        """Wait for what is under way, and write no more."""
        if self._task is not None:
            await asyncio.wait([self._task])
        self._thread.shutdown()

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        while (turn := self._turn) is not None:
            kept, dropped = self._kept, self._dropped
            self._kept, self._dropped, self._turn = [], Counter(), None
            try:
                await loop.run_in_executor(self._thread, self._book.add, kept, dropped)
            except Exception as error:  # noqa: BLE001 - whoever waits is told, and the next batch is tried
                turn.set_exception(error)
            else:
                turn.set_result(None)
