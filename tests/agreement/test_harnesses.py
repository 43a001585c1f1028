"""What coding agents send adds up to what their model server gave out, in both destinations and by any signal."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.agreement.lost import LOST, OUTCOMES
from tests.agreement.readings import from_both_sides, name
from tests.agreement.totals import SESSIONS, WORK, agree
from tests.parts import absent

if TYPE_CHECKING:
    from tests.agreement.totals import Totals

_OWN = Path(__file__).parent.parent / "data" / "harnesses"
_SHARED = os.environ.get("AGENT_TELEMETRY_HARNESS_CORPUS")
_CAPTURES = sorted(_OWN.glob("*__*.json"))
_ALL = [*_CAPTURES, *sorted(Path(_SHARED or "/").glob("*__*.json"))]
_SIGNALS = ("traces", "logs", "metrics")
_COMPARED = ("calls", "tools", "input", "output", "cache_read", "cache_write", "reasoning")


@cache
def _captured(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text("utf-8"))


@cache
def _read(path: Path, signals: tuple[str, ...] = _SIGNALS, *, is_reversed: bool = False) -> dict[str, Totals]:
    requests = [request for signal in signals for request in _captured(path)[signal]]
    return from_both_sides(requests[::-1] if is_reversed else requests)


def _truth(path: Path) -> Totals:
    """What the server gave out, or what is told instead where the program keeps it to itself."""
    truth = _captured(path)["meta"]["truth"]
    calls = truth["llm_requests_ok"] + truth["llm_requests_failed"]
    tokens = {total: truth[total] for total in _COMPARED[2:]}
    return {"calls": calls, "tools": truth["tool_calls_asked_by_model"], **tokens, **LOST.get(path.stem, {})}


def test_the_whole_corpus_is_there() -> None:
    """All captures are looked at where the folder with them is known."""
    if _SHARED is None:
        absent("harness corpus", "AGENT_TELEMETRY_HARNESS_CORPUS=folder with captures of coding agents")
    assert len(_ALL) > len(_CAPTURES)


@pytest.mark.parametrize("path", _ALL, ids=name)
def test_truth(path: Path) -> None:
    """Calls, tools and tokens are those of the model server, each once although up to three signals tell of it."""
    known = {
        way: {total: reading[total] or 0 for total in _COMPARED if total in reading}
        for way, reading in _read(path).items()
    }
    agree({**known, "truth": _truth(path)}, _COMPARED)


@pytest.mark.parametrize("path", _ALL, ids=name)
def test_both_sides(path: Path) -> None:
    """Events and store agree on all that is counted, and on the sessions."""
    agree(_read(path), (*WORK, *SESSIONS))


@pytest.mark.parametrize("path", _ALL, ids=name)
def test_one_session(path: Path) -> None:
    """Whatever a capture is of, it is one session, or none where nothing was sent."""
    sessions = _read(path)["sessions"]["sessions"]
    assert isinstance(sessions, frozenset)
    assert len(sessions) == (path.stem in OUTCOMES)


@pytest.mark.parametrize("signals", [("traces",), ("logs",), ("metrics",), ("traces", "logs")], ids="+".join)
@pytest.mark.parametrize("path", _CAPTURES, ids=name)
def test_each_signal_alone(path: Path, signals: tuple[str, ...]) -> None:
    """Events and store agree as well where only some of the signals are sent."""
    agree(_read(path, signals), WORK if signals == ("metrics",) else (*WORK, *SESSIONS))


@pytest.mark.parametrize("path", _CAPTURES, ids=name)
def test_any_order(path: Path) -> None:
    """It does not matter which signal comes first."""
    agree({"in order": _read(path)["by model"], "reversed": _read(path, is_reversed=True)["by model"]})
    agree({"in order": _read(path)["traces"], "reversed": _read(path, is_reversed=True)["traces"]})


@pytest.mark.parametrize("harness", ["claude", "codex", "gemini", "qwen"])
def test_log_records_alone_tell_the_same(harness: str) -> None:
    """Where a program writes log records, they alone give every total."""
    path = _OWN / f"{harness}__{'subagent' if harness in ('claude', 'codex') else 'toolerr'}.json"
    agree({"all": _read(path)["by model"], "log records": _read(path, ("logs",))["by model"]})
