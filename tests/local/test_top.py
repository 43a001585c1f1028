from __future__ import annotations

import asyncio
import json
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from textual.widgets import DataTable, Static

from otel_agent_telemetry.cli._top_screen import Screen
from otel_agent_telemetry.local import Store
from tests.cli.command import COMMAND, agent_telemetry, environment
from tests.local.made import Made, agent, chat, recent, request, tool, trace_id
from tests.local.terminal import Terminal

if TYPE_CHECKING:
    from pathlib import Path

    from otel_agent_telemetry.local import RunningShape

TALK = {"gen_ai.conversation.id": "talk-1"}
COST = {"gen_ai.cost.total_cost": 0.25}
RUN = (
    Made(name="run the shop", id=1, attributes={**agent(), **TALK}),
    Made(name="chat gpt-fake", id=2, parent=1, start=5, end=60, attributes={**chat(), **COST}),
    Made(name="execute_tool search", id=3, parent=1, start=60, end=90, attributes=tool(), error=True),
)


@pytest.fixture
def db(tmp_path: Path) -> Path:
    """A session of two traces, of which one is of another day, and two traces that name none: one failed."""
    path = tmp_path / "traces.sqlite"
    with closing(Store(path)) as store:
        store.add_spans(request(Made(name="chat", attributes={**chat(), **TALK, **COST}), trace=3))
        store.add_spans(recent(*RUN))
        store.add_spans(recent(Made(name="GET /health", error=True), trace=2, service="depot"))
        store.add_spans(recent(Made(name="GET /"), trace=4, service="depot"))
    return path


def test_figures_are_those_of_whole_sessions(db: Path) -> None:
    """Calls, tokens and cost of all its traces; tokens per minute of the calls that have just ended."""
    rows: list[RunningShape] = json.loads(agent_telemetry("top", "--json", "--db", db).out)
    by_key: dict[Any, RunningShape] = {row["session"] or row["trace_id"]: row for row in rows}
    talk, plain = by_key["talk-1"], by_key[trace_id(2)]
    (said,) = json.loads(agent_telemetry("sessions", "--json", "--db", db).out)
    shared = {*talk} & {*said} - {"start"}
    assert {key: talk[key] for key in shared} == {key: said[key] for key in shared}
    assert (talk["calls"], talk["tokens_per_minute"], talk["cost_usd"], talk["errors"]) == (2, 110, 0.5, 1)
    assert (plain["name"], plain["calls"], plain["tokens_per_minute"], plain["cost_usd"]) == ("GET /health", 0, 0, None)
    assert len(rows) == 2


def test_a_pipe_gets_it_once(db: Path, tmp_path: Path) -> None:
    """As a table; where there is nothing, that is said."""
    lines = agent_telemetry("top", "--db", db).out.splitlines()
    titles = ["AGENT", "SESSION", "RUNNING", "LAST", "CALLS", "TOOLS", "TOKENS", "TOK/MIN", "COST", "ERRORS"]
    assert lines[0].split() == titles
    assert {line.split()[0] for line in lines[1:]} == {"helper", "GET"}
    old = tmp_path / "old.sqlite"
    with closing(Store(old)) as store:
        store.add_spans(request(*RUN))
    found = agent_telemetry("top", "--within", "0s", "--db", old)
    assert (found.out, found.err) == ("", "Nothing arrived lately; --within 1h looks further back.\n")


def test_the_screen_shows_what_arrives(db: Path) -> None:
    """It is read anew, sorts by another column at a key, stands still at another, and keeps its selected row."""
    from otel_agent_telemetry.cli._top import read

    async def watch() -> list[object]:
        app = Screen(lambda: read(db, 300 * 10**9), seconds=3600, store="traces.sqlite")
        seen: list[object] = []
        async with app.run_test(size=(120, 20)) as pilot:
            await pilot.pause()
            table, summary = app.query_one(DataTable[Any]), app.query_one("#summary", Static)
            seen.append((table.row_count, str(summary.render())))
            with closing(Store(db)) as store:
                store.add_spans(recent(Made(name="new", attributes=agent("other")), trace=5))
            await pilot.press("p")
            await app.look_again()
            seen.append(table.row_count)
            await pilot.press("p")
            await app.look_again()
            seen.append(table.row_count)
            table.move_cursor(row=1)
            await pilot.pause()
            selected = table.ordered_rows[1].key.value
            await pilot.press("s")
            await pilot.pause()
            seen.append((str(table.get_row_at(0)[0]), "by tokens per minute" in str(summary.render())))
            seen.append(table.ordered_rows[table.cursor_row].key.value == selected)
            await pilot.press("q")
        return seen

    summary = "2 sessions · 110 tokens/min · $0.5000 · 2 errors · by last · traces.sqlite"
    assert asyncio.run(watch()) == [(2, summary), 2, 3, ("helper", True), True]


def test_at_a_terminal_it_goes_on_until_q(db: Path) -> None:
    """What arrives while it is up is shown, and the terminal is left as it was."""
    command = [*COMMAND, "top", "--interval", "100ms", "--db", str(db)]
    with Terminal(command, environment()) as terminal:
        terminal.wait_for(lambda seen: "talk-1" in seen, "the first rows")
        with closing(Store(db)) as store:
            store.add_spans(recent(Made(name="new", attributes=agent("newcomer")), trace=5))
        terminal.wait_for(lambda seen: "newcomer" in seen, "a row that arrives")
        terminal.press("q")
        assert terminal.ended() == 0
        assert terminal.seen.rstrip().endswith("\x1b[?25h") or "\x1b[?1049l" in terminal.seen


def test_without_the_extra_a_terminal_gets_it_once(db: Path) -> None:
    """And what makes it live."""
    hiding = "import sys; sys.modules['textual'] = None; from otel_agent_telemetry.cli import main; main()"
    with Terminal([sys.executable, "-c", hiding, "top", "--db", str(db)], environment()) as terminal:
        assert terminal.ended() == 0
        assert "helper" in terminal.seen
        assert "`pip install 'otel-agent-telemetry[top]'` makes it live." in terminal.seen
