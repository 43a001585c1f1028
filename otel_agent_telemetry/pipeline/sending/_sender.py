"""The thread that sends: what waits for the network waits here, and nothing else waits for it."""

from __future__ import annotations

import contextvars
import threading
import time
from typing import TYPE_CHECKING

from otel_agent_telemetry import _deadline, _losses
from otel_agent_telemetry._background import Bell, background
from otel_agent_telemetry._log import logger as _logger
from otel_agent_telemetry.errors import LedgerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_agent_telemetry.pipeline.sending.ledger import Ledger
    from otel_agent_telemetry.pipeline.sending.uploader import Uploader

__all__ = ["Pace", "Sender"]

_AFTER_FAILURE_SECONDS = 5.0
_LOOK_AGAIN_SECONDS = 0.02
_AT_ONCE = 10  # rounds of a program that has just begun, or rested; a busy one has one a second


class Sender:
    """Sends a ledger's pending events whenever it is woken, and again when the server, or the network, had its time.

    A program that tells something all the time has what happens within a second sent together: each round takes a
    lease and a connection.
    """

    def __init__(self, uploader: Uploader, ledger: Ledger) -> None:
        self._uploader = uploader
        self._ledger = ledger
        self._bell = Bell()
        self._rounds = threading.Condition()
        self._done = 0
        self._thread: threading.Thread | None = None
        self._leaves = False
        self._is_at_it = self._is_wanted = False
        self._pace = Pace()

    def wake(self) -> None:
        """There may be something to send."""
        self._start()
        self._is_wanted = True
        if not self._is_at_it:
            self._bell.ring()

    def _start(self) -> None:
        if self._leaves or not (self._thread is None or self._bell.is_outdated()):
            return
        bell, self._rounds = Bell(), threading.Condition()
        self._bell, self._is_at_it = bell, False
        self._thread = background("agent-telemetry-sender", lambda: self._run(bell))

    def send_now(self, seconds: float) -> None:
        """One attempt on the caller's own thread."""
        contextvars.Context().run(self._send_within, _deadline.left(seconds))

    def _send_within(self, seconds: float) -> None:
        with _deadline.Within(seconds):
            self._uploader.send_once(seconds)

    def wait_until_sent(self, seconds: float) -> bool:
        """Wait up to that long until nothing is pending; False at once where a retry has to be waited for."""
        deadline = time.monotonic() + seconds
        tried: tuple[int, ...] = ()
        while (parcel := self._ledger.next_parcel()) is not None:
            if parcel.due_at > time.time():
                return False
            if parcel.ids == tried:  # another process is sending
                time.sleep(min(_LOOK_AGAIN_SECONDS, max(0.0, deadline - time.monotonic())))
            tried = parcel.ids
            self._start()
            with self._rounds:
                before = self._done
                self._bell.ring()
                left = max(0.0, deadline - time.monotonic())
                if self._thread is None or not self._rounds.wait_for(lambda: self._done > before, left):  # noqa: B023 - used in this round only
                    return False
        return True

    def leave(self) -> None:
        """The program ends: another process may send; a POST that has just begun gets a moment still."""
        self._leaves = True
        self._uploader.leave()
        self._bell.ring()

    def _run(self, bell: Bell) -> None:
        wait: float | None = None
        while not self._leaves:
            bell.wait(wait)
            bell.hush()
            if bell.is_outdated():  # whoever wakes it next starts another one
                return
            self._is_at_it, self._is_wanted = True, False
            wait = self._round(bell)
            with self._rounds:
                self._done += 1
                self._rounds.notify_all()
            is_waited_for = bell.wait(self._pace.pause_seconds())
            self._is_at_it = False
            if is_waited_for or self._is_wanted:  # in that order: who wakes it says that first, and then looks
                wait = 0.0

    def _round(self, bell: Bell) -> float | None:
        """Send what is due; how long then to wait if nothing happens, None for ever."""
        try:
            next_at = self._uploader.send_once(goes_on=lambda: not bell.is_outdated()).next_at
        except LedgerError:  # nothing is lost, and nothing can be sent now
            return _AFTER_FAILURE_SECONDS
        except Exception:
            _losses.count("pipeline_error")
            _logger.debug("a round of sending failed", exc_info=True)
            return _AFTER_FAILURE_SECONDS
        return None if next_at is None else max(0.01, next_at - time.time())


class Pace:
    """How long to wait between two rounds: not at all for the first ones, a second where they do not end."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._left = float(_AT_ONCE)
        self._counted_at = clock()

    def pause_seconds(self) -> float:
        """After one more round."""
        now = self._clock()
        self._left = max(-1.0, min(_AT_ONCE, self._left + now - self._counted_at) - 1)
        self._counted_at = now
        return max(0.0, -self._left)
