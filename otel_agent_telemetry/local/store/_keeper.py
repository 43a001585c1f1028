"""What the store needs now and then, away from the clients: settling, indexing, adding up, letting go."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from typing import TYPE_CHECKING

from otel_agent_telemetry.local.store._hours import add_up_hour
from otel_agent_telemetry.local.store._index import index_spans
from otel_agent_telemetry.local.store._pricing import price_traces
from otel_agent_telemetry.local.store._retention import collect

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_agent_telemetry.local.store._retention import Limits
    from otel_agent_telemetry.local.store._store import Store

__all__ = ["Keeper"]

_logger = logging.getLogger(__name__)

_ROUND_SECONDS = 0.1
_IDLE_SECONDS = 1.0  # another process may have stored something
_LATEST_SETTLE_SECONDS = 2.0  # in a stream of spans that never pauses it is settled so often,
_BUSY_SECONDS = 0.2  # and for so long
_LOOK_SECONDS = 1.0  # how often it is looked for spans to index and traces to price
_CHECKPOINT_SECONDS = 1.0
_ADD_UP_SECONDS = 5.0  # an hour in which much comes is added up again and again
_COLLECT_SECONDS = 60.0
_TELL_SECONDS = 60.0
_PORTION = 20


class Keeper(threading.Thread):
    """A thread that settles and indexes when spans pause, folds the log in, and enforces ``limits`` once a minute."""

    def __init__(self, store: Store, limits: Limits) -> None:
        super().__init__(name="agent-telemetry-keeper", daemon=True)
        self._store = store
        self._limits = limits
        self._ended = threading.Event()
        self._done: dict[str, float] = {}
        store.leave_checkpoints()
        if limits.size_bytes is not None:
            store.file.keep_below(limits.size_bytes)

    def end(self) -> None:
        """Stop, after the step that is being done."""
        self._ended.set()
        self._store.arrived.set()
        self.join()

    def run(self) -> None:
        """Work until :meth:`end`; what fails is told once a minute and tried again."""
        while not self._ended.is_set():
            if self._store.arrived.wait(_IDLE_SECONDS):
                self._store.arrived.clear()
                self._ended.wait(_ROUND_SECONDS)  # more may follow
            for step in (self._settle, self._index, self._price, self._add_up, self._checkpoint, self._collect):
                try:
                    step()
                except Exception as error:  # noqa: BLE001 - a keeper that is lost would let the store grow without end
                    self._tell(step.__name__, error)

    def _settle(self) -> None:
        if self._store.quiet_seconds() < _ROUND_SECONDS and not self._is_due("settle", _LATEST_SETTLE_SECONDS):
            return
        self._done["settle"] = began = time.monotonic()
        while (self._store.read_new() or self._store.settle(_PORTION)) and not self._ended.is_set():
            if self._store.quiet_seconds() < _ROUND_SECONDS and time.monotonic() - began > _BUSY_SECONDS:
                return

    def _index(self) -> None:
        self._work_off("index", index_spans)

    def _price(self) -> None:
        self._work_off("price", price_traces)

    def _add_up(self) -> None:
        if self._is_due("add up", _ADD_UP_SECONDS):
            self._work_off("sums", add_up_hour)

    def _work_off(self, what: str, step: Callable[[Store], bool]) -> None:
        """All that is left while spans pause; a portion now and then beside a stream that never does."""
        is_busy = self._store.quiet_seconds() < _ROUND_SECONDS
        if not self._is_due(what, _LATEST_SETTLE_SECONDS if is_busy else _LOOK_SECONDS):
            return
        while step(self._store) and not self._ended.is_set():
            self._done[what] = time.monotonic()
            self._checkpoint()
            if self._store.quiet_seconds() < _ROUND_SECONDS:
                return

    def _checkpoint(self) -> None:
        if self._is_due("checkpoint", _CHECKPOINT_SECONDS):
            self._store.checkpoint()

    def _collect(self) -> None:
        if self._is_due("collect", _COLLECT_SECONDS):
            collect(self._store, self._limits)

    def _tell(self, step: str, error: Exception) -> None:
        foreseen = isinstance(error, (sqlite3.Error, OSError))
        if self._is_due("tell" if foreseen else f"tell {step}", _TELL_SECONDS):  # what stops one stops all of them
            _logger.warning(
                "the trace store could not be kept in order, trying again: %s", error, exc_info=not foreseen
            )

    def _is_due(self, step: str, every_seconds: float) -> bool:
        now = time.monotonic()
        if now - self._done.get(step, float("-inf")) < every_seconds:
            return False
        self._done[step] = now
        return True
