"""Small files that each show one thing that people run into, and what is right there.

``NAME.right.json`` beside ``NAME.jsonl`` says what the file shows and every total; of a list one value is right.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.agreement.readings import name, readings, requests_of
from tests.agreement.totals import SESSIONS, WORK, agree

if TYPE_CHECKING:
    from tests.agreement.totals import Figure, Totals

_FILES = sorted((Path(__file__).parents[1] / "data" / "cases").glob("*.jsonl"))


@pytest.mark.parametrize("path", _FILES, ids=name)
def test_work(path: Path) -> None:
    """Calls, tools, runs, tokens and cost are the same whichever way the spans go, and they are right."""
    found = _read(path)
    agree({**found, "right": _right(path, found["events"])})


@pytest.mark.parametrize("path", _FILES, ids=name)
def test_sessions(path: Path) -> None:
    """So are the sessions."""
    found = _read(path)
    agree({**found, "right": _right(path, found["events"])}, SESSIONS)


@pytest.mark.parametrize("path", _FILES, ids=name)
def test_order(path: Path) -> None:
    """Requests that arrive the other way round, with their spans the other way round, change nothing."""
    turned = readings([_turned(request) for request in reversed(requests_of(path))])
    sent = _read(path)
    for way, reading in sent.items():
        agree({way: reading, f"{way}, turned": turned[way]}, (*WORK, *SESSIONS))


@cache
def _read(path: Path) -> dict[str, Totals]:
    return readings(requests_of(path))


def _turned(request: dict[str, Any]) -> dict[str, Any]:
    of_resources: list[dict[str, Any]] = request["resourceSpans"]
    turned = [
        {**each, "scopeSpans": [{**scope, "spans": scope["spans"][::-1]} for scope in each["scopeSpans"][::-1]]}
        for each in reversed(of_resources)
    ]
    return {"resourceSpans": turned}


def _right(path: Path, found: Totals) -> Totals:
    told: dict[str, Any] = json.loads(path.with_suffix(".right.json").read_text(encoding="utf-8"))["right"]
    sessions = frozenset(told.pop("sessions"))
    right: dict[str, Figure] = {total: _one_of(value, found[total]) for total, value in told.items()}
    return {**right, "sessions": sessions, "failures": told["failed_calls"] + told["tool_errors"]}


def _one_of(right: Any, found: Figure) -> Figure:
    """The value that is right; of several the one that was found, if it is among them."""
    if not isinstance(right, list):
        return right
    return found if found in right else right[0]  # pyright: ignore[reportUnknownVariableType] - JSON of tests' own data
