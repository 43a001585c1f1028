"""What a report on a life has to say: for each question, what it found and what is true."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import pytest

from otel_agent_telemetry.maintainers.book._book import rounded
from tests.maintainers.synthetic import DAY, Life, nearest_rank

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_agent_telemetry.maintainers.answers._report import Report

__all__ = ["TRUTHS", "iso", "monday", "rows"]


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


def first_of_month(day: int) -> int:
    """The first day of its month."""
    return day - int(time.strftime("%d", time.gmtime(day * DAY))) + 1


def active(name: str, start: Callable[[int], int]) -> Callable[[Life, Report], tuple[object, object]]:
    """Each installation once in a period, and the new ones."""

    def found_and_true(life: Life, found: Report) -> tuple[object, object]:
        there: defaultdict[int, set[str]] = defaultdict(set)
        for day, installation, _version in life.present:
            there[start(day)].add(installation)
        known: set[str] = set()
        expected: list[tuple[str, int, int]] = []
        for day in sorted(there):
            expected.append((iso(day), len(there[day]), len(there[day] - known)))
            known |= there[day]
        return found.answers[name].rows, expected

    return found_and_true


def who_came_back(life: Life, found: Report) -> tuple[object, object]:
    """By the week in which an installation was first seen."""
    weeks: defaultdict[str, set[int]] = defaultdict(set)
    for day, installation, _version in life.present:
        weeks[installation].add(monday(day))
    truth = Counter((iso(min(mine)), (week - min(mine)) // 7) for mine in weeks.values() for week in mine)
    return found.answers["retention"].rows, [(*key, count) for key, count in sorted(truth.items())]


def versions_by_week(life: Life, found: Report) -> tuple[object, object]:
    """One that changed within a week counts for both."""
    truth = Counter((week, version) for week, version, _ in {(iso(monday(d)), v, i) for d, i, v in life.present})
    return found.answers["versions"].rows, [(*key, count) for key, count in sorted(truth.items())]


def how_tasks_end(name: str, part: int) -> Callable[[Life, Report], tuple[object, object]]:
    """Completed, failed, cancelled, and the rate of success of those that ended by themselves."""

    def found_and_true(life: Life, found: Report) -> tuple[object, object]:
        truth: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for key, count in life.ends.items():
            truth[key[part]][key[0]] += count
        told = {
            row[name]: (row["completed"], row["failed"], row["cancelled"], row["success_rate"])
            for row in rows(found, f"tasks_by_{name}")
        }
        expected = {
            key: (
                done := ends["task.completed"],
                bad := ends["task.failed"],
                ends["task.cancelled"],
                round(done / (done + bad), 4) if done + bad else None,
            )
            for key, ends in truth.items()
        }
        return told, expected

    return found_and_true


def tools(life: Life, found: Report) -> tuple[object, object]:
    """Calls, failures, and quantiles of how long they took, in two significant digits."""
    told = {row["name"]: (row["calls"], row["failed"], row["median_ms"], row["p95_ms"]) for row in rows(found, "tools")}
    expected: dict[str, tuple[int, int, int, int]] = {}
    for name in {name for name, _ in life.tools}:
        took = [rounded(value) for value in life.durations["tool.called", name]]
        good, bad = life.tools[name, True], life.tools[name, False]
        expected[name] = (good + bad, bad, nearest_rank(took, 0.5), nearest_rank(took, 0.95))
    return told, expected


def what_fails(life: Life, found: Report) -> tuple[object, object]:
    """By category and source; by each other part of it as many."""
    by_source = {(row["category"], row["source"]): row["failures"] for row in rows(found, "failures_by_source")}
    whole = sum(life.failures.values())
    sums = [
        sum(row["failures"] for row in rows(found, f"failures_by_{name}") if row["event"] == "task.failed")
        for name in ("version", "source", "harness")
    ]
    named = {row["event"] for row in rows(found, "failures_by_model")}
    return (by_source, sums, named), (dict(life.failures), [whole] * 3, {"session.failure"})


def how_sessions_end(life: Life, found: Report) -> tuple[object, object]:
    """Badly where an error was recorded in one; the same sessions have a row by cause, and by model."""
    told = {row["version"]: (row["sessions"], row["bad"]) for row in rows(found, "sessions")}
    good, bad = (
        Counter({v: n for (v, failed), n in life.sessions.items() if failed is which}) for which in (False, True)
    )
    causes = sum(row["sessions"] for row in rows(found, "bad_ends"))
    by_model = sum(row["failed"] for row in rows(found, "tasks_by_model"))
    return (told, causes, by_model), ({v: (good[v] + bad[v], bad[v]) for v in good | bad}, bad.total(), bad.total())


def what_is_slow(life: Life, found: Report) -> tuple[object, object]:
    """All that has a duration, the slowest first."""
    told = {(row["event"], row["name"]): (row["count"], row["p99_ms"]) for row in rows(found, "slow")}
    expected = {
        key: (len(took), nearest_rank([rounded(value) for value in took], 0.99)) for key, took in life.durations.items()
    }
    order = [row["p95_ms"] for row in rows(found, "slow")]
    return (told, order), (expected, sorted(order, reverse=True))


def tokens_and_cost(life: Life, found: Report) -> tuple[object, object]:
    """By model, from token.usage; cost in cents."""
    told = {row["model"]: (row["input_tokens"], row["output_tokens"], row["cost_usd"]) for row in rows(found, "models")}
    return told, {
        model: (
            life.tokens[model, "inputTokens"],
            life.tokens[model, "outputTokens"],
            pytest.approx(life.tokens[model, "milli"] / 1000, abs=0.006),
        )
        for model in {model for model, _ in life.tokens}
    }


TRUTHS: dict[str, Callable[[Life, Report], tuple[object, object]]] = {
    "active by day": active("active_by_day", lambda day: day),
    "active by week": active("active_by_week", monday),
    "active by month": active("active_by_month", first_of_month),
    "who came back": who_came_back,
    "versions by week": versions_by_week,
    "tasks by version": how_tasks_end("version", 1),
    "tasks by source": how_tasks_end("source", 2),
    "tasks by harness": how_tasks_end("harness", 3),
    "tools": tools,
    "what fails": what_fails,
    "how sessions end": how_sessions_end,
    "what is slow": what_is_slow,
    "tokens and cost": tokens_and_cost,
}
"""The book needs every row: a report of all days, with one installation behind a row."""
