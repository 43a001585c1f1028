"""Letting old telemetry go: by age, and by the size of the file."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from otel_agent_telemetry.local.store._store import Store

__all__ = ["Collected", "Limits", "collect"]

_PORTION = 200
_SMALL_PORTION = 10  # what is let go for its size may be large
_NEVER = 2**63 - 1
# rows of these arrive in the order of their ids; a trace may go on receiving
_ORDER = {"traces": "received_ns", "logs": "id", "metrics": "id", "events": "id"}
_TABLES = tuple(_ORDER)
_FORGET_ORIGINS = """
DELETE FROM origins WHERE id NOT IN (SELECT origin FROM visits)
AND NOT EXISTS (SELECT 1 FROM logs WHERE origin = origins.id)
AND NOT EXISTS (SELECT 1 FROM metrics WHERE origin = origins.id)
"""
_FORGET_SUMS = "DELETE FROM used WHERE hour NOT IN (SELECT hour FROM used_hours)"
_SLACK = 0.9  # a full store is brought down to this part of its limit, so as not to begin again at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much a store may hold; None for no limit. Age goes by arrival, so that an import of old traces stays."""

    age_ns: int | None = None
    size_bytes: int | None = None


@dataclass(slots=True, kw_only=True)
class Collected:
    """What was let go."""

    traces: int = 0
    logs: int = 0
    metrics: int = 0
    events: int = 0
    bytes_freed: int = 0
    tell: Callable[[int], object] | None = field(default=None, repr=False, compare=False)


def collect(store: Store, limits: Limits, *, tell: Callable[[int], object] | None = None) -> Collected:
    """Bring the store within its limits, oldest first, in small transactions; the file shrinks and its log is cut.

    ``tell`` is called with how many rows each transaction let go.
    """
    done = Collected(tell=tell)
    before = store.file.bytes_in_use() + store.file.log_bytes()
    if limits.age_ns is not None:
        _collect_before(store, time.time_ns() - limits.age_ns, done)
    if limits.size_bytes is not None and before > limits.size_bytes:
        _collect_beyond(store, limits.size_bytes, done)
    if done.traces or done.logs or done.metrics or done.events:
        with store.writing() as connection:
            connection.execute(_FORGET_ORIGINS)
            connection.execute(_FORGET_SUMS)
        store.file.cut_log()
    done.bytes_freed = max(before - store.file.bytes_in_use() - store.file.log_bytes(), 0)
    return done


def _collect_before(store: Store, moment: int, done: Collected) -> None:
    for table in _TABLES:
        while _delete_oldest(store, table, moment, done) == _PORTION:
            pass


def _collect_beyond(store: Store, size: int, done: Collected) -> None:
    """The log is cut first; where a reader keeps it long, the rest has to make do with what it leaves."""
    store.file.cut_log()
    left = size - store.file.log_bytes()
    if store.file.bytes_in_use() <= left:
        return
    while store.file.bytes_in_use() > left * _SLACK:
        with store.writing() as connection:
            ages = [(_oldest(connection, table), table) for table in _TABLES]
        moment, table = min(ages)
        if moment == _NEVER or not _delete_oldest(store, table, _NEVER, done, portion=_SMALL_PORTION):
            return


def _delete_oldest(store: Store, table: str, before: int, done: Collected, *, portion: int = _PORTION) -> int:
    # the portion is cut off before ages are compared, as the newest rows need not be read to find the oldest
    first = f"SELECT id, received_ns FROM {table} ORDER BY {_ORDER[table]} LIMIT {portion}"
    with store.writing() as connection:
        ids = [row[0] for row in connection.execute(f"SELECT id FROM ({first}) WHERE received_ns < ?", (before,))]
        marks = ",".join("?" * len(ids))
        for part in ("attendances", "priced", "steps", "visits", "spans", "homes") if table == "traces" else ():
            connection.execute(f"DELETE FROM {part} WHERE trace IN ({marks})", ids)
        connection.execute(f"DELETE FROM {table} WHERE id IN ({marks})", ids)
    if ids:
        store.file.give_back()  # at once: SQLite looks for each free page among all that are free
    setattr(done, table, getattr(done, table) + len(ids))
    if done.tell is not None:
        done.tell(len(ids))
    return len(ids)


def _oldest(connection: sqlite3.Connection, table: str) -> int:
    row = connection.execute(f"SELECT received_ns FROM {table} ORDER BY {_ORDER[table]} LIMIT 1").fetchone()
    return int(row[0]) if row else _NEVER
