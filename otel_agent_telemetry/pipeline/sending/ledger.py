"""The ledger: every event, byte for byte, on disk before it may be sent, and what became of it.

Times are seconds since the epoch. Every method is one transaction, may be called from any thread and process, and
raises LedgerError where the file cannot be used.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, TypeAlias

from otel_agent_telemetry.pipeline.sending._database import ledger_database

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["KEPT_EVENTS", "KEPT_SECONDS", "Entry", "Ledger", "Parcel", "Row", "ledger_file"]

KEPT_EVENTS = 10_000
KEPT_SECONDS = 30 * 86_400.0
_PRUNE_EVERY = 500
_FARTHEST_SECONDS = 3_600.0
_NDJSON = "application/x-ndjson"

Row: TypeAlias = tuple[str, bytes, str, str, float]
"""Event name, body, content type, idempotency key, time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One event as the ledger keeps it; ``state`` is ``pending``, ``sent`` or ``dropped``."""

    id: int
    name: str
    body: bytes
    content_type: str
    idempotency_key: str
    created_at: float
    state: str
    reason: str | None
    sent_at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """What one POST carries: the events' ids, the exact body, and from when it may go.

    ``attempts`` is how often it was tried. A batch keeps its members and its key until it is done with, so that to the
    server a second try is the first one again.
    """

    ids: tuple[int, ...]
    body: bytes
    content_type: str
    idempotency_key: str
    due_at: float
    attempts: int


def ledger_file(state_dir: str, product: str) -> str:
    """Where the ledger of a product is."""
    return os.path.join(state_dir, product, "ledger.db")


class Ledger:
    """The ledger at that path, or for None one in memory that dies with the process; raises LedgerError.

    Keeps 10,000 events and 30 days.
    """

    def __init__(self, path: str | os.PathLike[str] | None, *, clock: Callable[[], float] = time.time) -> None:
        self._database = ledger_database(path)
        self._clock = clock
        self._appended = _PRUNE_EVERY  # so that the first append looks for what is too old

    def append(self, rows: Sequence[Row]) -> None:
        """Keep these events, in this order; once this returns a kill -9 loses none of them."""
        self._appended += len(rows)
        prunes = self._appended > _PRUNE_EVERY
        if prunes:
            self._appended = 0

        def step(connection: sqlite3.Connection) -> None:
            connection.executemany(
                "INSERT INTO events (name, body, content_type, key, created_at) VALUES (?, ?, ?, ?, ?)", rows
            )
            if prunes:
                _prune(connection, self._clock())

        self._database.run(step)

    def next_parcel(self, batch: int = 1) -> Parcel | None:
        """What is to be sent next, None where nothing is pending.

        While the oldest event waits for its next try, all wait: the server asked for peace, not that one event.
        """
        return self._database.run(lambda connection: _next_parcel(connection, batch, self._clock()))

    def next_body(self, batch: int = 1) -> bytes | None:
        """The exact body of the next POST."""
        parcel = self.next_parcel(batch)
        return None if parcel is None else parcel.body

    def claim(self, parcel: Parcel) -> None:
        """Note that this parcel is about to leave: its members stay together, and 24 hours begin to run."""
        changes = "first_tried_at = coalesce(first_tried_at, ?), batch = ?"
        self._update(parcel.ids, changes, self._clock(), parcel.idempotency_key)

    def mark_sent(self, parcel: Parcel) -> None:
        """The server took it."""
        now = self._clock()

        def step(connection: sqlite3.Connection) -> None:
            _set(connection, parcel.ids, "state = 'sent', sent_at = ?, attempts = attempts + 1", now)
            connection.execute("INSERT OR REPLACE INTO moments VALUES ('last_send', ?)", (now,))

        self._database.run(step)

    def mark_dropped(self, parcel: Parcel, reason: str) -> None:
        """It will never be sent; counted under that reason."""

        def step(connection: sqlite3.Connection) -> None:
            dropped = _set(connection, parcel.ids, "state = 'dropped', reason = ?", reason)
            _count(connection, reason, dropped)

        self._database.run(step)

    def retry(self, parcel: Parcel, next_at: float) -> None:
        """It stays pending, until then at least."""
        self._update(parcel.ids, "attempts = attempts + 1, next_at = ?", next_at)

    def drop_pending(self, reason: str, *, tried_before: float | None = None) -> int:
        """Drop what is pending and count it; with ``tried_before`` only what was first tried before that time."""

        def step(connection: sqlite3.Connection) -> int:
            dropped = connection.execute(
                "UPDATE events SET state = 'dropped', reason = ?"
                " WHERE state = 'pending' AND (? IS NULL OR first_tried_at <= ?)",
                (reason, tried_before, tried_before),
            ).rowcount
            _count(connection, reason, dropped)
            return dropped

        return self._database.run(step)

    def delete_pending(self, reason: str = "opted_out") -> int:
        """Delete what is pending, without a trace but a count; gives how many."""

        def step(connection: sqlite3.Connection) -> int:
            deleted = connection.execute("DELETE FROM events WHERE state = 'pending'").rowcount
            _count(connection, reason, deleted)
            return deleted

        return self._database.run(step)

    def delete_all(self) -> None:
        """Delete the ledger's files, those that were moved aside included."""
        self._database.remove()

    def count_drops(self, counts: Mapping[str, int]) -> None:
        """Add losses from elsewhere, by reason."""

        def step(connection: sqlite3.Connection) -> None:
            for reason, number in counts.items():
                _count(connection, reason, number)

        self._database.run(step)

    def drops(self) -> dict[str, int]:
        """How many events were lost, by reason, in the life of this ledger."""
        return dict(self._rows("SELECT reason, count FROM drops ORDER BY reason"))

    def counts(self) -> dict[str, int]:
        """How many events the ledger holds in each state."""
        found = dict(self._rows("SELECT state, count(*) FROM events GROUP BY state"))
        return {state: found.get(state, 0) for state in ("pending", "sent", "dropped")}

    def events(self, limit: int = KEPT_EVENTS, since: float = 0.0) -> list[Entry]:
        """The last events, oldest first, of those that happened at or after ``since``."""
        rows = self._rows(
            "SELECT id, name, body, content_type, key, created_at, state, reason, sent_at FROM events"
            " WHERE created_at >= ? ORDER BY id DESC LIMIT ?",
            since,
            limit,
        )
        return [_entry(row) for row in reversed(rows)]

    def last_send(self) -> float | None:
        """When the server last took something."""
        rows = self._rows("SELECT at FROM moments WHERE name = 'last_send'")
        return rows[0][0] if rows else None

    def stop(self, version: str) -> None:
        """Remember that the server wants nothing more from this version of the product."""
        now = self._clock()
        self._database.run(
            lambda connection: connection.execute("INSERT OR REPLACE INTO stopped VALUES (?, ?)", (version, now))
        )

    def is_stopped(self, version: str) -> bool:
        """Whether the server wants nothing more from this version of the product."""
        return bool(self._rows("SELECT 1 FROM stopped WHERE version = ?", version))

    def acquire_lease(self, holder: str, seconds: float) -> bool:
        """Become, or stay, the one who sends, for so many seconds; False where another one is."""
        now = self._clock()

        def step(connection: sqlite3.Connection) -> bool:
            # An end far ahead was written by a clock that has been put right since.
            taken = connection.execute(
                "INSERT INTO lease VALUES (1, ?, ?) ON CONFLICT (one) DO UPDATE"
                " SET holder = excluded.holder, until = excluded.until"
                " WHERE holder = excluded.holder OR until <= ? OR until > ?",
                (holder, now + seconds, now, now + _FARTHEST_SECONDS),
            )
            return taken.rowcount == 1

        return self._database.run(step)

    def release_lease(self, holder: str) -> None:
        """Let the next one send."""
        self._database.run(lambda connection: connection.execute("DELETE FROM lease WHERE holder = ?", (holder,)))

    def lease_until(self) -> float | None:
        """When the present lease ends, None where nobody holds one."""
        rows = self._rows("SELECT until FROM lease WHERE until > ?", self._clock())
        return rows[0][0] if rows else None

    def close(self) -> None:
        """Let go of the file; any later call opens it again."""
        self._database.close()

    def _update(self, ids: Sequence[int], changes: str, *values: object) -> None:
        self._database.run(lambda connection: _set(connection, ids, changes, *values))

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        return self._database.run(lambda connection: connection.execute(query, values).fetchall())


def _set(connection: sqlite3.Connection, ids: Sequence[int], changes: str, *values: object) -> int:
    """Change those events that are still pending; gives how many that were."""
    statement = f"UPDATE events SET {changes} WHERE id = ? AND state = 'pending'"  # noqa: S608 - constants of this module
    return connection.executemany(statement, [(*values, number) for number in ids]).rowcount


def _count(connection: sqlite3.Connection, reason: str, number: int) -> None:
    if number > 0:
        connection.execute(
            "INSERT INTO drops VALUES (?, ?) ON CONFLICT (reason) DO UPDATE SET count = count + excluded.count",
            (reason, number),
        )


def _next_parcel(connection: sqlite3.Connection, batch: int, now: float) -> Parcel | None:
    pending = "SELECT id, body, content_type, key, next_at, attempts, batch FROM events WHERE state = 'pending'"
    first = connection.execute(f"{pending} ORDER BY id LIMIT 1").fetchone()
    if first is None:
        return None
    number, body, content_type, key, next_at, attempts, claimed_as = first
    most = batch if claimed_as is None else -1  # a parcel that was tried before goes again as it was
    members = f"{pending} AND id >= ? AND batch IS ? ORDER BY id LIMIT ?"
    rows = connection.execute(members, (number, claimed_as, most)).fetchall()
    if len(rows) > 1:
        key = _key_of([row[3] for row in rows])
        body = b"".join(row[1] + b"\n" for row in rows)
        content_type = _NDJSON
    return Parcel(
        ids=tuple(row[0] for row in rows),
        body=body,
        content_type=content_type,
        idempotency_key=key,
        # A time far ahead was written by a clock that has been put right since.
        due_at=next_at if next_at is not None and next_at <= now + _FARTHEST_SECONDS else 0.0,
        attempts=attempts,
    )


def _key_of(keys: Sequence[str]) -> str:
    return blake2b("\n".join(keys).encode(), digest_size=16).hexdigest()


def _prune(connection: sqlite3.Connection, now: float) -> None:
    newest = connection.execute("SELECT coalesce(max(id), 0) FROM events").fetchone()[0]
    fresh = connection.execute("SELECT min(id) FROM events WHERE created_at >= ?", (now - KEPT_SECONDS,)).fetchone()[0]
    _delete_before(connection, "ledger_full", newest - KEPT_EVENTS + 1)
    _delete_before(connection, "expired", newest + 1 if fresh is None else fresh)


def _delete_before(connection: sqlite3.Connection, reason: str, number: int) -> None:
    lost = connection.execute("SELECT count(*) FROM events WHERE state = 'pending' AND id < ?", (number,)).fetchone()[0]
    connection.execute("DELETE FROM events WHERE id < ?", (number,))
    _count(connection, reason, lost)


def _entry(row: tuple[Any, ...]) -> Entry:
    number, name, body, content_type, key, created_at, state, reason, sent_at = row
    return Entry(
        id=number,
        name=name,
        body=body,
        content_type=content_type,
        idempotency_key=key,
        created_at=created_at,
        state=state,
        reason=reason,
        sent_at=sent_at,
    )
