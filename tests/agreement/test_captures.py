"""What real programs emitted adds up to the same in both destinations, and to what was written down for it."""

from __future__ import annotations

import random
from copy import deepcopy
from functools import cache, partial
from typing import TYPE_CHECKING, Any

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


@pytest.mark.parametrize("path", _FILES[::4], ids=name)
def test_what_is_missing(path: Path) -> None:
    """Where spans got lost, came twice and in another order, file and store still tell the same.

    What was sent while a program ran cannot be taken back where a span that comes later names its session.
    """
    drawn = random.Random(path.name)  # noqa: S311 - it plays a network, and keeps no secret
    requests = [request for request in map(partial(_lossy, drawn), requests_of(path)) if request]
    found = readings([*requests, *requests[::2]])
    agree(found, (name for name in WORK if name != "cost"))
    agree({way: reading for way, reading in found.items() if way not in {"exporter", "live"}}, SESSIONS)


def _lossy(drawn: random.Random, request: dict[str, Any]) -> dict[str, Any]:
    """A request without one span in three, and with the others in another order."""
    lossy = deepcopy(request)
    for scope in (scope for resource in lossy.get("resourceSpans", []) for scope in resource.get("scopeSpans", [])):
        spans = scope.get("spans", [])
        scope["spans"] = drawn.sample(spans, -(-2 * len(spans) // 3))
    return lossy


def _comparable(reading: Totals) -> Totals:
    return {name: reading[name] or 0 for name in WORK if name in reading and name != "cost"}
