"""What whoever starts a process asks of the run that it stands for."""

from __future__ import annotations

import signal
from contextvars import ContextVar
from typing import Any, Protocol

__all__ = ["PATIENCE_SECONDS", "STOP_SECONDS", "UNDER_WAY", "Watched", "signal_name"]

UNDER_WAY: ContextVar[bool] = ContextVar("agent_telemetry_harness", default=False)
"""True while a process is being started that somebody watches already."""

PATIENCE_SECONDS = 1.0
"""How long the rest of an output is waited for when the program is gone: a child of it may hold the pipe open."""
STOP_SECONDS = 5.0
"""How long a program that is asked to stop may take."""


class Watched(Protocol):
    """A run that is told what happens to its process; ``pipes`` if its output is for the caller to read."""

    command: list[str]
    environment: dict[str, str]
    pipes: bool
    reads: bool

    def begin(self) -> Any:
        """It is about to be started; command and environment are complete after that."""
        ...

    def feed(self, data: bytes) -> None:
        """A piece of its output."""
        ...

    def stopped(self, by: str) -> None:
        """It was sent that signal."""
        ...

    def end(self, returncode: int) -> Any:
        """It has ended."""
        ...


def signal_name(number: int) -> str:
    """What a signal is called, ``SIGTERM`` say; its number where it has no name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
