"""The questions of one report, put to a book: each row of an answer with enough installations behind it."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from otel_agent_telemetry import contract
from otel_agent_telemetry.errors import InputError
from otel_agent_telemetry.maintainers.answers import _questions
from otel_agent_telemetry.maintainers.answers._compared import compare, split
from otel_agent_telemetry.maintainers.answers._report import Answer, Choices, Report

if TYPE_CHECKING:
    import sqlite3

    from otel_agent_telemetry.maintainers.answers._report import Asked

__all__ = ["Asking", "products"]

_DAY, _HOUR = 86_400, 3_600
_NEVER = -1  # the id of a word that has not arrived


class Asking:
    """What is asked of a book within a transaction of the caller's, ``now`` taken to the end of its hour.

    Each question is put once: another time, in another transaction, its answer still holds as long as nothing was
    committed between the two. Raises InputError for what is asked for and not in the book.
    """

    def __init__(self, connection: sqlite3.Connection, asked: Asked, now: float) -> None:
        self._connection = connection
        self._least = asked.least
        self._known: dict[str, Answer] = {}
        self._parameters: dict[str, object] = {}
        product = self._chosen_product(asked.product)
        end_of_hour = int(now) // _HOUR * _HOUR + _HOUR
        since = max(0, int(now) // _DAY * _DAY - (asked.days - 1) * _DAY) if asked.days else 0
        self._parameters = {
            "product": self._word(product),
            "environment": self._word(asked.environment),
            "unknown": self._word("") or _NEVER,
            "since": since,
            "until": end_of_hour + _DAY,  # clocks of others go before
            "least": asked.least,
        }
        versions = asked.versions or self._two_versions()
        self._steps = [self._event(name) for name in asked.funnel]
        self._compared_ids = [self._version(version) for version in versions or ()]
        self.report = Report(
            asked=asked,
            product=product,
            since=_date(since),
            until=_date(end_of_hour - 1),
            versions=versions,
            counts=dict(connection.execute("SELECT name, value FROM counts ORDER BY name")),
            choices=self._choices(),
        )
        """What the answers belong to, without them."""
        self.questions = (*_questions.QUESTIONS, "funnel", *(["compared"] if versions else []))
        """The names of all that can be asked."""

    def answer(self, name: str) -> Answer:
        """The answer to the question of that name."""
        if name not in self._known:
            self._known[name] = self._asked(name)
        return self._known[name]

    def whole(self) -> Report:
        """The report with every answer."""
        return replace(self.report, answers={name: self.answer(name) for name in self.questions})

    def _asked(self, name: str) -> Answer:
        if name == "funnel":
            return self._funnel()
        if name == "compared":
            return self._compared(*self._compared_ids)
        cursor = self._connection.execute(_questions.QUESTIONS[name], self._parameters)
        columns = tuple(column[0] for column in cursor.description)
        return self._shown(columns, cursor.fetchall(), columns.index("installations"))

    def _funnel(self) -> Answer:
        ids = dict(zip(("first", "second", "third"), self._steps, strict=True))
        steps: list[tuple[int, int]] = self._connection.execute(
            _questions.funnel(), {**self._parameters, **ids}
        ).fetchall()
        first = steps[0][1]
        rows = [
            (name, count, round(count / first, 4) if first else None)
            for name, (_, count) in zip(self.report.asked.funnel, steps, strict=True)
        ]
        return self._shown(("event", "installations", "share"), rows, 1)

    def _compared(self, before: int, after: int) -> Answer:
        parameters = {**self._parameters, "before": before, "after": after}
        rows, withheld = list[tuple[Any, ...]](), 0
        for measure in _questions.COMPARED:
            sides = split(self._connection.execute(_questions.compared(measure), parameters))
            found = compare(*sides, is_rate="rate" in measure or "badly" in measure)
            behind = min(map(len, sides))
            if found is None or behind < self._least:
                withheld += bool(sides[0] or sides[1])
                continue
            numbers = (found.before.ratio, found.after.ratio, found.difference, found.low, found.high)
            rows.append((measure, *(float(f"{number:.4g}") for number in numbers), found.verdict, behind))
        columns = ("measure", "before", "after", "difference", "low", "high", "verdict", "installations")
        return Answer(columns, rows, withheld)

    def _shown(self, columns: tuple[str, ...], rows: list[tuple[Any, ...]], behind: int) -> Answer:
        shown = rows if self._least <= 1 else [row for row in rows if row[behind] >= self._least]
        return Answer(columns, shown, len(rows) - len(shown))

    def _two_versions(self) -> tuple[str, str] | None:
        """The two versions that most installations have had, the earlier one first."""
        found = self._texts(f"{_VERSIONS} LIMIT 2")
        if len(found) < 2:  # noqa: PLR2004 - two are compared
            return None
        first, second = sorted(found, key=_order)
        return first, second

    def _chosen_product(self, wanted: str | None) -> str:
        known = products(self._connection)
        if wanted is None and len(known) == 1:
            return known[0]
        if wanted is not None and wanted in known:
            return wanted
        if not known:
            msg = "nothing has arrived yet; point a product at the proxy with AGENT_TELEMETRY_ENDPOINT"
        elif wanted is None:
            msg = f"the book has several products; choose with --product one of {', '.join(known)}"
        else:
            msg = f"--product {wanted!r} is not in the book; expected one of {', '.join(known)}"
        raise InputError(msg)

    def _choices(self) -> Choices:
        return Choices(
            products=products(self._connection),
            environments=self._texts(_ENVIRONMENTS),
            events=self._texts(_EVENT_NAMES),
            versions=sorted(self._texts(_VERSIONS), key=_order),
        )

    def _event(self, name: str) -> int:
        found = self._word(name)
        if found is None and contract.lookup(name) is None:
            msg = f"--funnel {name!r} has never arrived; expected three of {', '.join(self._texts(_EVENT_NAMES))}"
            raise InputError(msg)
        return _NEVER if found is None else found

    def _version(self, version: str) -> int:
        found = self._word(version)
        if found is None:
            known = ", ".join(sorted(self._texts(_VERSIONS), key=_order))
            msg = f"--compare {version!r} has never arrived; expected two of {known}"
            raise InputError(msg)
        return found

    def _word(self, text: str) -> int | None:
        found = self._connection.execute("SELECT id FROM words WHERE text = ?", (text,)).fetchone()
        return None if found is None else found[0]

    def _texts(self, sql: str) -> list[str]:
        return [text for (text, *_) in self._connection.execute(sql, self._parameters)]


_PRODUCTS = "SELECT text FROM words WHERE id IN (SELECT product FROM installations) ORDER BY text"
_ENVIRONMENTS = """
SELECT text FROM words WHERE text != '' AND id IN (SELECT environment FROM presence WHERE product = :product)
ORDER BY text"""
_EVENT_NAMES = """
SELECT text FROM words WHERE text LIKE '%.%' AND EXISTS (
    SELECT 1 FROM events WHERE product = :product AND event = words.id
) ORDER BY text"""
_VERSIONS = """
SELECT (SELECT text FROM words WHERE id = version) AS text, COUNT(DISTINCT installation) AS installations
FROM presence
WHERE product = :product AND environment IN (:environment, :unknown) AND version != :unknown
    AND day >= :since / 86400
GROUP BY version HAVING installations >= :least ORDER BY installations DESC, text"""


def products(connection: sqlite3.Connection) -> list[str]:
    """The names of all products that installations in the book have sent events of."""
    return [text for (text,) in connection.execute(_PRODUCTS)]


def _order(version: str) -> list[tuple[int, str]]:
    """Versions by their numbers, as 2.10 comes after 2.9, and a pre-release before what it becomes."""
    parts = re.findall(r"\d+|[a-z]+", version.lstrip("v"))
    return [*((int(part), "") if part.isdigit() else (-1, part) for part in parts), (0, "")]


def _date(seconds: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(seconds))
