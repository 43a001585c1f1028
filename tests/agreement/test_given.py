"""Files from public bug reports, each with its right value, where the folder is at hand."""

from __future__ import annotations

import json
import os
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.agreement.readings import name, readings
from tests.agreement.totals import SESSIONS, agree
from tests.parts import absent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.agreement.totals import Figure, Totals

_GIVEN = os.environ.get("AGENT_TELEMETRY_CASES")
_NAMES = {
    "input_tokens": "input",
    "output_tokens": "output",
    "calls": "calls",
    "cost": "cost",
    "cache_read": "cache_read",
    "cache_write": "cache_write",
    "reasoning": "reasoning",
    "tools": "tools",
    "runs": "runs",
    "toolErrors": "tool_errors",
    "errors": "failures",
}


_FILES: list[Path | None] = [*sorted(Path(_GIVEN or "/").glob("*.jsonl"))] or [None]


@pytest.mark.parametrize("path", _FILES, ids=name)
def test_work(path: Path | None) -> None:
    """Both destinations agree with each other and with the right value, or with one of those that are right."""
    given = _there(path)
    found = _read(given)
    right = json.loads(given.with_suffix(".right.json").read_text(encoding="utf-8"))["right"]
    agree({**found, "right": _right(right, found["events"])})


@pytest.mark.parametrize("path", _FILES, ids=name)
def test_sessions(path: Path | None) -> None:
    """The sessions of the events are those that are listed."""
    agree(_read(_there(path)), SESSIONS)


def _there(path: Path | None) -> Path:
    return path or absent("cases", "AGENT_TELEMETRY_CASES=folder with files from bug reports")


@cache
def _read(path: Path) -> dict[str, Totals]:
    return readings(list(_requests(path)))


def _requests(path: Path) -> Iterator[Any]:
    """The lines that are JSON: reading the others is a matter of its own."""
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            continue


def _right(told: dict[str, Any], found: Totals) -> dict[str, Figure]:
    return {_NAMES[name]: _one_of(value, found[_NAMES[name]]) for name, value in told.items() if name in _NAMES}


def _one_of(right: Any, found: Figure) -> Figure:
    """The value that is right; of several the one that was found, if it is among them."""
    if not isinstance(right, str):
        return right
    allowed: list[Figure] = [int(number) for number in re.findall(r"\d+", right.split(",")[0])]
    allowed += [None] if "unknown" in right else []
    return found if found in allowed else allowed[0]
