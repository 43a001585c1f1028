"""Threads of ours, and how they are woken."""

from __future__ import annotations

import _thread
import contextvars
import signal
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Bell", "background"]


_kind: contextvars.ContextVar[object] = contextvars.ContextVar("agent_telemetry_thread", default=None)


def background(name: str, run: Callable[[], object]) -> threading.Thread | None:
    """Start a daemon thread in an empty context, so that nothing of the host's (baggage, a current span) comes along.

    It takes no signals: a pool that ends its processes by signal (billiard's) counts on the main thread to take them.
    Under gevent's and eventlet's patches it is no thread but a part of the one that starts it, whose signals are the
    host's. None where the interpreter is shutting down, or is one that takes no threads; and to a thread of ours that
    is older than such a patch, which would be given a part of itself.
    """
    if _kind.get() not in (None, _thread.start_new_thread):
        return None
    starter = threading.get_native_id()
    kind = _thread.start_new_thread
    never = _thread.allocate_lock()
    never.acquire()

    def without_signals() -> None:
        if hasattr(signal, "pthread_sigmask") and threading.get_native_id() != starter:
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        context = contextvars.Context()
        context.run(_kind.set, kind)
        context.run(run)
        if kind is not _thread.start_new_thread:
            never.acquire()  # a thread that ended now would trip over what was patched

    try:
        thread = threading.Thread(target=without_signals, name=name, daemon=True)
        thread.start()
    except RuntimeError:
        return None
    return thread


class Bell:
    """An event that one thread waits for; made with that thread, never before.

    The host may patch gevent in later. A thread that then waited by ``threading.Event`` or slept would do so in gevent,
    and a thread that the interpreter ends there takes the process down with it. The locks of this one are of the kind
    that the thread itself is of.
    """

    def __init__(self) -> None:
        self._kind = _thread.start_new_thread
        self._silence = _thread.allocate_lock()
        self._never = _thread.allocate_lock()
        self._silence.acquire()
        self._never.acquire()
        self._rung = False

    def ring(self) -> None:
        """Wake who waits, or who will wait next."""
        self._rung = True
        with suppress(RuntimeError):  # it rings already
            self._silence.release()

    def is_outdated(self) -> bool:
        """Whether the host has patched threads since: those that start now are of another kind."""
        return self._kind is not _thread.start_new_thread

    def is_ringing(self) -> bool:
        """Whether it rings."""
        return self._rung

    def wait(self, seconds: float | None) -> bool:
        """Wait until it rings, or so long; whether it rang."""
        return self._silence.acquire(timeout=-1 if seconds is None else seconds)

    def hush(self) -> None:
        """From now on only what happens next makes it ring."""
        self._silence.acquire(blocking=False)
        self._rung = False  # last: a ring in between is heard once too often, never once too seldom

    def linger(self, seconds: float) -> None:
        """Let so much time pass."""
        self._never.acquire(timeout=seconds)
