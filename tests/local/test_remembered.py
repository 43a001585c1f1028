"""Use by the hour, added up beforehand: always what all steps add up to."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from otel_agent_telemetry._sqlite import migrate
from otel_agent_telemetry.local import Limits, collect, usage
from otel_agent_telemetry.local.read.use._series import STACKS, series
from otel_agent_telemetry.local.store import _hours
from otel_agent_telemetry.local.store._hours import add_up_hour
from otel_agent_telemetry.local.store._tables import HOUR_NS, MIGRATIONS, Migration, scripts
from tests.local.made import START, Made, agent, chat, request, tool

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_agent_telemetry.local import Store

PERIODS = [(None, None), (START + HOUR_NS // 2, None), (START - 5 * HOUR_NS, START + HOUR_NS + 10**6), (0, START)]
_NEW_STEPS = """
CREATE TABLE steps_again AS SELECT * FROM steps;
DROP TABLE steps;
ALTER TABLE steps_again RENAME TO steps;
"""


def fill(store: Store, turn: int, hours: int = 3) -> None:
    """A trace in each hour, by two agents, three models and a tool."""
    for hour in range(hours):
        spans = (
            Made(attributes={**agent(f"helper {hour}"), "gen_ai.conversation.id": f"talk-{turn}"}),
            Made(id=2, parent=1, start=1, attributes=chat("gpt-5", 1000 + hour, 70)),
            Made(id=3, parent=1, start=2, attributes=chat("gpt-5-2025-08-07", 300_000)),
            Made(id=4, parent=1, start=3, attributes={**chat("own"), "gen_ai.usage.cost": 0.25}),
            Made(id=5, parent=1, start=4, attributes=tool(), error=turn == 1),
        )
        store.add_spans(request(*spans, trace=10 * turn + hour + 1, start_ns=START + hour * HOUR_NS))
    while store.settle():
        pass


def add_up(store: Store) -> None:
    """All hours that wait for it."""
    while add_up_hour(store):
        pass


def answers(store: Store) -> list[Any]:
    """Every question of use, for whole hours and parts of them."""
    with closing(store.reader()) as connection:
        return [
            (kind, rounded(ask(connection, kind, since, until)))
            for since, until in PERIODS
            for ask in (_usage, _series)
            for kind in STACKS
        ]


def _usage(connection: sqlite3.Connection, by: str, since: int | None, until: int | None) -> list[Any]:
    return [*usage(connection, by, since_ns=since, until_ns=until)]


def _series(connection: sqlite3.Connection, stack: str, since: int | None, until: int | None) -> list[Any]:
    return [*series(connection, "hour", stack, since_ns=since, until_ns=until, top=1)["points"]]


def rounded(rows: list[Any]) -> list[Any]:
    """Costs without the noise of adding them up in another order."""
    return [{**row, "cost_usd": row["cost_usd"] and round(row["cost_usd"], 9)} for row in rows]


def anew(store: Store) -> list[Any]:
    """The same with nothing stored of it."""
    with store.writing() as connection:
        connection.execute("DELETE FROM used_hours")
    return answers(store)


def stored(store: Store) -> int:
    """How many sums of hours hold."""
    with closing(store.reader()) as connection:
        return int(connection.execute("SELECT count(*) FROM used_hours WHERE NOT pending").fetchone()[0])


def more(store: Store) -> None:
    """Another trace in the first hour."""
    fill(store, 2, hours=1)


def late(store: Store) -> None:
    """A span that comes when its trace was settled."""
    store.add_spans(request(Made(id=9, parent=1, start=7, attributes=chat("gpt-5", 7)), trace=11, start_ns=START))
    store.settle()


def gone(store: Store) -> None:
    """Part of what was stored is let go, for its age."""
    with store.writing() as connection:
        connection.execute("UPDATE traces SET received_ns = 1 WHERE start_ns < ?", (START + HOUR_NS,))
    assert collect(store, Limits(age_ns=HOUR_NS)).traces == 1
    with closing(store.reader()) as connection:
        assert connection.execute("SELECT count(*) FROM used WHERE hour = ?", (START // HOUR_NS,)).fetchone() == (0,)


def read_anew(store: Store) -> None:
    """Steps that an older release would have made otherwise are made again."""
    with store.writing() as connection:
        connection.execute("UPDATE steps SET start_ns = start_ns + ?", (HOUR_NS,))
    add_up(store)
    with store.writing() as connection:
        connection.execute("UPDATE traces SET unsettled = 2")
    while store.settle():
        pass


@pytest.mark.parametrize("change", [more, late, gone, read_anew])
def test_what_is_stored_is_what_is_added_up(store: Store, change: Callable[[Store], None]) -> None:
    """After spans come, come late, go, or are read again, stored sums answer as all steps do."""
    fill(store, 1)
    add_up(store)
    assert stored(store) == 3 * len(STACKS)
    assert answers(store) == anew(store)
    add_up(store)
    change(store)
    partly = answers(store)
    add_up(store)
    assert stored(store) > 0
    assert answers(store) == partly == anew(store)


def test_what_changes_while_it_is_added_up_is_not_stored(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour to which a span comes between reading and writing is not stored with the sums of before."""
    fill(store, 1, hours=1)
    reader = store.reader
    opened: list[int] = []

    def slow_reader() -> sqlite3.Connection:
        connection = reader()
        opened.append(1)
        if len(opened) == 2:  # the sums of the first key are about to be read
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM steps").fetchone()
            monkeypatch.setattr(store, "reader", reader)
            late(store)
        return connection

    monkeypatch.setattr(store, "reader", slow_reader)
    add_up_hour(store)
    assert answers(store) == anew(store)


def test_other_sizes_of_calls_make_other_sums(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sums by the sizes of calls of another price list are not used, and made again."""
    fill(store, 1)
    monkeypatch.setattr(_hours, "sizes", lambda: "another list")
    add_up(store)
    monkeypatch.undo()
    assert stored(store) == 3 * len(STACKS)
    assert answers(store) == anew(store)


@pytest.mark.parametrize("statements", ["", _NEW_STEPS])
def test_a_migration_to_come_keeps_the_watch(store: Store, statements: str) -> None:
    """Whatever a later migration does with the steps: what was added up is void, and a new step is noticed."""
    fill(store, 1)
    add_up(store)
    with closing(sqlite3.connect(store.path, isolation_level=None)) as connection:
        migrate(connection, scripts((*MIGRATIONS, Migration(statements))))
        assert connection.execute("SELECT count(*) FROM used_hours").fetchone() == (0,)
        connection.execute("INSERT INTO used_hours VALUES (?, 'model', '', 0)", (START // HOUR_NS,))
        connection.execute("UPDATE steps SET name = 'other' WHERE start_ns < ?", (START + HOUR_NS,))
        assert connection.execute("SELECT count(*) FROM used_hours").fetchone() == (0,)


def test_the_keeper_adds_up(store: Store) -> None:
    """What nobody asked for yet is added up as soon as spans pause."""
    from otel_agent_telemetry.local import Keeper

    fill(store, 1)
    keeper = Keeper(store, Limits())
    keeper.start()
    deadline = time.monotonic() + 60
    while stored(store) < 3 * len(STACKS) and time.monotonic() < deadline:
        time.sleep(0.05)
    keeper.end()
    assert stored(store) == 3 * len(STACKS)
