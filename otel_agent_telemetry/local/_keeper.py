"""Work that the store needs now and then, away from the clients: settling traces and letting old ones go."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from typing import TYPE_CHECKING

from otel_agent_telemetry.local._retention import collect

if TYPE_CHECKING:
    from otel_agent_telemetry.local._retention import Limits
    from otel_agent_telemetry.local._store import Store

__all__ = ["Keeper"]

_logger = logging.getLogger(__name__)

_SETTLE_SECONDS = 0.2
_COLLECT_SECONDS = 60.0
_PORTION = 20


class Keeper(threading.Thread):
    """A thread that settles what arrives, five times a second, and enforces ``limits`` once a minute."""

    def __init__(self, store: Store, limits: Limits) -> None:
        super().__init__(name="agent-telemetry-keeper", daemon=True)
        self._store = store
        self._limits = limits
        self._ended = threading.Event()
        self._collected = float("-inf")

    def end(self) -> None:
        """Stop, after the step that is being done."""
        self._ended.set()
        self.join()

    def run(self) -> None:
        """Work until :meth:`end`; a store that is busy is tried again."""
        while not self._ended.wait(_SETTLE_SECONDS):
            try:
                self._work()
            except sqlite3.Error as error:
                _logger.warning("the trace store could not be kept in order, trying again: %s", error)

    def _work(self) -> None:
        while not self._ended.is_set() and self._store.settle(_PORTION):
            pass
        if time.monotonic() - self._collected >= _COLLECT_SECONDS:
            self._collected = time.monotonic()
            collect(self._store, self._limits)
