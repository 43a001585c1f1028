"""The report: answers over a period, each row with at least so many installations behind it."""

from __future__ import annotations

import re
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from otel_agent_telemetry._sqlite import connected_readonly
from otel_agent_telemetry.errors import InputError, StoreError
from otel_agent_telemetry.maintainers import _questions
from otel_agent_telemetry.maintainers._compared import compare, split

if TYPE_CHECKING:
    import os

__all__ = ["Answer", "Asked", "Report", "report"]

_DAY = 86_400
_FUNNEL = ("task.created", "task.started", "task.completed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a report is about.

    ``product`` may be left out where the book has one. ``days`` counts back from now, 0 for all. ``funnel`` names three
    events, ``versions`` an earlier and a later one; left out, the two that most installations have.
    """

    product: str | None = None
    days: int = 90
    environment: str = "production"
    least: int = 5
    funnel: tuple[str, str, str] = _FUNNEL
    versions: tuple[str, str] | None = None

    def with_funnel(self, events: tuple[str, str, str]) -> Asked:
        """The same with another funnel."""
        return replace(self, funnel=events)


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows that answer a question, and how many more there are with too few installations behind them."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    withheld: int = 0

    def as_json(self) -> dict[str, object]:
        """Rows as objects."""
        return {
            "rows": [dict(zip(self.columns, row, strict=True)) for row in self.rows],
            "withheld_rows": self.withheld,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """All answers by the name of their question."""

    asked: Asked
    product: str
    since: str
    until: str
    versions: tuple[str, str] | None
    answers: dict[str, Answer]
    counts: dict[str, int]
    """Events kept, repeated, and dropped by reason, since the book was begun."""

    def as_json(self) -> dict[str, object]:
        """What ``agent-telemetry report --json`` prints."""
        return {
            "product": self.product,
            "since": self.since,
            "until": self.until,
            "environment": self.asked.environment,
            "min_installations": self.asked.least,
            "funnel": list(self.asked.funnel),
            "versions": None if self.versions is None else list(self.versions),
            "answers": {name: answer.as_json() for name, answer in self.answers.items()},
            "received": self.counts,
        }


def report(path: str | os.PathLike[str], asked: Asked, *, now: float | None = None) -> Report:
    """Answer every question of the book at ``path``.

    Raises StoreError where that is no book, InputError for what is not in it.
    """
    try:
        with closing(connected_readonly(path)) as connection:
            connection.execute("PRAGMA temp_store = MEMORY")
            connection.execute("PRAGMA cache_size = -65536")
            connection.execute("BEGIN")
            return _Asking(connection, asked, time.time() if now is None else now).report()
    except sqlite3.Error as error:
        msg = f"{path} is no book of a proxy's ({error}); `agent-telemetry proxy --db {path}` makes one"
        raise StoreError(msg) from error


class _Asking:
    def __init__(self, connection: sqlite3.Connection, asked: Asked, now: float) -> None:
        self._connection = connection
        self._asked = asked
        self._product = self._chosen_product()
        until = int(now) + _DAY  # clocks of others go before
        self._since = 0 if not asked.days else int(now) // _DAY * _DAY - (asked.days - 1) * _DAY
        self._parameters: dict[str, object] = {
            "product": self._word(self._product),
            "environment": self._word(asked.environment),
            "unknown": self._word("") or -1,
            "since": self._since,
            "until": until,
        }
        self._until = until

    def report(self) -> Report:
        answers = {name: self._answer(sql) for name, sql in _questions.QUESTIONS.items()}
        answers["funnel"] = self._funnel()
        versions = self._asked.versions or self._two_versions()
        if versions is not None:
            answers["compared"] = self._compared(versions)
        return Report(
            asked=self._asked,
            product=self._product,
            since=_date(self._since),
            until=_date(self._until - _DAY),
            versions=versions,
            answers=answers,
            counts=dict(self._connection.execute("SELECT name, value FROM counts ORDER BY name")),
        )

    def _answer(self, sql: str) -> Answer:
        cursor = self._connection.execute(sql, self._parameters)
        columns = tuple(column[0] for column in cursor.description)
        behind = columns.index("installations")
        rows = cursor.fetchall()
        shown = [row for row in rows if row[behind] >= self._asked.least]
        return Answer(columns, shown, len(rows) - len(shown))

    def _funnel(self) -> Answer:
        ids = dict(zip(("first", "second", "third"), map(self._event, self._asked.funnel), strict=True))
        steps: list[tuple[int, int]] = self._connection.execute(
            _questions.funnel(), {**self._parameters, **ids}
        ).fetchall()
        first = steps[0][1]
        shares: list[tuple[Any, ...]] = [
            (name, count, round(count / first, 4) if first else None)
            for name, (_, count) in zip(self._asked.funnel, steps, strict=True)
        ]
        shown = [row for row in shares if row[1] >= self._asked.least]
        return Answer(("event", "installations", "share"), shown, len(shares) - len(shown))

    def _compared(self, versions: tuple[str, str]) -> Answer:
        before, after = (self._version(version) for version in versions)
        parameters = {**self._parameters, "before": before, "after": after}
        rows, withheld = list[tuple[Any, ...]](), 0
        for measure in _questions.COMPARED:
            sides = split(self._connection.execute(_questions.compared(measure), parameters))
            found = compare(*sides, is_rate="rate" in measure or "badly" in measure)
            behind = min(map(len, sides))
            if found is None or behind < self._asked.least:
                withheld += bool(sides[0] or sides[1])
                continue
            numbers = (found.before.ratio, found.after.ratio, found.difference, found.low, found.high)
            rows.append((measure, *(float(f"{number:.4g}") for number in numbers), found.verdict, behind))
        columns = ("measure", "before", "after", "difference", "low", "high", "verdict", "installations")
        return Answer(columns, rows, withheld)

    def _two_versions(self) -> tuple[str, str] | None:
        """The two versions that most installations have had, the earlier one first."""
        found = self._connection.execute(_TWO, self._parameters).fetchall()
        if len(found) < 2:  # noqa: PLR2004 - two are compared
            return None
        first, second = sorted((text for text, _ in found), key=_order)
        return first, second

    def _chosen_product(self) -> str:
        known = [text for (text,) in self._connection.execute(_PRODUCTS)]
        wanted = self._asked.product or (known[0] if len(known) == 1 else None)
        if wanted in known:
            return str(wanted)
        if not known:
            msg = "nothing has arrived yet; point a product at the proxy with AGENT_TELEMETRY_ENDPOINT"
        else:
            msg = f"--product {wanted!r} is not in the book; expected one of {', '.join(known)}"
        raise InputError(msg)

    def _event(self, name: str) -> int:
        found = self._word(name)
        if found is None:
            known = [text for (text,) in self._connection.execute(_EVENT_NAMES, self._parameters)]
            msg = f"--funnel {name!r} has never arrived; expected three of {', '.join(known)}"
            raise InputError(msg)
        return found

    def _version(self, version: str) -> int:
        found = self._word(version)
        if found is None:
            known = [text for text, _ in self._connection.execute(_ALL_VERSIONS, self._parameters)]
            msg = f"--compare {version!r} has never arrived; expected two of {', '.join(known)}"
            raise InputError(msg)
        return found

    def _word(self, text: str) -> int | None:
        found = self._connection.execute("SELECT id FROM words WHERE text = ?", (text,)).fetchone()
        return None if found is None else found[0]


_PRODUCTS = "SELECT text FROM words WHERE id IN (SELECT product FROM installations) ORDER BY text"
_EVENT_NAMES = "SELECT text FROM words WHERE id IN (SELECT event FROM events WHERE product = :product) ORDER BY text"
_ALL_VERSIONS = """
SELECT (SELECT text FROM words WHERE id = version) AS text, COUNT(DISTINCT installation) AS installations
FROM presence
WHERE product = :product AND environment IN (:environment, :unknown) AND version != :unknown
    AND day >= :since / 86400
GROUP BY version ORDER BY installations DESC, text"""
_TWO = f"{_ALL_VERSIONS} LIMIT 2"


def _order(version: str) -> list[tuple[int, str]]:
    """Versions by their numbers, as 2.10 comes after 2.9, and a pre-release before what it becomes."""
    parts = re.findall(r"\d+|[a-z]+", version.lstrip("v"))
    return [*((int(part), "") if part.isdigit() else (-1, part) for part in parts), (0, "")]


def _date(seconds: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(seconds))
