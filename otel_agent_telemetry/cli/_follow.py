"""A file that somebody goes on writing, line by line, as the Collector's file exporter does."""

from __future__ import annotations

import os
import time
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

__all__ = ["appended_lines"]

_LOOK_AGAIN_SECONDS = 0.2


def appended_lines(file: Path) -> Generator[tuple[int, bytes | None]]:
    """Every line of the file with its number from 1, then each that is written; None while there is nothing more.

    A line counts once it is whole. Where the file is rotated away the rest of it is read first, then the new one.
    """
    while True:
        with file.open("rb") as stream:
            yield from _until_replaced(file, stream)


def _until_replaced(file: Path, stream: IO[bytes]) -> Generator[tuple[int, bytes | None]]:
    rest, number = b"", 1
    while True:
        line = stream.readline()
        if not line:
            if _is_replaced(file, stream):
                return
            yield number, None
            time.sleep(_LOOK_AGAIN_SECONDS)
            continue
        rest += line
        if rest.endswith(b"\n"):
            yield number, rest
            rest, number = b"", number + 1


def _is_replaced(file: Path, stream: IO[bytes]) -> bool:
    """Whether the name leads to another file by now, or to this one after it was cut short."""
    try:
        there = os.stat(file)
    except FileNotFoundError:
        return False  # between the two steps of a rotation
    return there.st_ino != os.fstat(stream.fileno()).st_ino or there.st_size < stream.tell()
