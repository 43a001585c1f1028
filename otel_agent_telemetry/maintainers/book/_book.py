"""The book that a proxy keeps: each event once."""

from __future__ import annotations

import json
import random
import time
from typing import TYPE_CHECKING, Any, cast

from otel_agent_telemetry._sqlite import Database
from otel_agent_telemetry.maintainers.book._tables import BookLayout

if TYPE_CHECKING:
    import os
    import sqlite3
    from collections.abc import Mapping, Sequence

    from otel_agent_telemetry.maintainers.book._arrivals import Arrival

__all__ = ["Book", "rounded"]

_DAY, _HOUR = 86_400, 3_600
_MOST_REMEMBERED = 200_000
_TEXTS = ("toolName", "command", "model", "provider", "harnessProvider", "source", "errorCategory", "version")
_NUMBERS = ("durationMs", "inputTokens", "outputTokens", "isSuccess", "isError", "costUsd", "totalCostUsd")
_SPLIT = frozenset(_TEXTS + _NUMBERS)
"""What has a column of its own; the rest is kept as JSON."""
_ENDS = {"task.completed": 1, "task.failed": 0}
_DAYS_OF = "SELECT DISTINCT day FROM presence WHERE product = ? AND installation = ?"
_DELETE = "DELETE FROM events WHERE product = ? AND event = ? AND occurred >= ? AND occurred < ? AND installation = ?"
_written = json.JSONEncoder(separators=(",", ":")).encode
_INSERT = f"INSERT OR IGNORE INTO events VALUES ({', '.join('?' * 23)})"


class Book:
    """A file of events, written by one thread at a time. Raises StoreError where it cannot be used."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._words: dict[str, int] = {}
        self._around: dict[tuple[str, ...], tuple[int, ...]] = {}
        self._present: set[tuple[int, ...]] = set()
        self._draw = random.Random().getrandbits  # noqa: S311 - for what came without a key: it has to differ, no more
        self._file = Database(path, BookLayout(self._forget_learnt))

    def add(self, batch: Sequence[tuple[int | None, Arrival]], dropped: Mapping[str, int]) -> int:
        """Keep events, each with its key of 63 bits or None, and count what was dropped, all in one transaction.

        Gives how many were new.
        """
        now = int(time.time())
        return self._file.run(lambda connection: self._add(connection, batch, dropped, now))

    def forget(self, installation: str) -> int:
        """Delete an installation and all that it sent, in every product; gives how many events that were.

        Nothing of it stays in the file or its log, unless somebody reads an older state meanwhile: then until later.
        """
        deleted = self._file.run(lambda connection: self._forget(connection, installation))
        if deleted:
            with self._file.held() as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return deleted

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _add(
        self,
        connection: sqlite3.Connection,
        batch: Sequence[tuple[int | None, Arrival]],
        dropped: Mapping[str, int],
        now: int,
    ) -> int:
        rows, present = self._rows(connection, batch, now // _HOUR)
        kept = connection.executemany(_INSERT, rows).rowcount if rows else 0
        if fresh := present - self._present:
            connection.executemany("INSERT OR IGNORE INTO presence VALUES (?, ?, ?, ?, ?)", fresh)
            if len(self._present) > _MOST_REMEMBERED:
                self._present.clear()
            self._present |= fresh
        counts = {**dropped, "kept": kept, "repeated": len(rows) - kept}
        connection.executemany(
            "INSERT INTO counts VALUES (?, ?) ON CONFLICT DO UPDATE SET value = value + excluded.value",
            [(name, count) for name, count in counts.items() if count],
        )
        return kept

    def _rows(
        self, connection: sqlite3.Connection, batch: Sequence[tuple[int | None, Arrival]], hour: int
    ) -> tuple[list[tuple[Any, ...]], set[tuple[int, ...]]]:
        """A row for each event, and who was there on which day. In one loop: this is most of what an event costs."""
        rows: list[tuple[Any, ...]] = []
        present: set[tuple[int, ...]] = set()
        around_of, word_of, word, draw = self._around.get, self._words.get, self._word, self._draw
        for key, arrival in batch:
            _, event, _, occurred, _, _, _, _, _, installed_on, given, _, _ = arrival
            around = arrival[:1] + arrival[2:3] + arrival[4:9]
            product, installation, version, source, environment, os, language = around_of(around) or self._learn(
                connection, around, installed_on
            )
            said = cast("Mapping[str, Any]", given).get
            name, model = said("toolName") or said("command") or "", said("model") or ""
            provider, origin = said("provider") or said("harnessProvider") or "", said("source") or ""
            error, duration, cost = said("errorCategory") or "", said("durationMs"), said("costUsd")
            rest = {name: value for name, value in given.items() if name not in _SPLIT}
            rows.append(
                (
                    product,
                    word_of(event) or word(connection, event),
                    occurred,
                    draw(63) if key is None else key,
                    hour,
                    installation,
                    version,
                    source,
                    environment,
                    os,
                    language,
                    word_of(name) or word(connection, name),
                    word_of(model) or word(connection, model),
                    word_of(provider) or word(connection, provider),
                    word_of(origin) or word(connection, origin),
                    word_of(error) or word(connection, error),
                    _success(event, given),
                    duration,
                    None if duration is None else rounded(duration),
                    said("inputTokens"),
                    said("outputTokens"),
                    said("totalCostUsd") if cost is None else cost,
                    _written(rest) if rest else "",
                )
            )
            present.add((product, occurred // _DAY, installation, version, environment))
        return rows, present

    def _learn(self, connection: sqlite3.Connection, around: tuple[str, ...], installed_on: str) -> tuple[int, ...]:
        if len(self._around) >= _MOST_REMEMBERED:
            self._around.clear()
        product = self._word(connection, around[0])
        connection.execute(
            "INSERT OR IGNORE INTO installations (product, name, installed_on, is_kept) VALUES (?, ?, ?, ?)",
            (product, around[1], installed_on, around[1].startswith("install_")),
        )
        key = (product, around[1])
        found = connection.execute("SELECT id FROM installations WHERE product = ? AND name = ?", key).fetchone()
        ids = (product, found[0], *(self._word(connection, text) for text in around[2:]))
        self._around[around] = ids
        return ids

    def _word(self, connection: sqlite3.Connection, text: str) -> int:
        known = self._words.get(text)
        if known is None:
            connection.execute("INSERT OR IGNORE INTO words (text) VALUES (?)", (text,))
            known = self._words[text] = connection.execute("SELECT id FROM words WHERE text = ?", (text,)).fetchone()[0]
        return known

    def _forget(self, connection: sqlite3.Connection, installation: str) -> int:
        deleted = 0
        for number, product in connection.execute(
            "SELECT id, product FROM installations WHERE name = ?", (installation,)
        ).fetchall():
            connection.execute("DELETE FROM installations WHERE id = ?", (number,))
            days = connection.execute(_DAYS_OF, (product, number)).fetchall()
            connection.execute("DELETE FROM presence WHERE product = ? AND installation = ?", (product, number))
            events = connection.execute("SELECT id FROM words WHERE text LIKE '%.%'").fetchall()
            ranges = [(product, *event, day * _DAY, (day + 1) * _DAY, number) for (day,) in days for event in events]
            deleted += connection.executemany(_DELETE, ranges).rowcount
        self._forget_learnt()
        return deleted

    def _forget_learnt(self) -> None:
        self._words.clear()
        self._around.clear()
        self._present = set()


def rounded(duration: int) -> int:
    """Two significant digits, half up: what quantiles are made of."""
    unit = 10 ** (len(str(duration)) - 2)
    return duration if unit <= 1 else (duration + unit // 2) // unit * unit


def _success(event: str, given: Mapping[str, object]) -> int | None:
    if (said := given.get("isSuccess")) is not None:
        return int(cast("bool", said))
    if (failed := given.get("isError")) is not None:
        return int(not failed)
    return _ENDS.get(event)
