"""A program at a terminal of its own."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from typing_extensions import Self


class Terminal:
    """Context manager around a program whose three streams are a terminal; it is ended where it has not."""

    def __init__(
        self, command: Sequence[str], environment: dict[str, str], *, columns: int = 100, rows: int = 30
    ) -> None:
        self.seen = ""
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        variables = {"TERM": "xterm-256color", **environment}
        self._running = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, env=variables, start_new_session=True
        )
        os.close(theirs)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._running.poll() is None:
            self._running.kill()
        self._running.wait()
        os.close(self._ours)

    def wait_for(self, is_there: Callable[[str], bool], what: str, seconds: float = 40) -> None:
        """Read until ``is_there`` is true of all that was seen; fails with that when the time is over."""
        end = time.monotonic() + seconds
        while not is_there(self.seen):
            if time.monotonic() > end or not self._read(max(end - time.monotonic(), 0)):
                pytest.fail(f"waited {seconds:g} s for {what}, saw {self.seen[-2000:]!r}")

    def look(self) -> None:
        """Take what is there, or comes in a moment."""
        self._read(0.05)

    def press(self, keys: str) -> None:
        """Type these."""
        os.write(self._ours, keys.encode())

    def ended(self, seconds: float = 40) -> int:
        """The exit code, once the program is at its end and all it wrote was read."""
        end = time.monotonic() + seconds
        while self._read(max(end - time.monotonic(), 0)):
            pass
        return self._running.wait(timeout=max(end - time.monotonic(), 1))

    def _read(self, seconds: float) -> bool:
        """Whether more came before the time was over; the end of a terminal is an error on Linux."""
        if not select.select([self._ours], [], [], seconds)[0]:
            return False
        try:
            part = os.read(self._ours, 65536)
        except OSError:
            return False
        self.seen += part.decode(errors="replace")
        return bool(part)
