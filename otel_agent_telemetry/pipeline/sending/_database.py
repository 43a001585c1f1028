"""The ledger's SQLite file: its tables, and what is said of it where it cannot be used."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from typing import TYPE_CHECKING, TypeVar

from otel_agent_telemetry._folder import make_private, require_own
from otel_agent_telemetry._sqlite import Database, NewerError, connected_readonly, migrate, version_of
from otel_agent_telemetry.errors import LedgerError
from otel_agent_telemetry.pipeline.sending._counts import TABLE as COUNTING
from otel_agent_telemetry.pipeline.sending._last_run import TABLE as LAST_RUN
from otel_agent_telemetry.pipeline.sending._lease import TABLE as LEASE

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["VERSION", "LedgerFile", "use_reserve"]

T = TypeVar("T")

_SCHEMA = f"""
CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    created_at REAL NOT NULL,
    state TEXT NOT NULL DEFAULT 'pending',
    reason TEXT,
    sent_at REAL,
    attempts INTEGER NOT NULL DEFAULT 0,
    first_tried_at REAL,
    next_at REAL,
    batch TEXT,
    name TEXT NOT NULL,
    content_type TEXT NOT NULL,
    key TEXT NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX pending_events ON events (id) WHERE state = 'pending';
CREATE TABLE drops (reason TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;
{LEASE}
CREATE TABLE stopped (version TEXT PRIMARY KEY, at REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE moments (name TEXT PRIMARY KEY, at REAL NOT NULL) WITHOUT ROWID;
"""

_CHECK = """
SELECT events.name, events.key, events.next_at, events.batch, drops.count, lease.until, stopped.at, moments.at
FROM events, drops, lease, stopped, moments LIMIT 0
"""
_RESERVE, _RESERVE_BYTES = ".reserve-0", 32_768
_MIGRATIONS = (_SCHEMA,)
VERSION = len(_MIGRATIONS)


class LedgerFile:
    """The ledger's file at ``path``, or for None one in memory; it and every step on it raise LedgerError.

    Where another version of this package has that file, it is left alone and ours is beside it, under a name with our
    number: both go on with what is theirs. Not ``opens`` leaves it to the first step to find out.
    """

    def __init__(self, path: str | os.PathLike[str] | None, *, opens: bool = True) -> None:
        self._path = None if path is None else os.path.abspath(path)
        if self._path is not None:
            _require_own(self._path)
        try:
            self._database = Database(self._here(), _Layout(), opens=opens)
        except LedgerError as error:
            self._database = self._beside(error)
        if self._path is not None:
            _reserve(f"{self._path}{_RESERVE}")

    def run(self, step: Callable[[sqlite3.Connection], T], *, reads: bool = False) -> T:
        """Do one step as one transaction, from any thread; with ``reads`` one that writes nothing."""

        def ours(connection: sqlite3.Connection) -> T:
            if version_of(connection) != len(_MIGRATIONS):
                raise NewerError("another version of this package took it over")
            return step(connection)

        try:
            return self._database.run(ours, reads=reads)
        except LedgerError as error:
            self._database = self._beside(error)
        return self._database.run(ours, reads=reads)

    @property
    def was_replaced(self) -> bool:
        """Whether the file that was opened first is there no more: deleted, or set aside."""
        return self._database.was_replaced or self._database.is_replaced()

    def reclaim(self) -> None:
        """Move what the log holds into the file, as far as there is room for that: the log then takes none."""
        with suppress(LedgerError), self._database.held() as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Let go of the file; the next step opens it again."""
        self._database.close()

    def remove(self) -> None:
        """Delete the file, those beside it and those that were set aside; the next step starts a new one."""
        self._database.remove()

    def _here(self) -> str | None:
        if self._path is None:
            return None
        numbered = _numbered(self._path)
        return numbered if os.path.exists(numbered) else self._path

    def _beside(self, error: LedgerError) -> Database:
        if self._path is None or not isinstance(error.__cause__, NewerError):
            raise error
        return Database(_numbered(self._path), _Layout())


def use_reserve(path: str) -> None:
    """Give up the room that is kept for a disk that is full; whoever opens the ledger next sets it aside anew."""
    with suppress(OSError):
        os.unlink(f"{path}{_RESERVE}")


def _require_own(path: str) -> None:
    """Refuse a place where another account may put something, or has."""
    folder = os.path.dirname(path)
    try:
        make_private(folder)
        for place in (os.path.dirname(folder), folder, path, _numbered(path)):
            require_own(place)
    except OSError as error:
        raise _Layout().failure(path, error) from error


def _reserve(path: str) -> None:
    """Set room aside, so that on a full disk one can still write how much was lost."""
    with suppress(OSError), open(path, "xb", opener=_private) as file:
        file.write(bytes(_RESERVE_BYTES))


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _numbered(path: str) -> str:
    stem, ending = os.path.splitext(path)
    return f"{stem}-{len(_MIGRATIONS)}{ending}"


class _Layout:
    def prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA secure_delete = FAST")
        migrate(connection, _MIGRATIONS)
        for table in (COUNTING, LAST_RUN):  # a file that an earlier release began has no such tables
            connection.execute(table)

    def undone(self) -> None:
        pass

    def check(self, connection: sqlite3.Connection) -> None:
        connection.execute(_CHECK)

    def is_ours(self, path: str) -> bool:
        try:
            with closing(connected_readonly(path)) as connection:
                return version_of(connection) <= len(_MIGRATIONS)
        except sqlite3.Error:
            return True

    def renewed(self, connection: sqlite3.Connection, _aside: str, _error: Exception) -> None:
        connection.execute(
            "INSERT INTO drops VALUES ('ledger_broken', 1) ON CONFLICT (reason) DO UPDATE SET count = count + 1"
        )

    def failure(self, path: str | None, error: Exception) -> Exception:
        return LedgerError(f"ledger {path or 'in memory'}: {error}; set AGENT_TELEMETRY_STATE_DIR to a folder of yours")
