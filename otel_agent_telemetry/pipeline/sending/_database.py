"""The ledger's SQLite file: WAL mode, shared by processes and threads, safe across fork, renewed where broken."""

from __future__ import annotations

import os
import sqlite3
import sys
import threading
import weakref
from contextlib import suppress
from time import monotonic, sleep, time  # before gevent may patch the module: see Bell
from typing import TYPE_CHECKING, TypeVar

from otel_agent_telemetry import _deadline
from otel_agent_telemetry._folder import FolderLock, make_private
from otel_agent_telemetry.errors import LedgerError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Database"]

T = TypeVar("T")

_VERSION = 1
_BUSY_SECONDS = 5.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.001, 0.02
_FORK_WAIT_SECONDS = 0.02
_SIDE_FILES = ("", "-wal", "-shm")

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
CREATE TABLE lease (one INTEGER PRIMARY KEY CHECK (one = 1), holder TEXT NOT NULL, until REAL NOT NULL);
CREATE TABLE stopped (version TEXT PRIMARY KEY, at REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE moments (name TEXT PRIMARY KEY, at REAL NOT NULL) WITHOUT ROWID;
PRAGMA user_version = {_VERSION};
"""


class Database:
    """One file, or for ``path`` None a database in memory that each process has for itself.

    Opened when it is made, so that a caller learns at once whether it can be: raises LedgerError.
    """

    def __init__(self, path: str | os.PathLike[str] | None) -> None:
        self._path: str | None = None if path is None else os.path.abspath(path)
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self.run(lambda _: None)
        _open_databases.add(self)

    def __del__(self) -> None:
        # Python 3.13 warns of a connection that nobody closed, and whoever opened a ledger may just let it go.
        connection: sqlite3.Connection | None = getattr(self, "_connection", None)
        if connection is not None:
            connection.close()

    def run(self, step: Callable[[sqlite3.Connection], T]) -> T:
        """Do one step as one transaction, from any thread; raises LedgerError.

        A file found broken on the way is moved aside, and the step is done on a new one. One that another process holds
        locked is waited for, at most until the caller's deadline, and not inside SQLite: a fork need not wait for us.
        """
        ends_at = monotonic() + _deadline.left(_BUSY_SECONDS)
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                return self._locked(step, ends_at)
            except (sqlite3.DatabaseError, OSError) as error:
                if not _is_busy(error) or monotonic() + pause > ends_at:
                    raise self._failed(error) from error
            sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def close(self) -> None:
        """Let go of the file; the next step opens it again."""
        with self._lock:
            self._disconnect()

    def remove(self) -> None:
        """Delete the file, those beside it and those that were moved aside; the next step starts a new one."""
        with self._lock:
            self._disconnect()
            folder = None if self._path is None else os.path.dirname(self._path)
            if folder is None or not os.path.isdir(folder):
                return
            with FolderLock(folder):
                for name in os.listdir(folder):
                    if name.startswith(os.path.basename(self._path or "")):
                        os.unlink(os.path.join(folder, name))

    def before_fork(self) -> bool:
        """Close the file, as SQLite keeps in memory which locks the process has, and a child would believe that memory.

        Gives whether that worked; where a step takes too long, the child leaves the connection alone for ever.
        """
        held = self._lock.acquire(timeout=_FORK_WAIT_SECONDS)
        if held and self._path is not None and self._connection is not None:
            _leave_log(self._connection)
            self._disconnect()
        return held

    def after_fork_in_parent(self, *, held: bool) -> None:
        """Go on."""
        if held:
            self._lock.release()

    def after_fork_in_child(self) -> None:
        """Start over: with a new lock, a connection of its own, and in memory with nothing."""
        self._lock = threading.Lock()
        if self._connection is not None:
            _never_closed.append(self._connection)
            self._connection = None

    def _locked(self, step: Callable[[sqlite3.Connection], T], ends_at: float) -> T:
        if not self._lock.acquire(timeout=max(0.0, ends_at - monotonic())):
            raise BlockingIOError(0, "another thread is at work in it")
        try:
            return self._attempt(step)
        except sqlite3.DatabaseError as error:
            if not _is_broken(error):
                raise
            return self._attempt_anew(step)
        finally:
            self._lock.release()

    def _attempt(self, step: Callable[[sqlite3.Connection], T]) -> T:
        connection = self._connect()
        connection.execute("BEGIN IMMEDIATE")
        try:
            result = step(connection)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return result

    def _attempt_anew(self, step: Callable[[sqlite3.Connection], T]) -> T:
        try:
            self._disconnect()
            self._set_aside()
            return self._attempt(step)
        except (OSError, sqlite3.Error) as error:
            raise self._failed(error) from error

    def _connect(self) -> sqlite3.Connection:
        if self._connection is not None and self._path is not None and _inode(self._path) != self._inode:
            self._disconnect()  # somebody deleted the file or moved it aside; what went on into it would be lost
        if self._connection is None:
            self._connection = self._open()
        return self._connection

    def _open(self) -> sqlite3.Connection:
        if self._path is None:
            return _prepared(_connected(":memory:"))
        folder = os.path.dirname(self._path)
        make_private(folder)
        with FolderLock(folder):
            os.close(
                os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            )  # SQLite gives the files beside it this mode too
            connection = _prepared(_connected(self._path))
            self._inode = _inode(self._path)
        return connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _set_aside(self) -> None:
        if self._path is None:
            return
        with FolderLock(os.path.dirname(self._path)):
            if _can_be_used(self._path):  # another process has renewed it by now
                return
            aside = f"{self._path}.broken-{int(time())}"
            for side in _SIDE_FILES:
                with suppress(FileNotFoundError):
                    os.replace(self._path + side, aside + side)
        self._attempt(_count_broken)

    def _failed(self, error: Exception) -> LedgerError:
        return LedgerError(
            f"ledger {self._path or 'in memory'}: {error}; set AGENT_TELEMETRY_STATE_DIR to a folder of yours"
        )


class _NewerError(sqlite3.DatabaseError):
    """The file was written by a later version of this package."""


_open_databases: weakref.WeakSet[Database] = weakref.WeakSet()
_never_closed: list[
    sqlite3.Connection
] = []  # closing in a child what its parent uses would take the parent's locks away
_held_for_fork: list[tuple[Database, bool]] = []


def _before_fork() -> None:
    _held_for_fork.extend((database, database.before_fork()) for database in list(_open_databases))


def _after_fork_in_parent() -> None:
    for database, held in _held_for_fork:
        database.after_fork_in_parent(held=held)
    _held_for_fork.clear()


def _after_fork_in_child() -> None:
    for database, _ in _held_for_fork:
        database.after_fork_in_child()
    _held_for_fork.clear()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)


def _connected(path: str) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)


def _leave_log(connection: sqlite3.Connection) -> None:
    """Let the coming close leave the log as it is, as it will be opened again at once; Python 3.12 can say so."""
    if sys.version_info >= (3, 12):
        connection.setconfig(sqlite3.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, True)  # noqa: FBT003 - not ours


def _prepared(connection: sqlite3.Connection) -> sqlite3.Connection:
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA secure_delete = FAST")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
        elif version != _VERSION:
            connection.close()
            raise _NewerError(f"it has version {version}, this program knows version {_VERSION}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _can_be_used(path: str) -> bool:
    try:
        connection = _prepared(_connected(path))
    except sqlite3.DatabaseError as error:
        return _is_busy(error)
    try:
        connection.execute("SELECT 1 FROM events, drops, lease, stopped, moments LIMIT 0")
        return connection.execute("PRAGMA quick_check").fetchone()[0] == "ok"
    except sqlite3.DatabaseError as error:
        return _is_busy(error)
    finally:
        connection.close()


def _is_busy(error: Exception) -> bool:
    """Whether somebody else is at work, so that a moment later it may go."""
    locked = isinstance(error, sqlite3.OperationalError) and "locked" in str(error)
    return locked or isinstance(error, BlockingIOError)


def _is_broken(error: sqlite3.DatabaseError) -> bool:
    """SQLite's "not a database" and "malformed" have the bare class; busy, full or read-only have OperationalError."""
    missing = isinstance(error, sqlite3.OperationalError) and "no such table" in str(error)
    return missing or type(error) in {sqlite3.DatabaseError, _NewerError}


def _count_broken(connection: sqlite3.Connection) -> None:
    connection.execute(
        "INSERT INTO drops VALUES ('ledger_broken', 1) ON CONFLICT (reason) DO UPDATE SET count = count + 1"
    )


def _inode(path: str) -> int:
    try:
        return os.stat(path).st_ino
    except FileNotFoundError:
        return 0
