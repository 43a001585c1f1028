"""Counts that go on, and calls whose session is not known yet: events that may change still, durable meanwhile.

A process writes its count anew with each addition, and it becomes an event when the interval ends; a call becomes one,
or part of a count, when its run ends. Where the process
does not live to see that, another one makes the event of what is there. Either way a count that was taken is gone from
here in the same step, so nothing is told twice, also where somebody was thought dead who was not.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from otel_agent_telemetry.pipeline.sending._parcels import FARTHEST_SECONDS

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from otel_agent_telemetry.pipeline.sending._parcels import Row

__all__ = ["TABLE", "Count", "keep_counts", "leave_counts", "overdue", "take"]

TABLE = """
CREATE TABLE IF NOT EXISTS counting (
    key TEXT PRIMARY KEY, owner TEXT NOT NULL, due_at REAL NOT NULL, created_at REAL NOT NULL, name TEXT NOT NULL,
    content_type TEXT NOT NULL, body BLOB NOT NULL
) WITHOUT ROWID
"""
_FIND = "SELECT 1 FROM counting WHERE key = ?"
_TAKE = (
    "INSERT INTO events (name, body, content_type, key, created_at) SELECT name, body, content_type, key, created_at"
)


class Count(NamedTuple):
    """A count as it stands: the event it would be, the keys of those it takes the place of, and until when it grows.

    Without ``due_at`` it has grown up and is an event.
    """

    row: Row
    before: tuple[str, ...]
    due_at: float | None


def keep_counts(connection: sqlite3.Connection, counts: Iterable[Count]) -> set[str]:
    """Write these counts; gives the keys in ``before`` that were taken meanwhile, whose successors were not written."""
    taken: set[str] = set()
    for row, before, due_at in counts:
        gone = {key for key in before if not connection.execute(_FIND, (key,)).fetchone()}
        if gone:
            taken |= gone
            continue
        connection.executemany("DELETE FROM counting WHERE key = ?", [(key,) for key in before])
        name, body, content_type, key, created_at = row
        connection.execute(
            "INSERT INTO counting VALUES (?, ?, ?, ?, ?, ?, ?)",
            (key, _owner(), created_at if due_at is None else due_at, created_at, name, content_type, body),
        )
        if due_at is None:
            _take(connection, key)
    return taken


def leave_counts(connection: sqlite3.Connection, keys: Iterable[str]) -> None:
    """Delete these counts, which nobody is to tell."""
    connection.executemany("DELETE FROM counting WHERE key = ?", [(key,) for key in keys])


def overdue(connection: sqlite3.Connection, now: float) -> list[str]:
    """The keys of the counts that are overdue or whose process is gone."""
    counting = connection.execute("SELECT key, owner, due_at FROM counting ORDER BY created_at").fetchall()
    return [key for key, owner, due_at in counting if not now < due_at <= now + FARTHEST_SECONDS or _is_gone(owner)]


def take(connection: sqlite3.Connection, keys: Sequence[str]) -> int:
    """Make events of these counts, as far as they are still there; gives of how many."""
    before = connection.total_changes
    for key in keys:
        _take(connection, key)
    return (connection.total_changes - before) // 2  # a row that came, and one that went


def _take(connection: sqlite3.Connection, key: str) -> None:
    connection.execute(f"{_TAKE} FROM counting WHERE key = ?", (key,))
    connection.execute("DELETE FROM counting WHERE key = ?", (key,))


_mine: dict[int, str] = {}  # by process id, as a forked child is another owner


def _owner() -> str:
    """Who this process is, among those that see the same process ids."""
    pid = os.getpid()
    if pid not in _mine:
        _mine.clear()
        _mine[pid] = f"{_namespace()}.{pid}.{os.urandom(4).hex()}"
    return _mine[pid]


def _is_gone(owner: str) -> bool:
    """Whether that process has ended, as far as this one can tell."""
    namespace, pid, _ = owner.split(".")
    if namespace != _namespace():
        return False
    if int(pid) == os.getpid():
        return owner != _owner()
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _namespace() -> str:
    try:
        return str(os.stat("/proc/self/ns/pid").st_ino)
    except OSError:
        return "0"
