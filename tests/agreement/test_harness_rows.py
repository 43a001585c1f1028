"""How runs of coding agents look in a store, and what of what they send is shown, exported or sent."""

from __future__ import annotations

import json
import os
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from otel_agent_telemetry.local import (
    Imported,
    Store,
    TraceFilter,
    export_all,
    find_trace,
    import_line,
    list_sessions,
    list_traces,
    recent_spans,
    span_detail,
    trace_content,
    trace_tree,
    usage,
)
from tests.agreement.lost import OUTCOMES
from tests.agreement.readings import name
from tests.meaning.cases import events, facts

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

_OWN = Path(__file__).parent.parent / "data" / "harnesses"
_CAPTURES = sorted(_OWN.glob("*__*.json"))
_ALL = [*_CAPTURES, *sorted(Path(os.environ.get("AGENT_TELEMETRY_HARNESS_CORPUS") or "/").glob("*__*.json"))]
_STATUS = {"completed": "ok", "failed": "error", "cancelled": "cancelled"}


@cache
def _secrets() -> list[str]:
    planted: dict[str, dict[str, str]] = json.loads((_OWN / "canaries.json").read_text("utf-8"))
    return [secret for group in planted.values() for secret in group.values()]


def _found(shown: object) -> list[str]:
    text = shown if isinstance(shown, str) else json.dumps(shown)
    return [secret for secret in _secrets() if secret in text]


def _store(file: Path, lines: list[str]) -> Store:
    store = Store(file)
    for line in lines:
        import_line(store, line, Imported())
    while store.settle():
        pass
    return store


@pytest.fixture
def reader(path: Path, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A store that holds the capture."""
    written = [path.read_text("utf-8")]
    with closing(_store(tmp_path / "traces.sqlite", written)) as store, closing(store.reader()) as connection:
        yield connection


@pytest.mark.parametrize("path", _ALL, ids=name)
def test_one_run_is_one_row(reader: sqlite3.Connection, path: Path) -> None:
    """A prompt is one row that says how it ended, whatever a program does in other traces; so do its events."""
    rows = list_traces(reader, TraceFilter(), limit=1000)
    ended = [fact.event.removeprefix("task.") for fact in facts(path) if fact.event.startswith("task.")]
    assert sorted(row["status"] for row in rows) == sorted(_STATUS[outcome] for outcome in OUTCOMES.get(path.stem, ()))
    assert tuple(outcome for outcome in ended if outcome != "started") == OUTCOMES.get(path.stem, ())
    assert [row["errors"] for row in rows] == [int(row["status"] == "error") for row in rows]


@pytest.mark.parametrize("path", _ALL, ids=name)
def test_no_secret_is_shown(reader: sqlite3.Connection, path: Path) -> None:
    """No list, tree, detail or event has a prompt, an argument, an output, a file's name, or who the user is."""
    rows = list_traces(reader, TraceFilter(), limit=1000)
    numbers = [find_trace(reader, row["trace_id"])[0] for row in rows]
    trees = [trace_tree(reader, number) for number in numbers]
    details = [
        span_detail(reader, number, span["span_id"])
        for number, tree in zip(numbers, trees, strict=True)
        for span in tree["spans"]
    ]
    grouped = [usage(reader, group) for group in ("model", "agent", "tool", "session")]
    shown: list[object] = [rows, trees, details, list_sessions(reader), *grouped, recent_spans(reader, 0, 10_000)[1]]
    assert _found(shown) == []
    assert _found([[event.event.name, dict(event.properties)] for event in events(path)]) == []


@pytest.mark.parametrize("path", _ALL, ids=name)
def test_no_secret_is_exported(reader: sqlite3.Connection, tmp_path: Path) -> None:
    """An export without content has no secret, and everything that is counted."""
    lines = list(export_all(reader, content=False))
    assert _found("".join(lines)) == []
    with closing(_store(tmp_path / "again.sqlite", lines)) as store, closing(store.reader()) as again:
        assert usage(again, "agent") == usage(reader, "agent")
        assert list_traces(again, TraceFilter(), limit=1000) == list_traces(reader, TraceFilter(), limit=1000)


@pytest.mark.parametrize("path", [_OWN / "codex__subagent.json", _OWN / "opencode__toolerr.json"], ids=name)
def test_content_is_there_for_who_asks(reader: sqlite3.Connection) -> None:
    """What is hidden is kept: in the content of a trace, and in an export that is asked for it."""
    (row,) = list_traces(reader, TraceFilter())
    number = find_trace(reader, row["trace_id"])[0]
    assert "CANARY_TOOLARG_91bc" in _found(trace_content(reader, number))
    assert "CANARY_TOOLARG_91bc" in _found("".join(export_all(reader, content=True)))


@pytest.mark.parametrize("path", [_OWN / "opencode__toolerr.json"], ids=name)
def test_a_detail_says_what_it_hides(reader: sqlite3.Connection) -> None:
    """Of a span it is told how many of its values are left out, and who asks gets them."""
    (row,) = list_traces(reader, TraceFilter())
    number = find_trace(reader, row["trace_id"])[0]
    tool = next(span for span in trace_tree(reader, number)["spans"] if span["name"] == "ai.toolCall")
    hidden, whole = (span_detail(reader, number, tool["span_id"], content=asked) for asked in (False, True))
    assert (hidden["hidden"], whole["hidden"]) == (len(whole["attributes"]) - len(hidden["attributes"]), 0)
    assert {"ai.toolCall.args", "ai.toolCall.result"} <= whole["attributes"].keys() - hidden["attributes"].keys()


@pytest.mark.parametrize("path", [_OWN / "claude__subagent.json"], ids=name)
def test_a_tree_of_a_run_with_a_subagent(reader: sqlite3.Connection) -> None:
    """The run, its calls with their cost, and the subagent below the tool that started it."""
    (row,) = list_traces(reader, TraceFilter())
    tree = trace_tree(reader, find_trace(reader, row["trace_id"])[0])
    shown: list[tuple[Any, ...]] = [
        (span["depth"], span["kind"], span["label"], span["agent"], round(span["cost_usd"] or 0, 6))
        for span in tree["spans"]
    ]
    model = "claude-sonnet-4-5"
    assert shown == [
        (0, "agent", "claude-code", "claude-code", 0),
        (1, "model", model, "claude-code", 0.002442),
        (1, "tool", "Agent", "claude-code", 0),
        (2, "agent", "general-purpose", "general-purpose", 0),
        (3, "model", model, "general-purpose", 0.002442),
        (3, "tool", "Bash", "general-purpose", 0),
        (3, "model", model, "general-purpose", 0.002739),
        (1, "model", model, "claude-code", 0.002739),
    ]
    assert (row["spans"], row["agent_runs"], row["cost_is_estimate"]) == (8, 2, False)
