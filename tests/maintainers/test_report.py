"""The report's answers, against the truth of a made-up life."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from otel_agent_telemetry.errors import InputError, StoreError
from otel_agent_telemetry.maintainers.answers._compared import compare
from otel_agent_telemetry.maintainers.answers._page import page
from otel_agent_telemetry.maintainers.answers._reading import report
from otel_agent_telemetry.maintainers.answers._report import Asked, Report
from tests.maintainers.proxy import COMMAND
from tests.maintainers.synthetic import DAY, Life
from tests.maintainers.truth import TRUTHS, iso, monday, rows

if TYPE_CHECKING:
    from pathlib import Path

Lived = tuple[Life, "Path"]


@pytest.fixture(scope="module")
def whole(lived: Lived) -> Report:
    """The report on all of it, with every row."""
    return report(lived[1], Asked(days=0, least=1, funnel=("server.started", "task.failed", "task.cancelled")))


@pytest.mark.parametrize("question", TRUTHS)
def test_an_answer_is_the_truth(lived: Lived, whole: Report, question: str) -> None:
    """Of what the life of the book is known to have been."""
    found, true = TRUTHS[question](lived[0], whole)
    assert found == true


def test_a_funnel_follows_the_order(lived: Lived, whole: Report) -> None:
    """Each step counts the installations that did it after the one before."""
    steps = [row["installations"] for row in rows(whole, "funnel")]
    first = {name for name, event in lived[0].firsts if event == "server.started"}
    assert steps[0] == len(first) == 40
    assert steps[0] >= steps[1] >= steps[2] > 0


def test_a_worse_version_is_found(whole: Report) -> None:
    """The tool that fails more in 2.4.0 shows, what is as before does not."""
    assert whole.versions == ("2.3.0", "2.4.0")
    found = {row["measure"]: row for row in rows(whole, "compared")}
    assert found["tool failure rate"]["verdict"] == "more"
    assert found["tool failure rate"]["low"] > 0.02
    assert found["task duration, ms"]["verdict"] == "unclear"


def test_a_row_of_few_installations_is_left_out(lived: Lived, whole: Report) -> None:
    """And counted; with a bound above all installations nothing is shown."""
    few = report(lived[1], Asked(days=0, least=20))
    for name, answer in few.answers.items():
        behind = answer.columns.index("installations")
        assert [row for row in answer.rows if row[behind] < 20] == []
        if name not in {"compared", "funnel"}:
            assert len(answer.rows) + answer.withheld == len(whole.answers[name].rows)
    none = report(lived[1], Asked(days=0, least=41))
    assert [name for name, answer in none.answers.items() if answer.rows] == []


def test_days_bound_what_is_counted(lived: Lived) -> None:
    """Only what happened in the last so many days."""
    life, path = lived
    short = report(path, Asked(days=8, least=1), now=life.today * DAY + 60)
    assert {row["start"] for row in rows(short, "active_by_day")} <= {iso(life.today - back) for back in range(8)}
    weeks = {iso(monday(life.today)), iso(monday(life.today - 7))}
    assert {row["start"] for row in rows(short, "active_by_week")} <= weeks
    calls = sum(row["calls"] for row in rows(short, "tools"))
    assert 0 < calls < sum(life.tools.values())


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        (Asked(product="other"), "--product 'other' is not in the book; expected one of acme"),
        (Asked(funnel=("a.b", "c.d", "e.f")), "--funnel 'a.b' has never arrived; expected three of command.executed"),
        (Asked(versions=("2.3.0", "9.9")), "--compare '9.9' has never arrived; expected two of 2.3.0, 2.4.0"),
    ],
)
def test_what_is_not_there_is_named(lived: Lived, asked: Asked, text: str) -> None:
    """With what there is."""
    with pytest.raises(InputError, match=text.replace(".", r"\.")):
        report(lived[1], asked)


def test_no_book_is_an_error_with_the_next_command(tmp_path: Path) -> None:
    """A file that is missing, and one of another program."""
    (tmp_path / "other").write_bytes(b"not a database" * 100)
    for name in ("missing", "other"):
        with pytest.raises(StoreError, match="agent-telemetry proxy --db"):
            report(tmp_path / name, Asked())


def test_the_command_prints_what_the_report_has(lived: Lived, whole: Report, tmp_path: Path) -> None:
    """As JSON, as a page in a file, and as text."""
    words = [*COMMAND, "report", "--db", str(lived[1]), "--days", "0", "--min-installations", "1"]
    printed = json.loads(subprocess.run([*words, "--json"], capture_output=True, check=True).stdout)
    for name in ("tools", "versions", "models"):
        assert printed["answers"][name] == json.loads(json.dumps(whole.answers[name].as_json()))
    subprocess.run([*words, "--html", str(tmp_path / "report.html")], capture_output=True, check=True)
    assert "tool failure rate" in (tmp_path / "report.html").read_text("utf-8")
    text = subprocess.run(words, capture_output=True, check=True, text=True).stdout
    assert "2.4.0 against 2.3.0" in text
    assert "read_file" in text


def test_words_from_events_are_text_on_the_page(whole: Report) -> None:
    """Nothing that a client sent can be markup."""
    answer = whole.answers["tools"]
    bad = type(answer)(answer.columns, [("<script>alert(1)</script>", *answer.rows[0][1:])])
    shown = page(replace(whole, answers={"tools": bad}))
    assert "<script" not in shown
    assert "&lt;script&gt;" in shown


def test_installations_are_taken_as_they_are() -> None:
    """One noisy installation makes the interval wide; as many events spread over installations do not."""
    calm = [(10.0, 100.0)] * 30
    spread = compare(calm, [(14.0, 100.0)] * 30, is_rate=True)
    noisy = compare(calm, [(130.0, 100.0), *[(10.0, 100.0)] * 29], is_rate=False)
    assert spread is not None
    assert noisy is not None
    assert spread.verdict == "more"
    assert noisy.difference == pytest.approx(spread.difference)
    assert noisy.verdict == "unclear"
    assert compare(calm, [(1.0, 2.0)], is_rate=True) is None
