"""A thread for what may take longer than whoever asks for it wants to wait: the exporters of the operator."""

from __future__ import annotations

import os
import threading
import weakref
from collections import deque
from typing import TYPE_CHECKING

from otel_agent_telemetry._background import Bell, background
from otel_agent_telemetry._log import logger as _logger

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Aside", "Asked"]


class Asked:
    """What was asked for, and whether it went well; False as long as it is not done."""

    def __init__(self, run: Callable[[], object]) -> None:
        self._run = run
        self._done = threading.Event()
        self.has_begun = False
        self.went_well = False

    def do(self) -> None:
        """Do it; never raises."""
        self.has_begun = True
        try:
            self.went_well = self._run() is not False
        except Exception:
            _logger.debug("an exporter of the operator's raised an error", exc_info=True)
        finally:
            self._done.set()

    def wait(self, seconds: float) -> bool:
        """Wait so long at most; whether it is done."""
        return self._done.wait(seconds)


class Aside:
    """One thread, started at once: an interpreter that shuts down, when it is needed most, takes no new one."""

    def __init__(self) -> None:
        self._begin()
        _asides.add(self)

    def _begin(self) -> None:
        asked: deque[Asked] = deque()
        bell = Bell()
        self._asked, self._bell = asked, bell
        self._thread = background("agent-telemetry-operator", lambda: _do_all(asked, bell))

    def ask(self, run: Callable[[], object]) -> Asked:
        """Have it done, after what was asked for before."""
        asked = Asked(run)
        if self._bell.is_outdated():  # the host has patched threads: what is asked for belongs into one of the new kind
            self._begin()
        if self._thread is None:
            asked.do()
        else:
            self._asked.append(asked)
            self._bell.ring()
        return asked

    def after_fork(self) -> None:
        """The parent's thread is not in the child."""
        self._begin()


def _do_all(asked: deque[Asked], bell: Bell) -> None:
    while True:
        bell.wait(None)
        bell.hush()
        while asked:
            asked.popleft().do()


_asides: weakref.WeakSet[Aside] = weakref.WeakSet()


def _begin_again_in_child() -> None:
    for aside in list(_asides):
        aside.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_again_in_child)
