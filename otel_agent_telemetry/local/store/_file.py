"""The store's file: whose it is, what it is opened with, and a write-ahead log that does not grow without end.

A log can be begun again only when no reader looks into it. SQLite can neither end a reader of another process nor
shorten a log below it, so where one stays open the log is bounded from this side: writers first cut it, then wait for
the reader, and at last refuse to write until it is gone.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

from otel_agent_telemetry._sqlite import Database, NewerError, connected_readonly, identity_of, version_of
from otel_agent_telemetry.errors import InputError
from otel_agent_telemetry.local.store._tables import APPLICATION_ID, MIGRATIONS, add_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

__all__ = ["StoreFile"]

T = TypeVar("T")

_logger = logging.getLogger(__name__)

_PAGE_CACHE_KIB = 8192
_BUSY_MS = 5000
_CHECKPOINT_PAGES = 4000
_LONGEST_LOG = 256 * 2**20
_SHORTEST_LIMIT = 2**20
_IDLE_LOG = 16 * 2**20  # a log that is folded in whole stays as long as it was, for the next spans, unless it is longer
_READER_PATIENCE_SECONDS = 2.0
_ASK_AGAIN_SECONDS = 1.0
_DATABASE_NAMES = {".sqlite", ".sqlite3", ".db"}
_APPLICATION_ID_AT = 68  # in the header of every SQLite file: https://www.sqlite.org/fileformat.html
_ALL_TABLES = "SELECT 1 FROM origins, traces, spans, visits, attendances, steps, logs, metrics, events LIMIT 0"


class StoreFile:
    """A store's file, open for writing.

    Raises InputError where it cannot be used when this is made, later ``sqlite3.OperationalError``.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._layout = _Layout(path)
        self._longest_log = _LONGEST_LOG
        self._refused_at = float("-inf")
        try:
            self._database = Database(path, self._layout)
        except _RefusedError as error:
            raise InputError(str(error)) from error
        except sqlite3.Error as error:
            msg = f"cannot use {path} as a trace store: {error}; name another file with --db"
            raise InputError(msg) from error

    def close(self) -> None:
        """Close it; its log is folded in."""
        self._database.close()

    def run(self, step: Callable[[sqlite3.Connection], T]) -> T:
        """Do one step as one transaction; on a new file where the old one is found broken, or went meanwhile."""
        self._make_room()
        result = self._database.run(step)
        return self._database.run(step) if self._database.is_replaced() else result

    @contextmanager
    def writing(self) -> Generator[sqlite3.Connection]:
        """The writing connection inside a transaction, which is undone where the block raises."""
        self._make_room()
        with self._database.transaction() as connection:
            yield connection

    def reader(self) -> sqlite3.Connection:
        """A read-only connection of the caller's own, to the file that is there now."""
        self._database.refresh()
        connection = connected_readonly(self.path)
        try:
            connection.execute("SELECT 1 FROM spans LIMIT 1").fetchone()
        except BaseException:
            connection.close()
            raise
        return connection

    def look_through(self) -> None:
        """Set the file aside if it is broken, as a reader says: what is broken may lie where no writer comes by."""
        self._database.close()  # what the writer remembers of its pages may hide what is on disk
        self._database.run(_look_through)

    def identity(self) -> object:
        """Differs once somebody replaced the file."""
        return identity_of(self.path)

    def leave_checkpoints(self) -> None:
        """Stop folding the log in while writing: :meth:`checkpoint` does it from now on."""
        self._layout.checkpoint_pages = 0
        with self._database.held() as connection:
            connection.execute("PRAGMA wal_autocheckpoint = 0").fetchall()

    def keep_below(self, size_bytes: int) -> None:
        """Let the log have no more than a quarter of that size, at which writers are refused."""
        self._longest_log = min(_LONGEST_LOG, max(size_bytes // 8, _SHORTEST_LIMIT))

    def checkpoint(self) -> None:
        """Fold the log in beside the writers; they wait only where it has grown too long."""
        self._database.refresh()
        with closing(_writable(self.path)) as beside:
            _, pages, folded = beside.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        length = self.log_bytes()
        if length > self._longest_log or (length > _IDLE_LOG and folded == pages):
            self.cut_log()

    def cut_log(self, patience_seconds: float = 0.0) -> None:
        """Fold the log in and cut it to nothing, unless readers look into it for longer than that."""
        with self._database.held() as connection:
            before = connection.execute("PRAGMA busy_timeout").fetchone()[0]
            connection.execute(f"PRAGMA busy_timeout = {int(patience_seconds * 1000)}").fetchall()
            try:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            finally:
                connection.execute(f"PRAGMA busy_timeout = {before}").fetchall()

    def give_back(self) -> None:
        """Give the pages of what was deleted back to the file system."""
        with self._database.held() as connection:
            connection.executescript("PRAGMA incremental_vacuum")  # execute() would stop after its first page

    def bytes_in_use(self) -> int:
        """Bytes in use without the log; pages that wait to be given back do not count."""
        with self._database.held() as connection:
            pages, free, size = (
                int(connection.execute(f"PRAGMA {name}").fetchone()[0])
                for name in ("page_count", "freelist_count", "page_size")
            )
        return (pages - free) * size

    def log_bytes(self) -> int:
        """How long the log is."""
        with suppress(FileNotFoundError):
            return os.stat(f"{self.path}-wal").st_size
        return 0

    def _make_room(self) -> None:
        if self.log_bytes() <= self._longest_log:
            return
        self.cut_log()
        if self.log_bytes() <= 2 * self._longest_log:
            return
        if time.monotonic() - self._refused_at > _ASK_AGAIN_SECONDS:
            self.cut_log(_READER_PATIENCE_SECONDS)
            if self.log_bytes() <= 2 * self._longest_log:
                return
            self._refused_at = time.monotonic()
        msg = f"the log of {self.path} cannot be cut while another program reads from it; end that program or its query"
        raise sqlite3.OperationalError(msg)


class _RefusedError(sqlite3.OperationalError):
    """The file is somebody else's, or a newer release's: it stays as it is."""


class _Layout:
    def __init__(self, path: Path) -> None:
        self._path = path
        self.checkpoint_pages = _CHECKPOINT_PAGES

    def prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}").fetchall()  # commands and `serve` write to one file
        _refuse_foreign(connection, self._path)
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # takes effect in a new file, before its first table
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA temp_store = MEMORY")  # a file of its own could not be had where descriptors run out
        connection.execute("PRAGMA recursive_triggers = ON")  # a row that is replaced goes, for those that watch it
        connection.execute(f"PRAGMA cache_size = -{_PAGE_CACHE_KIB}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {self.checkpoint_pages}").fetchall()
        try:
            add_tables(connection)
        except NewerError as error:
            raise _newer(connection, self._path) from error

    def undone(self) -> None:
        pass  # nothing is remembered of what was written

    def check(self, connection: sqlite3.Connection) -> None:
        connection.execute(_ALL_TABLES)

    def is_ours(self, path: str) -> bool:
        """One whose header says so, or whose name says that it is a database: somebody's notes stay where they are."""
        with open(path, "rb") as file:
            header = file.read(100)
        named = os.path.splitext(path)[1].lower() in _DATABASE_NAMES
        return named or header[_APPLICATION_ID_AT : _APPLICATION_ID_AT + 4] == APPLICATION_ID.to_bytes(4, "big")

    def renewed(self, _connection: sqlite3.Connection, aside: str, error: Exception) -> None:
        _logger.warning("%s was broken (%s): it is kept as %s, and a new store is begun", self._path, error, aside)

    def failure(self, _path: str | None, error: Exception) -> Exception:
        if isinstance(error, OSError) or type(error) is sqlite3.DatabaseError:
            return sqlite3.OperationalError(str(error))
        return error


def _look_through(connection: sqlite3.Connection) -> None:
    found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise sqlite3.DatabaseError(found)


def _writable(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None)


def _refuse_foreign(connection: sqlite3.Connection, path: Path) -> None:
    has_tables = connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is not None
    if has_tables and int(connection.execute("PRAGMA application_id").fetchone()[0]) != APPLICATION_ID:
        msg = f"{path} is a SQLite database of another program; name another file with --db"
        raise _RefusedError(msg)


def _newer(connection: sqlite3.Connection, path: Path) -> _RefusedError:
    return _RefusedError(
        f"{path} was written by a newer release (schema {version_of(connection)}, this one knows {len(MIGRATIONS)}); "
        "upgrade with `pip install -U otel-agent-telemetry` or name another file with --db"
    )
