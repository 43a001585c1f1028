"""What a module remembers of the last tasks or sessions it saw."""

from __future__ import annotations

from collections import OrderedDict
from typing import TypeVar

__all__ = ["Memory"]

_MOST = 10_000

K = TypeVar("K")
V = TypeVar("V")


class Memory(OrderedDict[K, V]):
    """A dictionary of at most 10,000 keys; the one that came first is forgotten for a new one."""

    def __setitem__(self, key: K, value: V) -> None:
        super().__setitem__(key, value)
        if len(self) > _MOST:
            self.popitem(last=False)
