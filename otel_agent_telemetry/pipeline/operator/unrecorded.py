"""Spans of a program whose events are off, on their way to the operator's instruments."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from otel_agent_telemetry import _losses
from otel_agent_telemetry._imports import importing
from otel_agent_telemetry._log import logger as _logger
from otel_agent_telemetry.meaning._ancestry import Tree
from otel_agent_telemetry.pipeline._lasting import Lasting
from otel_agent_telemetry.pipeline._span_record import tell
from otel_agent_telemetry.pipeline._writing_thread import WritingThread

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.trace import ReadableSpan, Span

    from otel_agent_telemetry.meaning import Meaning
    from otel_agent_telemetry.meaning._records import SpanRecord
    from otel_agent_telemetry.pipeline._span_record import Item

__all__ = ["Unrecorded"]


_LONGEST_QUEUE = 10_000
_EXPIRE_SECONDS = 60.0


class Unrecorded:
    """Spans of a program whose events are off: they are metered, and nothing of them is kept.

    The part of an event stream that the span processor knows. With ``partial`` it comes after a stream that knew where
    spans belong, and is told of those alone that have ended. ``new_meaning`` makes what reads them, once there is one.
    """

    is_live = True

    def __init__(self, new_meaning: Callable[[Tree], Meaning], *, partial: bool) -> None:
        self._new_meaning = new_meaning
        self._partial = partial
        self.is_closed = False
        self._begin()
        _all.add(self)

    def _begin(self) -> None:
        """Without history: at the start, and again in a forked child."""
        self._items: deque[Item] = deque(maxlen=_LONGEST_QUEUE)
        self._work = threading.RLock()
        self.lasting = Lasting()
        self._tree = Tree(partial=self._partial)
        self._meaning: Meaning | None = None
        self.link, self.leave = self._tree.link, self._tree.leave
        self._next_expire = time.monotonic() + _EXPIRE_SECONDS
        self._thread = WritingThread(self._drain, self._wait_seconds)

    def started(self, span: Span | SpanRecord) -> None:
        """As :meth:`EventStream.started`."""
        self.put(span)

    def ended(self, span: ReadableSpan | SpanRecord, parent_key: int) -> None:
        """As :meth:`EventStream.ended`."""
        if parent_key:
            self._tree.expect(parent_key)
        self.put(span)

    def unlink(self, key: int) -> None:
        """As :meth:`EventStream.unlink`."""
        self.put(key)

    def put(self, item: Item) -> None:
        """Have it metered soon."""
        if not self.is_closed:
            self._items.append(item)
            self._thread.wake()

    def close(self) -> None:
        """Take nothing any more: another one is in its place."""
        self.is_closed = True
        self._thread.end()

    def flush(self, timeout_seconds: float) -> bool:
        """Meter everything that is known, within that time; False where another thread is at it."""
        return self._drain(is_last=True, timeout_seconds=timeout_seconds)

    def _drain(self, *, is_last: bool = False, timeout_seconds: float = -1) -> bool:
        if not self._work.acquire(timeout=timeout_seconds):
            return False
        try:
            if self._items and self._meaning is None:
                with importing:
                    self._meaning = self._new_meaning(self._tree)
            if self._meaning is not None:
                self._read_all(self._meaning, is_last=is_last)
        finally:
            self._work.release()
        return True

    def _read_all(self, meaning: Meaning, *, is_last: bool) -> None:
        with suppress(IndexError):
            while True:
                self._read(meaning, self._items.popleft())
        if is_last:
            meaning.release()
        elif time.monotonic() >= self._next_expire:
            self._next_expire = time.monotonic() + _EXPIRE_SECONDS
            for record in self.lasting.take():
                self._read(meaning, record)
            meaning.expire(time.time_ns())
        meaning.noted()

    def _read(self, meaning: Meaning, item: Item) -> None:
        try:
            tell(meaning, item)
        except Exception:
            _losses.count("mapping_error")
            _logger.debug("a span could not be metered", exc_info=True)

    def _wait_seconds(self) -> float | None:
        if self._meaning is None or not self._meaning.is_open:
            return None
        return max(0.01, self._next_expire - time.monotonic())

    def after_fork(self) -> None:
        """In a forked child: what the parent has, stays the parent's."""
        self._begin()


_all: weakref.WeakSet[Unrecorded] = weakref.WeakSet()


def _begin_again_in_child() -> None:
    for each in list(_all):
        each.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_again_in_child)
