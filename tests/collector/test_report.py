"""What maintainers ask: the same answers from ClickHouse as from the book, and both the truth."""

from __future__ import annotations

import json
import os
import re
import time
from typing import TYPE_CHECKING, Any

import pytest

from otel_agent_telemetry.maintainers.answers._reading import report
from otel_agent_telemetry.maintainers.answers._report import Asked, Report
from otel_agent_telemetry.maintainers.book._arrivals import Arrival, Reader
from otel_agent_telemetry.maintainers.book._book import Book
from tests.collector.clickhouse import ClickHouse
from tests.collector.running import CONFIGURATIONS
from tests.maintainers.synthetic import Life
from tests.maintainers.truth import TRUTHS

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.clickhouse, pytest.mark.timeout(3600)]  # a million events, on any machine

SQL = CONFIGURATIONS / "clickhouse"
EVENTS = int(os.environ.get("CLICKHOUSE_EVENTS", "1000000"))
AN_INSTALLATION = 2000
"""Events that one sends in the days of the life below, about."""
FUNNEL = ("server.started", "tool.called", "task.failed")


def attributes(arrival: Arrival) -> dict[str, str]:
    """An event as event-proxy.yaml and the Collector's exporter write it."""
    envelope = {
        "product": arrival.product,
        "event": arrival.event,
        "installation": arrival.installation,
        "version": arrival.version,
        "source": arrival.source,
        "environment": arrival.environment,
    }
    written = {
        f"properties.{name}": value if isinstance(value, str) else json.dumps(value)
        for name, value in arrival.properties.items()
    }
    return {name: value for name, value in (envelope | written).items() if value}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Life, ClickHouse, Report]]:
    """One life in both: the report of the book, and ClickHouse to be asked."""
    life = Life(installations=max(5, EVENTS // AN_INSTALLATION), days=90, tasks_a_day=6)
    path = tmp_path_factory.mktemp("book") / "book.sqlite"
    reader, book, now = Reader(), Book(path), time.time()
    with ClickHouse() as engine:
        engine.run(SQL / "events.sql")
        batch: list[Arrival] = []
        for body in life.bodies():
            batch.append(reader.read("proxy", body, now=now))
            if len(batch) == 50_000:
                add(engine, book, batch)
                batch.clear()
        add(engine, book, batch)
        book.close()
        yield life, engine, report(path, Asked(days=0, least=1, funnel=FUNNEL))


def add(engine: ClickHouse, book: Book, batch: list[Arrival]) -> None:
    """The same events into both."""
    book.add([(None, arrival) for arrival in batch], {})
    rows = [json.dumps({"Timestamp": arrival.occurred, "LogAttributes": attributes(arrival)}) for arrival in batch]
    engine.raw("INSERT INTO agent_events.received (Timestamp, LogAttributes) FORMAT JSONEachRow " + "\n".join(rows))


def asked(engine: ClickHouse, name: str) -> list[tuple[Any, ...]]:
    """A question's rows from ClickHouse, with its parameters filled in."""
    given = {
        "product": "'acme'",
        "environment": "'production'",
        "since": "toDateTime('2020-01-01 00:00:00', 'UTC')",
        "until": "toDateTime('2100-01-01 00:00:00', 'UTC')",
        **{step: f"'{event}'" for step, event in zip(("first", "second", "third"), FUNNEL, strict=True)},
    }
    text = (SQL / "report" / f"{name}.sql").read_text("utf-8")
    code = "\n".join(line for line in text.splitlines() if not line.startswith("--")).rstrip().removesuffix(";")
    statement = re.sub(r"\{(\w+):[^}]+\}", lambda found: given[found[1]], code)
    rows = engine.rows(statement + " SETTINGS output_format_json_quote_64bit_integers = 0")
    return [tuple(row.values()) for row in rows]


NAMES = sorted(path.stem for path in (SQL / "report").glob("*.sql"))


def test_there_is_a_file_for_each_question(both: tuple[Life, ClickHouse, Report]) -> None:
    """All but the comparison of two versions, whose intervals are worked out beside the database."""
    assert {*NAMES} == {*both[2].answers} - {"compared"}


@pytest.mark.parametrize("name", NAMES)
def test_both_give_the_same_answer(both: tuple[Life, ClickHouse, Report], name: str) -> None:
    """Row by row, number by number."""
    life, engine, found = both
    rows = [row[:2] for row in found.answers[name].rows] if name == "funnel" else found.answers[name].rows
    theirs: list[tuple[Any, ...]] = (
        [(FUNNEL[row[0] - 1], row[1]) for row in asked(engine, name)] if name == "funnel" else asked(engine, name)
    )
    assert life.events > 5000
    assert len(rows) == len(theirs)
    assert [pair for pair in zip(rows, theirs, strict=True) if not near(*pair)] == []


@pytest.mark.parametrize("question", TRUTHS)
def test_the_answer_is_the_truth(both: tuple[Life, ClickHouse, Report], question: str) -> None:
    """Of all the events: what both say is what the life is known to have been."""
    found, true = TRUTHS[question](both[0], both[2])
    assert found == true


def near(ours: tuple[Any, ...], theirs: tuple[Any, ...]) -> bool:
    """The same text, and the same numbers but for the last digit of a sum of money."""
    return all(
        a == b or (isinstance(a, (int, float)) and isinstance(b, (int, float)) and abs(a - b) <= 0.011)
        for a, b in zip(ours, theirs, strict=True)
    )
