"""Use by the hour, remembered: only hours in which something changed are added up again."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, TypeAlias

from otel_agent_telemetry.local.read.use._sums import COUNTS, GROUPINGS, KINDS
from otel_agent_telemetry.local.store._spending import sums

if TYPE_CHECKING:
    import sqlite3

__all__ = ["COUNTED", "HOUR_NS", "HourlyUse", "hourly_rows"]

HOUR_NS = 3600 * 10**9
COUNTED = 9
"""How many columns COUNTS has."""
_MOST_HOURS = 3000
_CHANGES = "SELECT hour, changes FROM hours WHERE hour >= ? AND hour <= ?"

Rows: TypeAlias = "list[Any]"
"""(hour since the epoch, key, *sums(), *COUNTS), grouped by the first five columns."""


def hourly_rows(
    connection: sqlite3.Connection, stack: str, period: tuple[int, int], key: str = "", values: tuple[Any, ...] = ()
) -> Rows:
    """Use of steps that began in the period, by hour and by one of GROUPINGS, or by ``key``, an SQL expression."""
    hours = f"AND steps.start_ns / {HOUR_NS} BETWEEN {period[0] // HOUR_NS} AND {period[1] // HOUR_NS}"
    query = f"""
        SELECT steps.start_ns / {HOUR_NS}, {key or GROUPINGS[stack]}, {sums()}, {COUNTS} FROM steps
        WHERE steps.start_ns >= ? AND steps.start_ns <= ? {hours if period[0] else ""} {KINDS.get(stack, "")}
        GROUP BY 1, 2, 3, 4, 5
    """
    return connection.execute(query, (*values, *period)).fetchall()


class HourlyUse:
    """What each hour of a store spent, by model, agent and tool. Safe to share between threads.

    The table ``hours`` counts the changes of steps that began in an hour; what is remembered of an hour holds as long
    as that number stays.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._identity: object = None
        self._known: dict[str, dict[int, tuple[int, Rows]]] = {}

    def rows(
        self, connection: sqlite3.Connection, stack: str, period: tuple[int, int], identity: object = None
    ) -> Rows:
        """As :func:`hourly_rows`; ``identity`` is that of the store's file, which somebody may replace."""
        first, last = period[0] // HOUR_NS, period[1] // HOUR_NS
        connection.execute("BEGIN")
        try:
            changes = dict(connection.execute(_CHANGES, (first, last)).fetchall())
            if len(changes) > _MOST_HOURS:
                return hourly_rows(connection, stack, period)
            edges = {first, last}
            cut = [hour for hour in edges if _whole(hour)[0] < period[0] or _whole(hour)[1] > period[1]]
            found = self._whole_hours(connection, stack, changes.keys() - cut, changes, identity)
            for hour in sorted(set(cut) & changes.keys()):
                begin, end = _whole(hour)
                found += hourly_rows(connection, stack, (max(begin, period[0]), min(end, period[1])))
        finally:
            connection.execute("COMMIT")
        return found

    def _whole_hours(
        self, connection: sqlite3.Connection, stack: str, hours: set[int], changes: dict[int, int], identity: object
    ) -> Rows:
        with self._lock:
            if identity != self._identity:
                self._known.clear()
                self._identity = identity
            known = self._known.setdefault(stack, {})
            for hour in hours:
                if hour not in known or known[hour][0] != changes[hour]:
                    known[hour] = (changes[hour], hourly_rows(connection, stack, _whole(hour)))
            for hour in [*known][: max(len(known) - _MOST_HOURS, 0)]:
                if hour not in hours:
                    del known[hour]
            return [row for hour in sorted(hours) for row in known[hour][1]]


def _whole(hour: int) -> tuple[int, int]:
    """The first and the last nanosecond of an hour."""
    return hour * HOUR_NS, (hour + 1) * HOUR_NS - 1
