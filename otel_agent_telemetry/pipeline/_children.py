"""The last words of a child process that leaves by ``os._exit``, as those of multiprocessing and billiard do.

Such a child runs no exit handler. Its library has a hook for this, ``util.Finalize``, which is asked for where the
library is loaded, in the child, as it drops what the parent had registered. The processes of a billiard pool run not
even that: their worker calls ``on_exit``, and the pool may end them a moment later. Nothing is imported here but
billiard's hook before a fork: it imports that in the child, where it could be asked for no more.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

from otel_agent_telemetry._log import logger as _logger

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["at_child_exit", "not_at_child_exit"]


_LIBRARIES = ("multiprocessing", "billiard")
_LAST = -100  # after what the program itself, and the library's own queues, have to finish


def at_child_exit(leave: Callable[[], object]) -> None:
    """Call this when a child process ends its work: this one, where it is one, and those that it begins."""
    _leaves.append(leave)
    _ask_libraries()


def not_at_child_exit(leave: Callable[[], object]) -> None:
    """Do not call it any more."""
    if leave in _leaves:
        _leaves.remove(leave)


class _Library:
    """One library that is loaded; ``begin`` is called as a child of it begins."""

    def __init__(self, name: str, util: Any) -> None:
        self._util = util
        self._process = sys.modules.get(f"{name}.process")
        self._finalizer: Any = None
        util.register_after_fork(self, _Library.begin)
        if getattr(self._current(), "_parent_pid", None) is not None:
            self.begin()  # the child has begun already

    def begin(self) -> None:
        if self._finalizer is None or not self._finalizer.still_active():
            self._finalizer = self._util.Finalize(None, _leave, exitpriority=_LAST)
            worker: Any = getattr(self._current(), "_target", None)
            if hasattr(worker, "on_exit") and hasattr(worker, "workloop"):
                worker.on_exit = _after(worker.on_exit)

    def _current(self) -> Any:
        return self._process and self._process.current_process()


def _after(on_exit: Callable[..., object] | None) -> Callable[..., None]:
    """What a pool's worker calls at its end, the host's own first."""

    def both(*args: object) -> None:
        try:
            if on_exit is not None:
                on_exit(*args)
        finally:
            _leave()

    return both


_leaves: list[Callable[[], object]] = []
_asked: dict[str, _Library] = {}


def _ask_libraries() -> None:
    if not _leaves:
        return
    for name in _LIBRARIES:
        util = sys.modules.get(f"{name}.util")
        if name not in _asked and hasattr(util, "Finalize"):
            _asked[name] = _Library(name, util)


def _leave() -> None:
    for leave in [*_leaves]:
        try:
            leave()
        except Exception:
            _logger.debug("a child process could not finish its telemetry", exc_info=True)


def _load_hooks() -> None:
    for name in _LIBRARIES:
        if _leaves and f"{name}.process" in sys.modules and f"{name}.util" not in sys.modules:
            with suppress(Exception):
                import_module(f"{name}.util")


if hasattr(os, "register_at_fork"):
    # The library may have been loaded after at_child_exit().
    os.register_at_fork(before=_load_hooks, after_in_child=_ask_libraries)
