"""How a command becomes another program, which finds signals as they were before Python came."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["IGNORED_BY_PYTHON", "become"]

IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
"""What every Python ignores from its start, and a program that it becomes would ignore, too."""


def become(arguments: Sequence[str], environ: Mapping[str, str]) -> NoReturn:
    """Become that program; raises OSError where it cannot be started."""
    for number in IGNORED_BY_PYTHON:
        signal.signal(number, signal.SIG_DFL)
    os.execve(arguments[0], [*arguments], environ)  # noqa: S606 - running what the user typed is what `run` is for
