"""Work that the store needs now and then, away from the clients: settling traces and letting old ones go."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from typing import TYPE_CHECKING

from otel_agent_telemetry.local.store._retention import collect

if TYPE_CHECKING:
    from otel_agent_telemetry.local.store._retention import Limits
    from otel_agent_telemetry.local.store._store import Store

__all__ = ["Keeper"]

_logger = logging.getLogger(__name__)

_ROUND_SECONDS = 0.1
_LATEST_SETTLE_SECONDS = 2.0  # totals may lag so long behind a stream of spans that never pauses
_CHECKPOINT_SECONDS = 1.0
_COLLECT_SECONDS = 60.0
_PORTION = 20


class Keeper(threading.Thread):
    """A thread that works out totals when spans pause, folds the log in, and enforces ``limits`` once a minute."""

    def __init__(self, store: Store, limits: Limits) -> None:
        super().__init__(name="agent-telemetry-keeper", daemon=True)
        self._store = store
        self._limits = limits
        self._ended = threading.Event()
        self._done: dict[str, float] = {}
        store.leave_checkpoints()

    def end(self) -> None:
        """Stop, after the step that is being done."""
        self._ended.set()
        self.join()

    def run(self) -> None:
        """Work until :meth:`end`; a store that is busy is tried again."""
        while not self._ended.wait(_ROUND_SECONDS):
            try:
                self._work()
            except sqlite3.Error as error:
                _logger.warning("the trace store could not be kept in order, trying again: %s", error)

    def _work(self) -> None:
        if self._store.quiet_seconds() >= _ROUND_SECONDS or self._is_due("settle", _LATEST_SETTLE_SECONDS):
            self._settle()
        if self._is_due("checkpoint", _CHECKPOINT_SECONDS):
            self._store.checkpoint()
        if self._is_due("collect", _COLLECT_SECONDS):
            collect(self._store, self._limits)

    def _settle(self) -> None:
        self._done["settle"] = time.monotonic()
        while self._store.settle(_PORTION) and not self._ended.is_set():
            if self._store.quiet_seconds() < _ROUND_SECONDS:
                return

    def _is_due(self, step: str, every_seconds: float) -> bool:
        now = time.monotonic()
        if now - self._done.get(step, float("-inf")) < every_seconds:
            return False
        self._done[step] = now
        return True
