"""What a book was asked is kept as long as it holds: until a commit of anybody's, the next hour, or another file."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from otel_agent_telemetry.errors import StoreError
from otel_agent_telemetry.maintainers.answers._reading import Reading
from otel_agent_telemetry.maintainers.answers._report import Asked
from otel_agent_telemetry.maintainers.book._arrivals import Reader
from otel_agent_telemetry.maintainers.book._book import Book
from tests.maintainers.synthetic import Life

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from otel_agent_telemetry.maintainers.answers._report import Answer

ALL = Asked(days=0, least=1)
ARRIVALS = [Reader().read("proxy", body, now=time.time()) for body in Life(installations=3, days=20, seed=5).bodies()]
LAST = next(arrival for arrival in reversed(ARRIVALS) if arrival.event == "command.executed")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A book of a short life."""
    with closing(Book(tmp_path / "book.sqlite")) as book:
        book.add([(None, arrival) for arrival in ARRIVALS], {})
    return tmp_path / "book.sqlite"


@pytest.fixture
def reading(path: Path) -> Iterator[Reading]:
    """That book held open."""
    with closing(Reading(path)) as opened:
        yield opened


def commands(reading: Reading, now: float = 1_800_000_000.0) -> Answer:
    """The answer to one question."""
    with reading.asking(ALL, now=now) as asking:
        return asking.answer("commands")


def calls(answer: Answer) -> int:
    """How many commands it counts."""
    return sum(row[1] for row in answer.rows)


def test_an_answer_is_kept(reading: Reading) -> None:
    """The very same within an hour; another one in the next."""
    first = commands(reading)
    assert commands(reading, 1_800_000_000.0 + 1800) is first
    assert commands(reading, 1_800_000_000.0 + 3600) is not first
    assert commands(reading) == first


@pytest.mark.parametrize("events", [0, 1, 2])
def test_a_commit_ends_it(reading: Reading, path: Path, events: int) -> None:
    """Also one that has counted nothing but what was dropped; then the new answer is kept."""
    first = commands(reading)
    with closing(Book(path)) as book:
        book.add([(None, LAST)] * events, {"not_json": 1})
        second = commands(reading)
        assert second is not first
        assert calls(second) == calls(first) + events
        assert commands(reading) is second


def test_what_was_deleted_is_in_no_answer(reading: Reading, path: Path) -> None:
    """Not one of an installation's commands is counted once the deletion is done."""
    first = commands(reading)
    gone = sum(a.event == "command.executed" and a.installation == LAST.installation for a in ARRIVALS)
    with closing(Book(path)) as book:
        assert book.forget(LAST.installation) > gone
        assert calls(commands(reading)) == calls(first) - gone


def test_an_event_committed_meanwhile_is_in_the_next_report(reading: Reading, path: Path) -> None:
    """A report shows one moment, however long it takes."""
    with reading.asking(ALL) as asking:
        first = asking.answer("commands")
        with closing(Book(path)) as book:
            book.add([(None, LAST)], {})
        assert asking.answer("tools").rows
        sessions = sum(row[1] for row in asking.answer("sessions").rows)
    with reading.asking(ALL) as asking:
        assert calls(asking.answer("commands")) == calls(first) + 1
        assert sum(row[1] for row in asking.answer("sessions").rows) == sessions


def test_another_file_in_its_place_is_read(reading: Reading, path: Path, tmp_path: Path) -> None:
    """And one that is gone is an error, and no answer of before."""
    first = commands(reading)
    with closing(Book(tmp_path / "other.sqlite")) as book:
        book.add([(None, LAST)], {})
    (tmp_path / "other.sqlite").replace(path)
    assert (calls(first) > 1, calls(commands(reading))) == (True, 1)
    path.unlink()
    with pytest.raises(StoreError):
        commands(reading)


def test_other_questions_do_not_disturb_it(reading: Reading) -> None:
    """Each period and product has answers of its own."""
    first = commands(reading)
    with reading.asking(Asked(days=1, least=1), now=1_800_000_000.0) as asking:
        assert asking.answer("commands") is not first
    assert commands(reading) is first
