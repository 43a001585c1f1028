"""The ledger: every event, byte for byte, on disk before it may be sent, and what became of it.

Times are seconds since the epoch. Every method is one transaction, may be called from any thread and process, and
raises LedgerError where the file cannot be used.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from otel_agent_telemetry._sqlite import is_full
from otel_agent_telemetry.errors import LedgerError
from otel_agent_telemetry.pipeline.sending._counts import Count, keep_counts, leave_counts, overdue, take
from otel_agent_telemetry.pipeline.sending._database import LedgerFile, use_reserve
from otel_agent_telemetry.pipeline.sending._last_run import LastRun, keep_last_run, last_run
from otel_agent_telemetry.pipeline.sending._lease import give_back, lease_until, take_lease
from otel_agent_telemetry.pipeline.sending._parcels import (
    Parcel,
    Row,
    end_quiet,
    keep_quiet,
    next_parcel,
)
from otel_agent_telemetry.pipeline.sending._set_down import Left, set_down, take_up

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping, Sequence

__all__ = [
    "KEPT_EVENTS",
    "KEPT_SECONDS",
    "Claim",
    "Count",
    "Entry",
    "LastRun",
    "Ledger",
    "Parcel",
    "Row",
    "count_drops",
]

KEPT_EVENTS = 10_000
KEPT_SECONDS = 30 * 86_400.0
_PRUNE_EVERY = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One event as the ledger keeps it; ``state`` is ``pending``, ``sent``, ``dropped`` or ``counting``."""

    id: int
    name: str
    body: bytes
    content_type: str
    idempotency_key: str
    created_at: float
    state: str
    reason: str | None
    sent_at: float | None


class Claim(NamedTuple):
    """What goes next, if anything: claimed where it ``is_due``. Not ``is_holder`` where another one is sending."""

    is_holder: bool
    parcel: Parcel | None = None
    is_due: bool = False


def count_drops(path: str, counts: Mapping[str, int]) -> None:
    """Add losses, by reason, to the ledger at that path, or where it cannot be written now beside it.

    A full disk has room that was set aside for that. Raises LedgerError where neither can be written.
    """
    try:
        _count_drops(path, counts)
    except LedgerError as error:
        if is_full(error.__cause__):
            use_reserve(path)
        try:
            set_down(path, Left((), counts))
        except OSError:
            raise error from None


def _count_drops(path: str, counts: Mapping[str, int]) -> None:
    ledger = Ledger(path)
    try:
        ledger.count_drops(counts)
    except LedgerError as error:
        if not is_full(error.__cause__):
            raise
        use_reserve(path)
        ledger.count_drops(counts)
    finally:
        ledger.close()


class Ledger:
    """The ledger at that path, or for None one in memory that dies with the process; raises LedgerError.

    Keeps 10,000 events and 30 days. Not ``opens`` leaves it to the first step to find out whether it can be used.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None,
        *,
        clock: Callable[[], float] = time.time,
        opens: bool = True,
    ) -> None:
        self._path = None if path is None else os.path.abspath(path)
        self._database = LedgerFile(path, opens=opens)
        self._clock = clock
        self._appended = _PRUNE_EVERY  # so that the first append looks for what is too old
        self._run: LastRun | None = None
        if opens:
            self._take_up()

    def append(
        self,
        rows: Sequence[Row],
        *,
        counts: Sequence[Count] = (),
        void: Sequence[str] = (),
        losses: Mapping[str, int] | None = None,
    ) -> set[str]:
        """Keep these events, in this order, and add to the losses; once this returns a kill -9 loses none of them.

        ``void`` are the keys of counts that are no more, as what they say is said otherwise.
        Gives the keys of the counts that others took meanwhile: what takes their place has to be counted anew.
        """
        self._appended += len(rows)
        prunes = self._appended > _PRUNE_EVERY
        if prunes:
            self._appended = 0

        def step(connection: sqlite3.Connection) -> set[str]:
            connection.executemany(
                "INSERT INTO events (name, body, content_type, key, created_at) VALUES (?, ?, ?, ?, ?)", rows
            )
            taken = keep_counts(connection, counts)
            leave_counts(connection, void)
            _count_all(connection, losses or {})
            if prunes:
                _prune(connection, self._clock())
            if self._run is not None:
                keep_last_run(connection, self._run)
            return taken

        taken = self._database.run(step)
        self._run = None
        return taken

    def remember(self, *, endpoint: str | None, dialect: str, rule: str, opt_out_env: str | None) -> None:
        """Note what holds in this run, for whoever asks later; written with the next append, at no cost of its own."""
        self._run = LastRun(self._clock(), endpoint, dialect, rule, opt_out_env)

    def last_run(self) -> LastRun | None:
        """What held in the last run that wrote here; None where an older release wrote it."""
        return self._database.run(last_run, reads=True)

    def take_over(self) -> int:
        """Make events of what other processes left behind, and of overdue counts; gives how many counts."""
        over = self._database.run(lambda connection: overdue(connection, self._clock()), reads=True)
        self._take_up()  # what a process set down at its end says more than its counts, so it goes first
        return self._database.run(lambda connection: take(connection, over)) if over else 0

    def set_down(
        self, events: Sequence[tuple[Row, tuple[str, ...]]], *, void: Sequence[str], losses: Mapping[str, int]
    ) -> None:
        """Leave beside the ledger, which others hold, what the program's end does not wait with; raises OSError.

        Each event comes with the keys of the counts whose place it takes; ``void`` as for :meth:`append`.
        """
        if self._path is None:
            raise OSError
        set_down(self._path, Left(events, losses, void))

    def _take_up(self) -> None:
        if self._path is not None:
            take_up(self._path, self._keep_left, self._clock())

    def _keep_left(self, left: Left) -> None:
        counts = [Count(row, before, None) for row, before in left.events]

        def step(connection: sqlite3.Connection) -> None:
            known = counts and connection.execute("SELECT 1 FROM events WHERE key = ?", (counts[0].row[3],)).fetchone()
            if not known:  # else whoever took it before died when it was done
                keep_counts(connection, counts)
                leave_counts(connection, left.void)
                _count_all(connection, left.losses)

        self._database.run(step)

    def next_parcel(self, batch: int = 1) -> Parcel | None:
        """What is to be sent next, None where nothing is pending.

        After a failure all wait a while, as it may be the server's. What failed then waits longer by itself, and what
        was never tried goes before it: what the server cannot deal with holds up nothing else.
        """
        return self._database.run(lambda connection: next_parcel(connection, batch, self._clock()), reads=True)

    @property
    def has_pending(self) -> bool:
        """Whether anything is to be sent, now or later."""
        return bool(self._rows("SELECT 1 FROM events WHERE state = 'pending' LIMIT 1"))

    def next_body(self, batch: int = 1) -> bytes | None:
        """The exact body of the next POST."""
        parcel = self.next_parcel(batch)
        return None if parcel is None else parcel.body

    def claim_next(
        self, holder: str, batch: int = 1, *, lease_seconds: float | None = None, tried_before: float | None = None
    ) -> Claim:
        """As :meth:`next_parcel`, for the one who sends; what is due is about to leave.

        Its members stay together from now on, and 24 hours begin to run. With ``lease_seconds`` the caller becomes, or
        stays, the one who sends for so long; where nothing is due the next one may. With ``tried_before`` what was
        first tried before that time is dropped.
        """
        now = self._clock()

        def step(connection: sqlite3.Connection) -> Claim:
            if lease_seconds is not None and not take_lease(connection, holder, lease_seconds, now):
                return Claim(is_holder=False)
            if tried_before is not None:
                _drop_pending(connection, "gave_up", tried_before)
            parcel = next_parcel(connection, batch, now)
            if parcel is None or parcel.due_at > now:
                give_back(connection, holder)
                return Claim(is_holder=True, parcel=parcel)
            changes = "first_tried_at = coalesce(first_tried_at, ?), batch = ?"
            _set(connection, parcel.ids, changes, now, parcel.idempotency_key)
            return Claim(is_holder=True, parcel=parcel, is_due=True)

        return self._database.run(step)

    def mark_sent(self, parcel: Parcel) -> None:
        """The server took it."""
        now = self._clock()

        def step(connection: sqlite3.Connection) -> None:
            _set(connection, parcel.ids, "state = 'sent', sent_at = ?, attempts = attempts + 1", now)
            connection.execute("INSERT OR REPLACE INTO moments VALUES ('last_send', ?)", (now,))
            end_quiet(connection)

        self._database.run(step)

    def mark_dropped(self, parcel: Parcel, reason: str) -> None:
        """It will never be sent; counted under that reason."""

        def step(connection: sqlite3.Connection) -> None:
            dropped = _set(connection, parcel.ids, "state = 'dropped', reason = ?", reason)
            _count(connection, reason, dropped)
            end_quiet(connection)

        self._database.run(step)

    def retry(
        self, parcel: Parcel, next_at: float, *, quiet_until: float = 0.0, alone: bool = False, holder: str = ""
    ) -> None:
        """It stays pending until then at least, and everything else until ``quiet_until``.

        With ``alone`` each member of a batch goes by itself from now on. ``holder`` lets the next one send.
        """
        changes = "attempts = attempts + 1, next_at = ?" + (", batch = key" if alone else "")

        def step(connection: sqlite3.Connection) -> None:
            _set(connection, parcel.ids, changes, next_at)
            keep_quiet(connection, quiet_until)
            give_back(connection, holder)

        self._database.run(step)

    def drop_pending(self, reason: str) -> int:
        """Drop what is pending and count it; gives how many."""
        return self._database.run(lambda connection: _drop_pending(connection, reason))

    def delete_pending(self, reason: str = "opted_out") -> int:
        """Delete what is pending, without a trace but a count; gives how many."""
        self._take_up()

        def step(connection: sqlite3.Connection) -> int:
            deleted = connection.execute("DELETE FROM events WHERE state = 'pending'").rowcount
            deleted += connection.execute("DELETE FROM counting").rowcount
            _count(connection, reason, deleted)
            return deleted

        return self._database.run(step)

    def delete_all(self) -> None:
        """Delete the ledger's files, those that were moved aside included."""
        self._database.remove()

    def count_drops(self, counts: Mapping[str, int]) -> None:
        """Add losses from elsewhere, by reason."""
        self._database.run(lambda connection: _count_all(connection, counts))

    def drops(self) -> dict[str, int]:
        """How many events were lost, by reason, in the life of this ledger."""
        return dict(self._rows("SELECT reason, count FROM drops ORDER BY reason"))

    def counts(self) -> dict[str, int]:
        """How many events the ledger holds in each state."""
        found = dict(self._rows("SELECT state, count(*) FROM events GROUP BY state"))
        return {state: found.get(state, 0) for state in ("pending", "sent", "dropped")}

    def events(self, limit: int = KEPT_EVENTS, since: float = 0.0) -> list[Entry]:
        """The last events, oldest first, of those that happened at or after ``since``; then the counts that go on."""
        rows = self._rows(
            "SELECT id, name, body, content_type, key, created_at, state, reason, sent_at FROM events"
            " WHERE created_at >= ? ORDER BY id DESC LIMIT ?",
            since,
            limit,
        )
        counting = self._rows(
            "SELECT 0, name, body, content_type, key, created_at, 'counting', NULL, NULL FROM counting"
            " WHERE created_at >= ? ORDER BY created_at",
            since,
        )
        return [_entry(row) for row in [*reversed(rows), *counting]][-limit:]

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

    def release_lease(self, holder: str) -> None:
        """Let the next one send."""
        self._database.run(lambda connection: give_back(connection, holder))

    def lease_until(self) -> float | None:
        """When the present lease ends, None where nobody holds one."""
        now = self._clock()
        return self._database.run(lambda connection: lease_until(connection, now), reads=True)

    @property
    def was_replaced(self) -> bool:
        """Whether the file that was opened first is there no more: deleted, or moved aside."""
        return self._database.was_replaced

    @staticmethod
    def is_full(error: LedgerError) -> bool:
        """Whether it failed as there is no room on the disk."""
        return is_full(error.__cause__)

    def reclaim(self) -> None:
        """Take up as little of the disk as can be; whether or not that can be done now."""
        self._database.reclaim()

    def close(self) -> None:
        """Let go of the file; any later call opens it again."""
        self._database.close()

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        return self._database.run(lambda connection: connection.execute(query, values).fetchall(), reads=True)


def _set(connection: sqlite3.Connection, ids: Sequence[int], changes: str, *values: object) -> int:
    """Change those events that are still pending; gives how many that were."""
    statement = f"UPDATE events SET {changes} WHERE id = ? AND state = 'pending'"  # noqa: S608 - constants of this module
    return connection.executemany(statement, [(*values, number) for number in ids]).rowcount


def _drop_pending(connection: sqlite3.Connection, reason: str, tried_before: float | None = None) -> int:
    """Drop what is pending, or of that what was first tried before that time, and count it."""
    dropped = connection.execute(
        "UPDATE events SET state = 'dropped', reason = ?"
        " WHERE state = 'pending' AND (? IS NULL OR first_tried_at <= ?)",
        (reason, tried_before, tried_before),
    ).rowcount
    _count(connection, reason, dropped)
    return dropped


def _count(connection: sqlite3.Connection, reason: str, number: int) -> None:
    if number > 0:
        connection.execute(
            "INSERT INTO drops VALUES (?, ?) ON CONFLICT (reason) DO UPDATE SET count = count + excluded.count",
            (reason, number),
        )


def _count_all(connection: sqlite3.Connection, counts: Mapping[str, int]) -> None:
    for reason, number in counts.items():
        _count(connection, reason, number)


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
