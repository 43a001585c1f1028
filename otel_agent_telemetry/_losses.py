"""What was lost, counted by reason, until the ledger takes the counts."""

from __future__ import annotations

from _thread import allocate_lock  # the threading module costs milliseconds that an opted-out program should not pay

__all__ = ["count", "take", "waiting"]

_lock = allocate_lock()
_counts: dict[str, int] = {}


def count(reason: str, number: int = 1) -> None:
    """Add to the losses of that reason."""
    with _lock:
        _counts[reason] = _counts.get(reason, 0) + number


def take() -> dict[str, int]:
    """The counts since the last call."""
    with _lock:
        taken = dict(_counts)
        _counts.clear()
    return taken


def waiting() -> dict[str, int]:
    """The counts that nobody took yet."""
    with _lock:
        return dict(_counts)
