"""A SQLite file of ours: opened, migrated, locked and noticed where it is replaced; set aside where it is broken.

WAL mode, shared by processes and threads, safe across fork. What the file holds, and what is said of it where it
fails, is its :class:`Layout`.
"""

from __future__ import annotations

import os
import re
import sqlite3
import sys
import threading
import weakref
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep, time  # before gevent may patch the module: see Bell
from typing import TYPE_CHECKING, Protocol, TypeVar

from otel_agent_telemetry import _deadline
from otel_agent_telemetry._folder import FolderLock, make_private
from otel_agent_telemetry._imports import importing

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

__all__ = [
    "Database",
    "Layout",
    "NewerError",
    "belongs_to",
    "connected_readonly",
    "identity_of",
    "inode_of",
    "is_busy",
    "is_full",
    "migrate",
    "version_of",
]

T = TypeVar("T")

_BUSY_SECONDS = 5.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.001, 0.02
_FORK_WAIT_SECONDS = 0.5  # what SQLite does takes less, but on the busiest machine
_OWN_SECONDS = 0.2  # whatever the deadline: another thread of ours is done with its step in a moment
_SIDE_FILES = ("", "-wal", "-shm")


class Layout(Protocol):
    """What a kind of file holds, and what becomes of its failures."""

    def prepare(self, connection: sqlite3.Connection) -> None:
        """Make a new connection ready: its settings, and what is missing of the tables."""
        ...

    def undone(self) -> None:
        """A transaction was undone: what was learnt inside it is void."""
        ...

    def check(self, connection: sqlite3.Connection) -> None:
        """Raise sqlite3.DatabaseError where a table is missing."""
        ...

    def is_ours(self, path: str, /) -> bool:
        """Whether a file that cannot be read may be set aside, or may belong to somebody else."""
        ...

    def renewed(self, connection: sqlite3.Connection, aside: str, error: Exception, /) -> None:
        """The first step on the new file after the broken one was moved to ``aside``."""
        ...

    def failure(self, path: str | None, error: Exception, /) -> Exception:
        """What is raised for that error."""
        ...


class NewerError(sqlite3.DatabaseError):
    """The file was written by a later version of this package."""


def belongs_to(database: str, name: str) -> bool:
    """Whether a file of that name is the database's own, one beside it, or one of it that was set aside."""
    beside = r"(\.[a-z]+-\d+(\.\d+\.[0-9a-f]+\.draft)?)?(-wal|-shm|-journal)?"
    return re.fullmatch(re.escape(database) + beside, name, re.ASCII) is not None


class Database:
    """One file, or for ``path`` None a database in memory that each process has for itself.

    Opened when it is made, so that a caller learns at once whether it can be: raises what the layout makes of it. Not
    ``opens`` leaves that to the first step.
    """

    def __init__(self, path: str | os.PathLike[str] | None, layout: Layout, *, opens: bool = True) -> None:
        self._path: str | None = None if path is None else os.path.abspath(path)
        self._layout = layout
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._identity: object = None
        self.was_replaced = False
        _open_databases.add(self)  # before it is opened, which a fork must not fall into
        if opens:
            self.run(lambda _: None)

    def __del__(self) -> None:
        # Python 3.13 warns of a connection that nobody closed, and whoever opened a file may just let it go.
        connection: sqlite3.Connection | None = getattr(self, "_connection", None)
        if connection is not None:
            connection.close()

    def run(self, step: Callable[[sqlite3.Connection], T], *, reads: bool = False) -> T:
        """Do one step as one transaction, from any thread; one that only ``reads`` holds up nobody who writes.

        A file found broken on the way is set aside, and the step is done on a new one. One that another process holds
        locked is waited for, at most until the caller's deadline, and not inside SQLite: a fork need not wait for us.
        """
        ends_at = monotonic() + _deadline.left(_BUSY_SECONDS)
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                result = self._locked(step, ends_at, reads=reads)
            except (sqlite3.DatabaseError, OSError) as error:
                if is_busy(error):
                    _deadline.held_up()
                if not is_busy(error) or _deadline.left_for_others(ends_at - monotonic()) < pause:
                    self._fail(error)
                    raise
            else:
                _deadline.went_on()
                return result
            sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    @contextmanager
    def transaction(self) -> Generator[sqlite3.Connection]:
        """The connection inside a transaction, undone where the block raises; a broken file is set aside."""
        with self._lock:
            try:
                with self._begun() as connection:
                    yield connection
            except (OSError, sqlite3.DatabaseError) as error:
                self._renew_after(error)
                self._fail(error)
                raise

    @contextmanager
    def held(self) -> Generator[sqlite3.Connection]:
        """The connection outside of any transaction, for what SQLite does not do inside one."""
        with self._lock:
            try:
                yield self._connect()
            except (OSError, sqlite3.DatabaseError) as error:
                self._renew_after(error)
                self._fail(error)
                raise

    def refresh(self) -> None:
        """Open a new file at once where somebody took the old one away, so that a reader finds one."""
        if self.is_replaced():
            self.run(lambda _: None)

    def is_replaced(self) -> bool:
        """Whether the file that the last step went into is no longer the one at the path."""
        return None not in (self._path, self._identity) and identity_of(self._path or "") != self._identity

    def close(self) -> None:
        """Let go of the file; the next step opens it again."""
        with self._lock:
            self._disconnect()

    def remove(self) -> None:
        """Delete the file, those beside it and those that were set aside; the next step starts a new one."""
        with self._lock:
            self._disconnect()
            folder = None if self._path is None else os.path.dirname(self._path)
            if folder is None or not os.path.isdir(folder):
                return
            with FolderLock(folder):
                for name in os.listdir(folder):
                    if belongs_to(os.path.basename(self._path or ""), name):
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

    def _locked(self, step: Callable[[sqlite3.Connection], T], ends_at: float, *, reads: bool) -> T:
        if not self._lock.acquire(timeout=max(_OWN_SECONDS, ends_at - monotonic())):
            raise BlockingIOError(0, "another thread is at work in it")
        try:
            with self._begun(reads=reads) as connection:
                return step(connection)
        except (OSError, sqlite3.DatabaseError) as error:
            if is_busy(error):
                raise
            self._renew_after(error)
            with self._begun(reads=reads) as connection:
                return step(connection)
        finally:
            self._lock.release()

    @contextmanager
    def _begun(self, *, reads: bool = False) -> Generator[sqlite3.Connection]:
        connection = self._connect()
        connection.execute("BEGIN" if reads else "BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            self._layout.undone()
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _connect(self) -> sqlite3.Connection:
        if self._connection is not None and self.is_replaced():
            self._disconnect()  # what went on into a file that was deleted or moved would be lost
            self.was_replaced = True
        if self._connection is None:
            self._connection = self._open()
        return self._connection

    def _open(self) -> sqlite3.Connection:
        if self._path is None:
            return self._prepared(_connected(":memory:"))
        folder = os.path.dirname(self._path)
        make_private(folder)
        with FolderLock(folder):
            _make_file(self._path)
            connection = self._prepared(_connected(self._path))
            self._identity = identity_of(self._path)
        return connection

    def _prepared(self, connection: sqlite3.Connection) -> sqlite3.Connection:
        try:
            self._layout.prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _renew_after(self, error: Exception) -> None:
        """Set the file aside where the error says that it is broken; else the error is the caller's."""
        if self._path is None or not _is_broken(error):
            self._fail(error)
            raise error
        try:
            if not self._layout.is_ours(self._path):
                raise error
            self._disconnect()
            self._set_aside(self._path, error)
        except (OSError, sqlite3.Error) as failed:
            self._fail(failed)
            raise

    def _set_aside(self, path: str, error: Exception) -> None:
        with FolderLock(os.path.dirname(path)):
            if self._can_be_used(path):  # another process has renewed it by now
                return
            aside = f"{path}.broken-{int(time())}"
            for side in _SIDE_FILES:
                with suppress(FileNotFoundError):
                    os.replace(path + side, aside + side)
        with self._begun() as connection:
            self._layout.renewed(connection, aside, error)

    def _can_be_used(self, path: str) -> bool:
        try:
            connection = self._prepared(_connected(path))
        except sqlite3.DatabaseError as error:
            return is_busy(error)
        try:
            self._layout.check(connection)
            return connection.execute("PRAGMA quick_check").fetchone()[0] == "ok"
        except sqlite3.DatabaseError as error:
            return is_busy(error)
        finally:
            connection.close()

    def _fail(self, error: Exception) -> None:
        failure = self._layout.failure(self._path, error)
        if failure is not error:
            raise failure from error


def migrate(connection: sqlite3.Connection, scripts: Sequence[str]) -> None:
    """Apply the scripts that the file has not seen, all or none; ``PRAGMA user_version`` is how many it has.

    Raises NewerError for a file that has seen more.
    """
    if version_of(connection) == len(scripts):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        seen = version_of(connection)  # another process may have been quicker
        if not 0 <= seen <= len(scripts):
            raise NewerError(f"it has version {seen}, this program knows version {len(scripts)}")  # noqa: TRY301 - undone
        for script in scripts[seen:]:
            for statement in script.split(";\n"):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(scripts)}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def version_of(connection: sqlite3.Connection) -> int:
    """How many scripts a file has seen."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def connected_readonly(path: str | os.PathLike[str]) -> sqlite3.Connection:
    """A connection that reads a file which is there, and never holds up its writer."""
    return _connected(f"{Path(path).absolute().as_uri()}?mode=ro", uri=True, seconds=_BUSY_SECONDS)


def identity_of(path: str | os.PathLike[str]) -> object:
    """Differs once the file at ``path``, or the log beside it, is another one."""
    return inode_of(path), inode_of(f"{os.fspath(path)}-wal")


def inode_of(path: str | os.PathLike[str]) -> tuple[int, int] | None:
    """Differs once the file at ``path`` is another one, while somebody has the first one open; None for none."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


_open_databases: weakref.WeakSet[Database] = weakref.WeakSet()
_never_closed: list[
    sqlite3.Connection
] = []  # closing in a child what its parent uses would take the parent's locks away
_held_for_fork: list[tuple[Database, bool]] = []
_is_stuck = False
"""Whether this process was forked in the middle of a step: SQLite's own locks are held by a thread that is not here."""


def _before_fork() -> None:
    _held_for_fork.extend((database, database.before_fork()) for database in list(_open_databases))


def _after_fork_in_parent() -> None:
    for database, held in _held_for_fork:
        database.after_fork_in_parent(held=held)
    _held_for_fork.clear()


def _after_fork_in_child() -> None:
    global _is_stuck  # noqa: PLW0603 - true of the process
    for database, held in _held_for_fork:
        _is_stuck = _is_stuck or not held
        database.after_fork_in_child()
    _held_for_fork.clear()


importing.at_fork(before=_before_fork, in_parent=_after_fork_in_parent, in_child=_after_fork_in_child)


def _make_file(path: str) -> None:
    """Make the file where there is none, with a mode that SQLite gives the files beside it too.

    A file that is there is not opened: closing it would take from the process every lock that SQLite has on it.
    """
    if not os.path.exists(path):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600))


def _connected(address: str, *, uri: bool = False, seconds: float = 0) -> sqlite3.Connection:
    if _is_stuck:
        raise BlockingIOError(0, "this process was forked in the middle of a step of SQLite's")
    return sqlite3.connect(address, uri=uri, timeout=seconds, isolation_level=None, check_same_thread=False)


def _leave_log(connection: sqlite3.Connection) -> None:
    """Let the coming close leave the log as it is, as it will be opened again at once; Python 3.12 can say so."""
    if sys.version_info >= (3, 12):
        connection.setconfig(sqlite3.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, True)  # noqa: FBT003 - not ours


def is_busy(error: BaseException | None) -> bool:
    """Whether somebody else is at work, so that a moment later it may go."""
    locked = isinstance(error, sqlite3.OperationalError) and "locked" in str(error)
    return locked or isinstance(error, BlockingIOError)


def is_full(error: BaseException | None) -> bool:
    """Whether there is no room for what was to be written."""
    return isinstance(error, sqlite3.OperationalError) and "full" in str(error)


_OTHER_TABLES = re.compile("no such (table|column)|has no column")


def _is_broken(error: Exception) -> bool:
    """SQLite's "not a database" and "malformed" have the bare class; busy, full or read-only have OperationalError."""
    is_other = isinstance(error, sqlite3.OperationalError) and _OTHER_TABLES.search(str(error)) is not None
    return is_other or type(error) in {sqlite3.DatabaseError, NewerError}
