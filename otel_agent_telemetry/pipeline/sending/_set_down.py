"""What a program that had to end could not write into its ledger: a small file beside it, whole or not at all.

Whoever opens the ledger next takes it up. A file is renamed by the one who does, so that two do not take the same; one
whose taker died in the middle is taken again later.
"""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from otel_agent_telemetry._folder import read_plain, write_private
from otel_agent_telemetry.errors import LedgerError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from otel_agent_telemetry.pipeline.sending._parcels import Row

__all__ = ["Left", "delete_left", "set_down", "take_up"]

_LONGEST_FILE = 1 << 26
_TAKEN_SECONDS = 60.0  # after that whoever took a file and did not come to its end is dead


class Left(NamedTuple):
    """Events, each with the keys of the counts whose place it takes, losses by reason, and the keys of void counts."""

    events: Sequence[tuple[Row, tuple[str, ...]]]
    losses: Mapping[str, int]
    void: Sequence[str] = ()


def set_down(path: str, left: Left) -> None:
    """Leave this beside the ledger at that path; raises OSError. As there, a power cut may take it, a kill does not."""
    events = [[name, body.decode(), kind, key, at, before] for (name, body, kind, key, at), before in left.events]
    text = json.dumps({"events": events, "losses": dict(left.losses), "void": [*left.void]})
    write_private(f"{path}.left-{int.from_bytes(os.urandom(6), 'big')}", text, sync=False)


def take_up(path: str, keep: Callable[[Left], object], now: float) -> None:
    """Hand what was left beside that ledger to ``keep``; where it raises LedgerError the file is left for later."""
    for file in _files(path):
        with suppress(OSError):
            if ".left-" in os.path.basename(file) or os.stat(file).st_ctime < now - _TAKEN_SECONDS:
                _take(file, keep)


def delete_left(path: str) -> None:
    """Delete what was left beside that ledger."""
    for file in _files(path):
        with suppress(OSError):
            os.unlink(file)


def _files(path: str) -> list[str]:
    folder, name = os.path.split(path)
    left = re.compile(re.escape(name) + r"\.(left|taken)-\d+", re.ASCII)
    try:
        return [os.path.join(folder, found) for found in os.listdir(folder) if left.fullmatch(found)]
    except OSError:
        return []


def _take(file: str, keep: Callable[[Left], object]) -> None:
    folder, name = os.path.split(file)
    mine = os.path.join(folder, name.replace(".left-", ".taken-"))
    os.rename(file, mine)
    try:
        keep(_read(mine))
    except LedgerError:
        os.rename(mine, os.path.join(folder, name.replace(".taken-", ".left-")))
        return
    except (AttributeError, TypeError, ValueError):
        pass  # somebody else's text under our name says nothing
    os.unlink(mine)


def _read(file: str) -> Left:
    told = json.loads(read_plain(file, _LONGEST_FILE))
    events: list[tuple[Row, tuple[str, ...]]] = [
        ((str(name), body.encode(), str(kind), str(key), float(at)), tuple(map(str, before)))
        for name, body, kind, key, at, before in told["events"]
    ]
    return Left(
        events,
        {str(reason): int(number) for reason, number in told["losses"].items()},
        [str(key) for key in told["void"]],
    )
