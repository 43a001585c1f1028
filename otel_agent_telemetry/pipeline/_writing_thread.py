"""The thread that writes: a round whenever something happened, and whenever something falls due."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from otel_agent_telemetry import _losses
from otel_agent_telemetry._background import Bell, background
from otel_agent_telemetry._log import logger as _logger
from otel_agent_telemetry.errors import LedgerError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["WritingThread"]


_LINGER_SECONDS = 0.05  # gathers what happens together into one transaction
_AGAIN_SECONDS = 0.5  # after a round that failed
_REST_SECONDS = 0.00002


class WritingThread:
    """See the module. ``wait_seconds`` says how long nothing needs to be done if nothing happens; None for ever.

    It starts when it is first woken, and not where the interpreter takes no threads. Where the host patches threads
    later, one of the new kind takes its place.
    """

    def __init__(self, write: Callable[[], object], wait_seconds: Callable[[], float | None]) -> None:
        self._write = write
        self._wait_seconds = wait_seconds
        self._bell = self._first_bell = Bell()
        self._starting = threading.RLock()  # a handler of a signal may wake it while it starts
        self._thread: threading.Thread | None = None
        self._has_ended = False
        self.is_retired = False
        self.rests = 0
        """Grows as long as it gets on with a round."""

    def wake(self) -> bool:
        """Have a round soon; False where there is none to come, and whoever asks has to write."""
        if self.is_retired:
            return False
        if not self._bell.is_ringing():
            self._bell.ring()
            if self._thread is None or self._is_outdated():
                return self._start()
        return True

    def rest(self) -> None:
        """Let go of the interpreter, so that a host's thread that waits for it need not wait for a whole round.

        Not where the host patched threads since: locks that are older keep out no greenlet of the same thread.
        """
        if threading.current_thread() is self._thread and not self._first_bell.is_outdated():
            self.rests += 1
            self._bell.linger(_REST_SECONDS)

    def retire(self) -> None:
        """From now on whoever leaves writes. A thread that ended now would trip over a late patch, so it sleeps on."""
        self.is_retired = True

    def end(self) -> None:
        """No round any more, for good."""
        self._has_ended = True
        self._bell.ring()

    def _is_outdated(self) -> bool:
        """Whether another one takes its place: the host patched threads, and this is the one that runs the new kind."""
        return self._bell.is_outdated() and threading.get_native_id() == threading.main_thread().native_id

    def _start(self) -> bool:
        with self._starting:
            if (self._thread is None or self._is_outdated()) and not self.is_retired:
                bell = self._bell = Bell()
                bell.ring()
                self._thread = background("agent-telemetry", lambda: self._run(bell))
                self.is_retired = self._thread is None  # the interpreter is shutting down
            return not self.is_retired

    def _run(self, bell: Bell) -> None:
        wait: float | None = None
        while not self._has_ended and bell is self._bell:
            bell.wait(wait)
            if bell.is_ringing() and not self.is_retired:
                bell.linger(_LINGER_SECONDS)
            bell.hush()
            wait = None if self.is_retired else self._round()

    def _round(self) -> float | None:
        try:
            self._write()
            return self._wait_seconds()
        except LedgerError:  # nothing is lost: what could not be written waits
            return _AGAIN_SECONDS
        except Exception:
            _losses.count("pipeline_error")
            _logger.debug("a round of the event stream failed", exc_info=True)
            return _AGAIN_SECONDS
