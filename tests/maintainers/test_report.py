"""The report's answers, against the truth of a made-up life."""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter, defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from otel_agent_telemetry.errors import InputError, StoreError
from otel_agent_telemetry.maintainers._book import rounded
from otel_agent_telemetry.maintainers._compared import compare
from otel_agent_telemetry.maintainers._page import page
from otel_agent_telemetry.maintainers._report import Asked, Report, report
from tests.maintainers.proxy import COMMAND
from tests.maintainers.synthetic import DAY, Life, nearest_rank

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Lived = tuple[Life, "Path"]


@pytest.fixture(scope="module")
def whole(lived: Lived) -> Report:
    """The report on all of it, with every row."""
    return report(lived[1], Asked(days=0, least=1, funnel=("server.started", "task.failed", "task.cancelled")))


def rows(found: Report, name: str) -> list[dict[str, Any]]:
    """An answer's rows as objects."""
    answer = found.answers[name]
    return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]


def iso(day: int) -> str:
    """A day, counted from the epoch, as it is written."""
    return time.strftime("%Y-%m-%d", time.gmtime(day * DAY))


def monday(day: int) -> int:
    """The first day of its week."""
    return (day + 3) // 7 * 7 - 3


def test_who_is_active_and_who_is_new(lived: Lived, whole: Report) -> None:
    """By day and by week, each installation once."""
    life, _ = lived
    starts: dict[str, Callable[[int], int]] = {"active_by_day": lambda day: day, "active_by_week": monday}
    for name, start in starts.items():
        there: defaultdict[int, set[str]] = defaultdict(set)
        for day, installation, _version in life.present:
            there[start(day)].add(installation)
        known: set[str] = set()
        expected: list[tuple[str, int, int]] = []
        for day in sorted(there):
            expected.append((iso(day), len(there[day]), len(there[day] - known)))
            known |= there[day]
        assert whole.answers[name].rows == expected


def test_who_came_back(lived: Lived, whole: Report) -> None:
    """By the week in which an installation was first seen."""
    weeks: defaultdict[str, set[int]] = defaultdict(set)
    for day, installation, _version in lived[0].present:
        weeks[installation].add(monday(day))
    truth = Counter((iso(min(mine)), (week - min(mine)) // 7) for mine in weeks.values() for week in mine)
    assert whole.answers["retention"].rows == [(*key, count) for key, count in sorted(truth.items())]


def test_versions_by_week(lived: Lived, whole: Report) -> None:
    """One that changed within a week counts for both."""
    truth = Counter((week, version) for week, version, _ in {(iso(monday(d)), v, i) for d, i, v in lived[0].present})
    assert whole.answers["versions"].rows == [(*key, count) for key, count in sorted(truth.items())]


@pytest.mark.parametrize(("name", "part"), [("version", 1), ("source", 2), ("harness", 3)])
def test_how_tasks_end(lived: Lived, whole: Report, name: str, part: int) -> None:
    """Completed, failed, cancelled, and the rate of success of those that ended by themselves."""
    truth: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for key, count in lived[0].ends.items():
        truth[key[part]][key[0]] += count
    found = {row[name]: row for row in rows(whole, f"tasks_by_{name}")}
    assert {
        key: (row["completed"], row["failed"], row["cancelled"], row["success_rate"]) for key, row in found.items()
    } == {
        key: (
            done := ends["task.completed"],
            bad := ends["task.failed"],
            ends["task.cancelled"],
            round(done / (done + bad), 4) if done + bad else None,
        )
        for key, ends in truth.items()
    }


def test_tools_and_their_failures(lived: Lived, whole: Report) -> None:
    """Calls, failures, and quantiles of how long they took, in two significant digits."""
    life, _ = lived
    for row in rows(whole, "tools"):
        took = [rounded(value) for value in life.durations["tool.called", row["name"]]]
        good, bad = life.tools[row["name"], True], life.tools[row["name"], False]
        assert (row["calls"], row["failed"]) == (good + bad, bad)
        assert (row["median_ms"], row["p95_ms"]) == (nearest_rank(took, 0.5), nearest_rank(took, 0.95))
    assert len(rows(whole, "tools")) == 3


def test_what_fails(lived: Lived, whole: Report) -> None:
    """By category, and by what the event says of version, source, harness and model."""
    by_source = {(row["category"], row["source"]): row["failures"] for row in rows(whole, "failures_by_source")}
    assert by_source == lived[0].failures
    tasks = dict.fromkeys(("version", "source", "harness"), 0)
    for name in tasks:
        found = [row for row in rows(whole, f"failures_by_{name}") if row["event"] == "task.failed"]
        tasks[name] = sum(row["failures"] for row in found)
    assert {*tasks.values()} == {sum(lived[0].failures.values())}
    assert {row["event"] for row in rows(whole, "failures_by_model")} == {"session.failure"}


def test_how_sessions_end(lived: Lived, whole: Report) -> None:
    """Badly where an error was recorded in one; the same sessions have a row by cause."""
    life, _ = lived
    found = {row["version"]: (row["sessions"], row["bad"]) for row in rows(whole, "sessions")}
    versions = {version for version, _ in life.sessions}
    assert found == {v: (life.sessions[v, True] + life.sessions[v, False], life.sessions[v, True]) for v in versions}
    causes = sum(row["sessions"] for row in rows(whole, "bad_ends"))
    by_model = sum(row["failed"] for row in rows(whole, "tasks_by_model"))
    assert causes == by_model == sum(bad for _, bad in found.values())


def test_what_is_slow(lived: Lived, whole: Report) -> None:
    """Tasks and tools, the slowest first."""
    life, _ = lived
    found = {(row["event"], row["name"]): row for row in rows(whole, "slow")}
    assert {*found} == {*life.durations}
    for key, took in life.durations.items():
        quick = [rounded(value) for value in took]
        assert (found[key]["count"], found[key]["p99_ms"]) == (len(took), nearest_rank(quick, 0.99))
    assert [row["p95_ms"] for row in found.values()] == sorted((r["p95_ms"] for r in found.values()), reverse=True)


def test_tokens_and_cost(lived: Lived, whole: Report) -> None:
    """By model, from token.usage."""
    life, _ = lived
    for row in rows(whole, "models"):
        tokens = (life.tokens[row["model"], "inputTokens"], life.tokens[row["model"], "outputTokens"])
        assert (row["input_tokens"], row["output_tokens"]) == tokens
        assert row["cost_usd"] == pytest.approx(life.tokens[row["model"], "milli"] / 1000, abs=0.006)


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
    assert {row["start"] for row in rows(short, "active_by_day")} <= {iso(life.today - back) for back in range(40)}
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
