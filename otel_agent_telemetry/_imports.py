"""Late imports in threads of ours, which a fork waits for.

A child that is forked while another thread imports a module has that module half imported, and its lock held for ever:
whoever imports it in the child, the host included, hangs.
"""

from __future__ import annotations

import os
from _thread import RLock

__all__ = ["importing"]

_PATIENCE_SECONDS = 1.0


class _Importing:
    """Context manager around what imports late; may be entered again by the same thread."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._is_held = False

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def before_fork(self) -> None:
        """Wait, as long as a fork may take for our sake."""
        self._is_held = self._lock.acquire(timeout=_PATIENCE_SECONDS)

    def after_fork_in_parent(self) -> None:
        """Let go on."""
        if self._is_held:
            self._is_held = False
            self._lock.release()

    def after_fork_in_child(self) -> None:
        """Who held it is not here."""
        self.__init__()


importing = _Importing()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=importing.before_fork,
        after_in_parent=importing.after_fork_in_parent,
        after_in_child=importing.after_fork_in_child,
    )
