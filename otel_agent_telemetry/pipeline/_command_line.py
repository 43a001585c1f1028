"""What this process runs, by its command line: also before Python has begun with it, when ``__main__`` is still empty.

A child that ``multiprocessing`` spawned has a command line that says nothing, and is what its parent is.
"""

from __future__ import annotations

import os
import sys
from typing import NamedTuple

__all__ = ["Program", "running_program"]

_TAKES_A_VALUE = "WX"


class Program(NamedTuple):
    """A ``module`` (``python -m``), else a ``script`` (a path), else neither; and the ``arguments`` of it."""

    module: str | None = None
    script: str | None = None
    arguments: tuple[str, ...] = ()


def running_program() -> Program:
    """The program of this process, or of the parent that spawned it."""
    words = [*sys.orig_argv]
    if any(word.startswith("from multiprocessing") for word in words):
        words = _words_of(os.getppid()) or words
    return _program(words[1:])


def _program(words: list[str]) -> Program:
    """What an interpreter with these words runs (Python documentation, "Command line and environment")."""
    while words:
        word = words.pop(0)
        if word == "--check-hash-based-pycs":
            del words[:1]
        elif not word.startswith("-"):
            return Program(script=word, arguments=tuple(words))
        elif word == "-":
            break
        elif not word.startswith("--"):
            letter, rest = _last_option(word[1:])
            value = rest or (words.pop(0) if words and letter else "")
            if letter == "m":
                return Program(module=value, arguments=tuple(words))
            if letter == "c":
                break
    return Program()


def _last_option(letters: str) -> tuple[str, str]:
    """The option in a group of them that takes a value, and what of the value stands behind it; both may be empty."""
    for at, letter in enumerate(letters):
        if letter in "mc" + _TAKES_A_VALUE:
            return letter, letters[at + 1 :]
    return "", ""


def _words_of(process: int) -> list[str]:
    """The command line of another process; empty where the system does not tell (all but Linux)."""
    try:
        with open(f"/proc/{process}/cmdline", "rb") as file:
            return [word.decode(errors="replace") for word in file.read().split(b"\0")[:-1]]
    except OSError:
        return []
