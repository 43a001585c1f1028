"""What happened and is not written yet: bounded, and with a mark wherever the environment said no."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from otel_agent_telemetry import _losses
from otel_agent_telemetry.meaning._records import Fact

if TYPE_CHECKING:
    from otel_agent_telemetry.pipeline._writer import Item

__all__ = ["PORTION", "Queue"]

LONGEST_QUEUE = 10_000
PORTION = 1_000
"""How much is taken at a time: who leaves the program need not wait for all of it."""

_OPTED_OUT = Fact("", {}, 0)
"""Stands for what happened while the environment said no."""


class Queue:
    """See the module. Any thread may put; one at a time takes."""

    def __init__(self) -> None:
        self._items: deque[Item] = deque()

    def put(self, item: Item) -> None:
        """Add an item; where there is no room the oldest goes, and is counted as lost."""
        items = self._items
        if len(items) >= LONGEST_QUEUE:
            with suppress(IndexError):  # the writing thread may just have emptied it
                items.popleft()
            _losses.count("queue_full")
        items.append(item)

    def opt_out(self) -> bool:
        """Something happened that may not be taken; False where the item before it was marked already."""
        items = self._items
        if items and items[-1] is _OPTED_OUT:
            return False
        self.put(_OPTED_OUT)
        return True

    def __len__(self) -> int:
        return len(self._items)

    def take(self) -> tuple[list[Item], int | None]:
        """A portion's items since the last mark, and how many stood before it; None where there is no mark."""
        taken = self._popped(PORTION)
        last = next((at for at in range(len(taken) - 1, -1, -1) if taken[at] is _OPTED_OUT), None)
        if last is None:
            return taken, None
        return taken[last + 1 :], sum(item is not _OPTED_OUT for item in taken[:last])

    def empty(self) -> list[Item]:
        """All items, and nothing is left."""
        return [item for item in self._popped(len(self)) if item is not _OPTED_OUT]

    def take_over(self, other: Queue) -> None:
        """Add what another queue holds, which is empty then."""
        self._items.extend(other._popped(len(other)))

    def _popped(self, most: int) -> list[Item]:
        popped: list[Item] = []
        with suppress(IndexError):  # another thread may make room meanwhile
            while len(popped) < most:
                popped.append(self._items.popleft())
        return popped
