"""A book held open for reading: what it was asked is kept until something is committed to it, or the hour changes."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from otel_agent_telemetry._sqlite import connected_readonly, inode_of
from otel_agent_telemetry.errors import StoreError
from otel_agent_telemetry.maintainers.answers._asking import Asking, products

if TYPE_CHECKING:
    import os
    from collections.abc import Generator

    from otel_agent_telemetry.maintainers.answers._report import Asked, Report

__all__ = ["Reading", "report"]

_HOUR = 3_600
_MOST_REPORTS = 16


class Reading:
    """The book at ``path``, asked by one thread at a time.

    Raises StoreError where that is no book.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._inode: tuple[int, int] | None = None
        self._state: object = None
        self._reports: dict[Asked, Asking] = {}

    @contextmanager
    def asking(self, asked: Asked, *, now: float | None = None) -> Generator[Asking]:
        """Questions to the book as it is at this moment. Raises InputError for what is not in it."""
        with self._begun() as connection:
            yield self._asking(connection, asked, time.time() if now is None else now)

    def products(self) -> list[str]:
        """The names of the products in it."""
        with self._begun() as connection:
            return products(connection)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._disconnect()

    @contextmanager
    def _begun(self) -> Generator[sqlite3.Connection]:
        with self._lock:
            try:
                connection = self._connected()
                connection.execute("BEGIN")
                try:
                    yield connection
                finally:
                    connection.execute("ROLLBACK")
            except sqlite3.Error as error:
                self._disconnect()
                name = self._path
                msg = f"{name} is no book of a proxy's ({error}); `agent-telemetry proxy --db {name}` makes one"
                raise StoreError(msg) from error

    def _asking(self, connection: sqlite3.Connection, asked: Asked, now: float) -> Asking:
        """What was asked before, where nothing has changed since."""
        version = connection.execute("PRAGMA data_version").fetchone()[0]  # others' commits, of any process, change it
        state = version, now // _HOUR
        if state != self._state or len(self._reports) >= _MOST_REPORTS:
            self._reports.clear()
            self._state = state
        if asked not in self._reports:
            self._reports[asked] = Asking(connection, asked, now)
        return self._reports[asked]

    def _connected(self) -> sqlite3.Connection:
        if self._connection is not None and inode_of(self._path) != self._inode:
            self._disconnect()
        if self._connection is None:
            self._inode = inode_of(self._path)  # first: a file put in its place meanwhile differs from it
            self._connection = connected_readonly(self._path)
            self._connection.execute("PRAGMA temp_store = MEMORY")
            self._connection.execute("PRAGMA cache_size = -65536")
        return self._connection

    def _disconnect(self) -> None:
        self._reports.clear()
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def report(path: str | os.PathLike[str], asked: Asked, *, now: float | None = None) -> Report:
    """Every question answered once from the book at ``path``.

    Raises StoreError where that is no book, InputError for what is not in it.
    """
    with closing(Reading(path)) as reading, reading.asking(asked, now=now) as asking:
        return asking.whole()
