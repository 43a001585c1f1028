from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from otel_agent_telemetry.pipeline.sending._sender import Pace, Sender
from otel_agent_telemetry.pipeline.sending.uploader import SendResult

if TYPE_CHECKING:
    import pytest

AT_ONCE, PAUSED = 10, 30


class _Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_busy_program_sends_once_a_second() -> None:
    """After its first rounds, which do not wait."""
    clock = _Clock()
    pace = Pace(clock)
    pauses: list[float] = []
    for _ in range(AT_ONCE + PAUSED):
        pauses.append(pace.pause_seconds())
        clock.now += pauses[-1]
    assert pauses == [0.0] * AT_ONCE + [1.0] * PAUSED


def test_one_that_rested_sends_at_once_again() -> None:
    """And its pause is never longer than a second, however often ``flush()`` asked, which waits for none."""
    clock = _Clock()
    pace = Pace(clock)
    for _ in range(AT_ONCE + PAUSED):
        assert pace.pause_seconds() <= 1.0
    clock.now += 60
    assert [pace.pause_seconds() for _ in range(AT_ONCE + 1)] == [0.0] * AT_ONCE + [1.0]


def _hundredth(_: Pace) -> float:
    return 0.01


class _Rounds:
    """What stands for an uploader: counts the rounds, and what was there to be sent in each."""

    def __init__(self) -> None:
        self.told = 0
        self.sent: list[int] = []
        self.changed = threading.Condition()

    def send_once(self, *_: object, **__: object) -> SendResult:
        """One round."""
        with self.changed:
            self.sent.append(self.told)
            self.changed.notify_all()
        return SendResult(ended="empty")

    def leave(self) -> None:
        """Nothing is under way."""


def test_what_happens_in_a_pause_goes_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing that happens is forgotten, whatever the thread is at just then."""
    monkeypatch.setattr(Pace, "pause_seconds", _hundredth)
    rounds = _Rounds()
    sender = Sender(rounds, None)  # pyright: ignore[reportArgumentType] - neither network nor ledger: the rounds alone
    last = 2_000
    for rounds.told in range(1, last + 1):
        sender.wake()
    with rounds.changed:
        assert rounds.changed.wait_for(lambda: rounds.sent[-1:] == [last], timeout=30)
    assert len(rounds.sent) < last / 10
    sender.leave()
