"""What was lost, counted by reason, until the ledger takes the counts."""

from __future__ import annotations

import os
from _thread import RLock  # the threading module costs milliseconds that an opted-out program should not pay

__all__ = ["count", "take", "waiting"]

_lock = RLock()  # a handler of a signal may come in anywhere, here too
_told: list[tuple[str, int]] = []
_counts: dict[str, int] = {}
_is_adding = False


def count(reason: str, number: int = 1) -> None:
    """Add to the losses of that reason."""
    _told.append((reason, number))
    with _lock:
        _add_up()


def take() -> dict[str, int]:
    """The counts since the last call."""
    with _lock:
        return {reason: _counts.pop(reason) for reason in [*_counts]} if _add_up() else {}


def waiting() -> dict[str, int]:
    """The counts that nobody took yet."""
    with _lock:
        _add_up()
        return dict(_counts)


def _add_up() -> bool:
    """Whether all that was told is counted; False in the middle of this very function, which then goes on with it."""
    global _is_adding  # noqa: PLW0603 - the process's one account
    if _is_adding:
        return False
    try:
        _is_adding = True
        while _told:
            reason, number = _told.pop()
            _counts[reason] = _counts.get(reason, 0) + number
    finally:
        _is_adding = False
    return True


def _begin_again_in_child() -> None:
    global _lock, _is_adding
    _lock, _is_adding = RLock(), False
    _told.clear()
    _counts.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_again_in_child)
