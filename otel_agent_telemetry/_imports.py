"""Late imports in threads of ours, which a fork waits for; and what modules that come late need at a fork.

A child that is forked while another thread imports a module has that module half imported, and its lock held for ever:
whoever imports it in the child, the host included, hangs.
"""

from __future__ import annotations

import os
from _thread import RLock

TYPE_CHECKING = False  # the typing module costs milliseconds that an opted-out program should not pay
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["importing"]

_PATIENCE_SECONDS = 10.0  # an import gets on, however busy the machine is; a child that did not wait for it never would


class _Importing:
    """Context manager around what imports late; may be entered again by the same thread."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._is_held = False
        self._steps: list[tuple[Callable[[], object], Callable[[], object], Callable[[], object]]] = []

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def at_fork(
        self, *, before: Callable[[], object], in_parent: Callable[[], object], in_child: Callable[[], object]
    ) -> None:
        """As ``os.register_at_fork``, for a module that comes late: a fork that waits for its import knows of it too.

        Python calls only what was registered when the fork began.
        """
        self._steps.append((before, in_parent, in_child))

    def before_fork(self) -> None:
        """Wait, as long as a fork may take for our sake."""
        self._is_held = self._lock.acquire(timeout=_PATIENCE_SECONDS)
        for before, _, _ in self._steps:
            before()

    def after_fork_in_parent(self) -> None:
        """Let go on."""
        for _, in_parent, _ in self._steps:
            in_parent()
        if self._is_held:
            self._is_held = False
            self._lock.release()

    def after_fork_in_child(self) -> None:
        """Who held it is not here."""
        self._lock = RLock()
        self._is_held = False
        for _, _, in_child in self._steps:
            in_child()


importing = _Importing()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=importing.before_fork,
        after_in_parent=importing.after_fork_in_parent,
        after_in_child=importing.after_fork_in_child,
    )
