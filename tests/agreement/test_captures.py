"""What real programs emitted adds up to the same in both destinations, and to what was written down for it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pytest

from tests.agreement.readings import name, readings, requests_of
from tests.agreement.totals import SESSIONS, WORK, agree
from tests.agreement.written import right
from tests.meaning.cases import DIALECTS, captured

if TYPE_CHECKING:
    from pathlib import Path

    from tests.agreement.totals import Totals

_FILES = [*captured(), *sorted(DIALECTS.glob("*.json"))]


@cache
def _read(path: Path) -> dict[str, Totals]:
    return readings(requests_of(path))


@pytest.mark.parametrize("path", _FILES, ids=name)
def test_work(path: Path) -> None:
    """Calls, tools, runs, tokens and cost are the same whichever way the spans go."""
    agree(_read(path))


@pytest.mark.parametrize("path", _FILES, ids=name)
def test_sessions(path: Path) -> None:
    """The sessions of the events are those that are listed."""
    agree(_read(path), SESSIONS)


@pytest.mark.parametrize("path", _FILES, ids=name)
def test_right(path: Path) -> None:
    """They are what was written down for the program, where 0 stands for what nobody knows too."""
    known = {way: _comparable(reading) for way, reading in _read(path).items()}
    agree({**known, "right": right(path.stem)})


def _comparable(reading: Totals) -> Totals:
    return {name: reading[name] or 0 for name in WORK if name in reading and name != "cost"}
