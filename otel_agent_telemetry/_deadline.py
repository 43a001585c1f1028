"""The time that is left: one deadline goes through every step of a flush, a shutdown or an exit."""

from __future__ import annotations

import os
import time
from contextvars import ContextVar

TYPE_CHECKING = False  # the typing module costs milliseconds that an opted-out program should not pay
if TYPE_CHECKING:
    from contextvars import Token

__all__ = [
    "Leaving",
    "Within",
    "give_others_a_new_moment",
    "held_up",
    "held_up_seconds",
    "left",
    "left_for_others",
    "left_of_flush",
    "went_on",
]

_MOMENT_SECONDS = 0.01
_OTHERS_SECONDS = 0.02

_ends_at: ContextVar[float | None] = ContextVar("agent_telemetry_deadline", default=None)


class Within:
    """``with Within(seconds):`` all steps inside, together, have so long; never longer than a deadline around it."""

    __slots__ = ("_seconds", "_token")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._token: Token[float | None] | None = None

    def __enter__(self) -> None:
        self._token = _ends_at.set(time.monotonic() + left(self._seconds))

    def __exit__(self, *_: object) -> None:
        if self._token is not None:
            _ends_at.reset(self._token)


class Leaving:
    """``with Within(seconds), Leaving():`` steps of ours that have no deadline give way to those inside.

    What other processes hold is waited for a moment only: whatever cannot be written then is put beside it. Others who
    had that moment and go on have none in the next such step, until somebody gives them a new one.
    """

    __slots__ = ()

    def __enter__(self) -> None:
        if not _leaving_since:
            _leaving_since.append(time.monotonic())
        _leaving.append(self)

    def __exit__(self, *_: object) -> None:
        _leaving.remove(self)
        if held_up_seconds() is None:
            _leaving_since.clear()


_leaving: list[Leaving] = []
_leaving_since: list[float] = []
if hasattr(os, "register_at_fork"):
    for _each in (_leaving, _leaving_since):
        os.register_at_fork(after_in_child=_each.clear)  # who was inside is a thread that the child has not


def give_others_a_new_moment() -> None:
    """Whoever leaves waited for a thread of its own meanwhile."""
    _leaving_since.clear()


def left(most: float) -> float:
    """How many seconds a step may take that would take up to ``most`` if nobody waited; never less than 0."""
    ends_at = _ends_at.get()
    if ends_at is not None:
        most = min(most, ends_at - time.monotonic())
    elif _leaving:
        most = min(most, _MOMENT_SECONDS)
    return max(0.0, most)


def left_for_others(most: float, *, moment: float = _OTHERS_SECONDS) -> float:
    """As :func:`left`, for a step that waits for another process; ``moment`` is what that gets of who leaves."""
    most = left(most)
    if _leaving:
        most = min((most, *(since + moment - time.monotonic() for since in tuple(_leaving_since))))
    return max(0.0, most)


def left_of_flush(least: float) -> float:
    """What a flush without a time of its own may take: ``least``, or what is left where somebody's flush is around."""
    ends_at = _ends_at.get()
    return least if ends_at is None or _leaving else max(least, ends_at - time.monotonic())


_held_up_since: list[float] = []


def held_up() -> None:
    """Another process is at work in a file that this one waits for."""
    if not _held_up_since:
        _held_up_since.append(time.monotonic())


def went_on() -> None:
    """The file is to be had again."""
    _held_up_since.clear()


def held_up_seconds() -> float | None:
    """How long others have held this process up by now; None where they do not."""
    return time.monotonic() - _held_up_since[0] if _held_up_since else None
