"""Letting old telemetry go: by age, and by the size of the file."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

    from otel_agent_telemetry.local.store._store import Store

__all__ = ["Collected", "Limits", "collect"]

_PORTION = 200
_SMALL_PORTION = 10  # what is let go for its size may be large
_NEVER = 2**63 - 1
# rows of these arrive in the order of their ids; a trace may go on receiving
_ORDER = {"traces": "received_ns", "logs": "id", "metrics": "id", "events": "id"}
_TABLES = tuple(_ORDER)
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


def collect(store: Store, limits: Limits) -> Collected:
    """Bring the store within its limits, oldest first, in small transactions; the file shrinks."""
    done = Collected()
    with store.writing() as connection:
        before = _size(connection)
    if limits.age_ns is not None:
        _collect_before(store, time.time_ns() - limits.age_ns, done)
    if limits.size_bytes is not None and before > limits.size_bytes:
        _collect_down_to(store, int(limits.size_bytes * _SLACK), done)
    if done.traces or done.logs or done.metrics or done.events:
        store.shrink()
    with store.writing() as connection:
        done.bytes_freed = max(before - _size(connection), 0)
    return done


def _collect_before(store: Store, moment: int, done: Collected) -> None:
    for table in _TABLES:
        while _delete_oldest(store, table, moment, done) == _PORTION:
            pass


def _collect_down_to(store: Store, size: int, done: Collected) -> None:
    while True:
        with store.writing() as connection:
            if _size(connection) <= size:
                return
            ages = [(_oldest(connection, table), table) for table in _TABLES]
        moment, table = min((age, table) for age, table in ages)
        if moment == _NEVER or not _delete_oldest(store, table, _NEVER, done, portion=_SMALL_PORTION):
            return


def _delete_oldest(store: Store, table: str, before: int, done: Collected, *, portion: int = _PORTION) -> int:
    oldest = f"SELECT id FROM {table} WHERE received_ns < ? ORDER BY {_ORDER[table]} LIMIT {portion}"
    with store.writing() as connection:
        ids = [row[0] for row in connection.execute(oldest, (before,))]
        marks = ",".join("?" * len(ids))
        for part in ("steps", "visits", "spans") if table == "traces" else ():
            connection.execute(f"DELETE FROM {part} WHERE trace IN ({marks})", ids)
        connection.execute(f"DELETE FROM {table} WHERE id IN ({marks})", ids)
    setattr(done, table, getattr(done, table) + len(ids))
    return len(ids)


def _oldest(connection: sqlite3.Connection, table: str) -> int:
    row = connection.execute(f"SELECT received_ns FROM {table} ORDER BY {_ORDER[table]} LIMIT 1").fetchone()
    return int(row[0]) if row else _NEVER


def _size(connection: sqlite3.Connection) -> int:
    """Bytes in use; pages that wait to be given back do not count."""
    pages, free, size = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size
