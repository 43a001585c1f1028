"""What one POST carries, and which one goes next."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

__all__ = ["FARTHEST_SECONDS", "Parcel", "Row", "end_quiet", "keep_quiet", "next_parcel"]

FARTHEST_SECONDS = 3_600.0
_NDJSON = "application/x-ndjson"

Row: TypeAlias = tuple[str, bytes, str, str, float]
"""Event name, body, content type, idempotency key, time."""
_PENDING = "SELECT id, body, content_type, key, next_at, attempts, batch FROM events WHERE state = 'pending'"


class Parcel(NamedTuple):
    """What one POST carries: the events' ids, the exact body, and from when it may go.

    ``attempts`` is how often it was tried, ``failures`` how often in a row the server did not take what it was sent. A
    batch keeps its members and its key, so that to the server a second try is the first one again.
    """

    ids: tuple[int, ...]
    body: bytes
    content_type: str
    idempotency_key: str
    due_at: float
    attempts: int
    failures: int = 0


def next_parcel(connection: sqlite3.Connection, batch: int, now: float) -> Parcel | None:
    """The oldest event that was never tried, else the one whose next try comes first; None where nothing is pending.

    No two lines of a batch are the same, so that whoever receives it can tell them apart by what they say.
    """
    first = connection.execute(f"{_PENDING} AND attempts = 0 ORDER BY id LIMIT 1").fetchone()
    if first is None:
        order = "CASE WHEN next_at > ? THEN 0 ELSE coalesce(next_at, 0) END, id"
        first = connection.execute(f"{_PENDING} ORDER BY {order} LIMIT 1", (now + FARTHEST_SECONDS,)).fetchone()
    if first is None:
        return None
    number, _, _, _, next_at, attempts, claimed_as = first
    most = batch if claimed_as is None else -1  # a parcel that was tried before goes again as it was
    members = f"{_PENDING} AND id >= ? AND batch IS ? ORDER BY id LIMIT ?"
    rows = _different(connection.execute(members, (number, claimed_as, most)).fetchall())
    is_one = len(rows) == 1
    moments = dict(connection.execute("SELECT name, at FROM moments WHERE name IN ('quiet_until', 'failures')"))
    return Parcel(
        ids=tuple(row[0] for row in rows),
        body=rows[0][1] if is_one else b"".join(row[1] + b"\n" for row in rows),
        content_type=rows[0][2] if is_one else _NDJSON,
        idempotency_key=rows[0][3] if is_one else _key_of([row[3] for row in rows]),
        due_at=max(_believed(next_at, now), _believed(moments.get("quiet_until"), now)),
        attempts=attempts,
        failures=int(moments.get("failures", 0)),
    )


def keep_quiet(connection: sqlite3.Connection, until: float) -> None:
    """The server did not take something: nothing goes to it before that time."""
    connection.execute("INSERT OR REPLACE INTO moments VALUES ('quiet_until', ?)", (until,))
    # A number, not a time: a table of its own would be one that an earlier release's file lacks.
    connection.execute("INSERT INTO moments VALUES ('failures', 1) ON CONFLICT (name) DO UPDATE SET at = at + 1")


def end_quiet(connection: sqlite3.Connection) -> None:
    """The server took something, or refused it for good: it is there."""
    connection.execute("DELETE FROM moments WHERE name IN ('quiet_until', 'failures')")


def _different(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    seen: set[bytes] = set()
    for count, row in enumerate(rows):
        if row[1] in seen:
            return rows[:count]
        seen.add(row[1])
    return rows


def _believed(at: float | None, now: float) -> float:
    """A time far ahead was written by a clock that has been put right since."""
    return at if at is not None and at <= now + FARTHEST_SECONDS else 0.0


def _key_of(keys: Sequence[str]) -> str:
    return blake2b("\n".join(keys).encode(), digest_size=16).hexdigest()
