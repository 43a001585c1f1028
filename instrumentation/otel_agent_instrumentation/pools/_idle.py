"""The worker of a ``multiprocessing.Pool`` between two pieces of work, where SIGTERM may reach it.

``with Pool() as pool:`` ends with ``terminate()``, which sends that signal to each worker just after its last result:
the worker would go with what it had not yet told. So between two pieces of work, and only there, the signal is taken by
a handler that gives the telemetry a moment and then lets the signal do what it does. A piece of work is ended at once,
as ever; a handler that the program itself has set stays.
"""

from __future__ import annotations

import os
import pickle
import signal
import time
from contextlib import nullcontext
from multiprocessing.reduction import ForkingPickler
from typing import TYPE_CHECKING, Any

import otel_agent_telemetry as telemetry
from otel_agent_instrumentation._hooks import quiet

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["watch"]

_LAST_SECONDS = 0.5
_LATELY_SECONDS = 1.0
_MOMENT_SECONDS = 0.05


def watch(process: Any) -> None:
    """Have a pool's worker, which this process is, tell when it has work in hand, and when it has none any more."""
    inqueue, outqueue, *rest = process._args  # noqa: SLF001 - as multiprocessing.pool gives them to each worker
    work: Any = process._target  # noqa: SLF001 - as above

    def target(*args: Any, **kwargs: Any) -> Any:
        try:
            return work(*args, **kwargs)
        finally:
            _leave()

    process._target = target  # noqa: SLF001 - as above
    process._args = (_In(inqueue), _Out(outqueue), *rest)  # noqa: SLF001 - as above


class _Queue:
    """One of the worker's queues (``multiprocessing.SimpleQueue``), with all that is its own.

    Python calls a handler between two of its instructions alone: a signal that comes just before the process begins to
    wait for something is not heard while it waits. So with the handler in place nothing is waited for without an end.
    """

    def __init__(self, queue: Any) -> None:
        self._queue = queue

    def __getattr__(self, name: str) -> Any:
        return getattr(self._queue, name)


class _In(_Queue):
    """Where work comes from."""

    def get(self) -> Any:
        """The next piece of work."""
        _set(signal.SIG_DFL, _end)
        if signal.getsignal(signal.SIGTERM) is not _end:
            return self._queue.get()
        data = self._soon()
        if data is None:
            _flush()
            _set(_end, signal.SIG_DFL)
            return self._queue.get()
        work: Any = pickle.loads(data)  # noqa: S301 - as the queue itself does
        if work is not None:
            _set(_end, signal.SIG_DFL)
        return work

    def _soon(self) -> bytes | None:
        """What comes within a second; after that there is nothing left to tell."""
        deadline = time.monotonic() + _LATELY_SECONDS
        while time.monotonic() < deadline:
            if self._queue._rlock.acquire(timeout=_MOMENT_SECONDS):  # noqa: SLF001 - as the queue itself does
                try:
                    if self._queue._reader.poll(_MOMENT_SECONDS):  # noqa: SLF001 - as above
                        return self._queue._reader.recv_bytes()  # noqa: SLF001 - as above
                finally:
                    self._queue._rlock.release()  # noqa: SLF001 - as above
        return None


class _Out(_Queue):
    """Where results go."""

    def put(self, result: Any) -> None:
        """Hand a result over: the pool may end this process before the next line of its loop."""
        data = ForkingPickler.dumps(result)
        with self._queue._wlock or nullcontext():  # noqa: SLF001 - as the queue itself does; Windows needs no lock
            _set(signal.SIG_DFL, _end)
            self._queue._writer.send_bytes(data)  # noqa: SLF001 - as above


@quiet
def _set(present: Any, handler: Any) -> None:
    if signal.getsignal(signal.SIGTERM) is present:
        signal.signal(signal.SIGTERM, handler)


def _end(number: int, _frame: FrameType | None) -> None:
    _flush()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


@quiet
def _leave() -> None:
    """The worker has no more to do: a signal that comes while this is told waits until it is."""
    came: list[int] = []
    if signal.getsignal(signal.SIGTERM) is not _end:
        return  # somebody has a handler there
    signal.signal(signal.SIGTERM, lambda number, _: came.append(number))
    _flush()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for number in came:
        os.kill(os.getpid(), number)


@quiet
def _flush() -> None:
    telemetry.flush(_LAST_SECONDS, send=False)
