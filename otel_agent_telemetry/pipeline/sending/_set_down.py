"""Losses that a program which had to end could not write into its ledger: each in a small file beside it.

Whoever opens the ledger next takes them up. A file is written whole or not at all, and renamed by the one who takes it
up, so that no loss is counted twice.
"""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING

from otel_agent_telemetry._folder import read_plain, write_private
from otel_agent_telemetry.errors import LedgerError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["set_down", "take_up"]


def set_down(path: str, counts: Mapping[str, int]) -> None:
    """Leave these counts, by reason, beside the ledger at that path; raises OSError."""
    write_private(f"{path}.lost-{int.from_bytes(os.urandom(6), 'big')}", json.dumps(dict(counts)))


def take_up(path: str, count: Callable[[Mapping[str, int]], object]) -> None:
    """Hand what was left beside that ledger to ``count``; where it raises LedgerError the file is left for later."""
    folder, name = os.path.split(path)
    left = re.compile(re.escape(name) + r"\.lost-\d+", re.ASCII)
    with suppress(OSError):
        for found in os.listdir(folder):
            if left.fullmatch(found):
                _take(os.path.join(folder, found), count)


def _take(file: str, count: Callable[[Mapping[str, int]], object]) -> None:
    mine = file.replace(".lost-", ".counted-")
    os.rename(file, mine)
    try:
        count({str(reason): int(number) for reason, number in json.loads(read_plain(mine)).items()})
    except LedgerError:
        os.rename(mine, file)
        return
    except (AttributeError, TypeError, ValueError):
        pass  # somebody else's text under our name says nothing
    os.unlink(mine)
