"""How far a command is: on stderr, at a terminal alone, and only once it has taken a second."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import contextmanager
from itertools import repeat
from typing import TYPE_CHECKING, TextIO

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

__all__ = ["is_shown", "progress", "waiting"]

_PATIENCE_SECONDS = 1.0
_TICK_SECONDS = 0.2


def is_shown(stream: TextIO | None = None) -> bool:
    """Whether somebody may see it."""
    return (stream or sys.stderr).isatty()


@contextmanager
def progress(
    label: str,
    length: int | None = None,
    *,
    quiet: bool = False,
    stream: TextIO | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Generator[Callable[[int], None]]:
    """A bar, of unknown length where none is given; yields what is called with the size of each step."""
    output = stream or sys.stderr
    begun = clock()
    is_seen = not quiet and is_shown(output)
    with click.progressbar(repeat(None), length=length, label=label, file=output, hidden=True) as bar:

        def update(steps: int) -> None:
            bar.hidden = not is_seen or clock() - begun < _PATIENCE_SECONDS
            bar.update(steps)

        yield update


@contextmanager
def waiting(label: str) -> Generator[None]:
    """A bar without end beside work that does not tell how far it is."""
    if not is_shown():
        yield
        return
    ended = threading.Event()
    ticking = threading.Thread(target=_tick, args=(label, ended), daemon=True)
    ticking.start()
    try:
        yield
    finally:
        ended.set()
        ticking.join()


def _tick(label: str, ended: threading.Event) -> None:
    with progress(label) as update:
        while not ended.wait(_TICK_SECONDS):
            update(1)
