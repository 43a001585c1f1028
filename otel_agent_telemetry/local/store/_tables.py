"""The store's tables, and how a file gets them.

``PRAGMA user_version`` is the number of :data:`MIGRATIONS` that a file has seen; opening applies the rest, all or
none. Spans keep their protobuf bytes, so that nothing is lost on the way out, beside narrow columns to search by.
``traces.id`` grows with arrival, so the index over (trace, span) is written at its end, not at random.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from otel_agent_telemetry.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MIGRATIONS", "empty", "open_readonly", "open_writable"]

_SPANS = """
CREATE TABLE origins (
    id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, service TEXT NOT NULL, scope TEXT NOT NULL,
    resource BLOB NOT NULL, resource_schema TEXT NOT NULL, scope_body BLOB NOT NULL, scope_schema TEXT NOT NULL
);
CREATE TABLE traces (
    id INTEGER PRIMARY KEY, trace_id BLOB NOT NULL UNIQUE, received_ns INTEGER NOT NULL,
    start_ns INTEGER NOT NULL, end_ns INTEGER NOT NULL, spans INTEGER NOT NULL, errors INTEGER NOT NULL,
    rank INTEGER NOT NULL, name TEXT NOT NULL, service TEXT NOT NULL, unsettled INTEGER NOT NULL,
    calls INTEGER NOT NULL DEFAULT 0, tools INTEGER NOT NULL DEFAULT 0, runs INTEGER NOT NULL DEFAULT 0,
    input INTEGER, output INTEGER, cost REAL, session TEXT, agent TEXT
);
CREATE INDEX traces_by_start ON traces (start_ns);
CREATE INDEX traces_by_session ON traces (session, start_ns) WHERE session IS NOT NULL;
CREATE INDEX traces_unsettled ON traces (id) WHERE unsettled;
CREATE TABLE spans (
    id INTEGER PRIMARY KEY, trace INTEGER NOT NULL, span_id INTEGER NOT NULL, parent_id INTEGER NOT NULL,
    origin INTEGER NOT NULL, start_ns INTEGER NOT NULL, end_ns INTEGER NOT NULL, status INTEGER NOT NULL,
    name TEXT NOT NULL, body BLOB NOT NULL
);
CREATE UNIQUE INDEX spans_by_trace ON spans (trace, span_id);
CREATE TABLE visits (trace INTEGER NOT NULL, origin INTEGER NOT NULL, PRIMARY KEY (trace, origin)) WITHOUT ROWID;
CREATE TABLE steps (
    id INTEGER PRIMARY KEY, trace INTEGER NOT NULL, kind TEXT NOT NULL, counted INTEGER NOT NULL,
    spends INTEGER NOT NULL, start_ns INTEGER NOT NULL, end_ns INTEGER NOT NULL, is_error INTEGER NOT NULL,
    name TEXT, model TEXT, provider TEXT, agent TEXT, tool TEXT, session TEXT, response_id TEXT,
    outcome TEXT, input INTEGER, output INTEGER, cache_read INTEGER, cache_write INTEGER, reasoning INTEGER, cost REAL
);
CREATE INDEX steps_by_trace ON steps (trace);
CREATE INDEX steps_by_response ON steps (response_id) WHERE response_id IS NOT NULL;
CREATE TABLE logs (
    id INTEGER PRIMARY KEY, origin INTEGER NOT NULL, received_ns INTEGER NOT NULL, trace_id BLOB,
    time_ns INTEGER NOT NULL, body BLOB NOT NULL
);
CREATE INDEX logs_by_time ON logs (time_ns);
CREATE INDEX logs_by_trace ON logs (trace_id) WHERE trace_id IS NOT NULL;
CREATE TABLE metrics (
    id INTEGER PRIMARY KEY, origin INTEGER NOT NULL, received_ns INTEGER NOT NULL, name TEXT NOT NULL,
    time_ns INTEGER NOT NULL, body BLOB NOT NULL
);
CREATE INDEX metrics_by_time ON metrics (time_ns);
"""

_EVENTS = """
CREATE TABLE events (
    id INTEGER PRIMARY KEY, received_ns INTEGER NOT NULL, dialect TEXT NOT NULL, content_type TEXT NOT NULL,
    body BLOB NOT NULL
);
"""

MIGRATIONS = (_SPANS, _EVENTS)

_APPLICATION_ID = 0x61746C31  # "atl1": tells our file from any other SQLite database
_PAGE_CACHE_KIB = 8192
_BUSY_SECONDS = 3
_CHECKPOINT_PAGES = 4000


def open_writable(path: Path) -> sqlite3.Connection:
    """A connection in WAL mode to the store at ``path``, created or migrated where needed.

    Raises InputError for a file that is no store, and for one that a newer release wrote.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)  # spans may hold prompts
        connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    except (sqlite3.Error, OSError) as error:
        raise _unusable(path, error) from error
    return _prepared(connection, path, _make_ready)


def open_readonly(path: Path) -> sqlite3.Connection:
    """A connection that reads the store at ``path`` and never holds up its writer."""
    address = f"{path.absolute().as_uri()}?mode=ro"
    try:
        connection = sqlite3.connect(
            address, uri=True, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
    except sqlite3.Error as error:
        raise _unusable(path, error) from error
    return _prepared(connection, path, lambda opened, _: opened.execute("SELECT 1 FROM spans LIMIT 1").fetchone())


def _prepared(
    connection: sqlite3.Connection, path: Path, prepare: Callable[[sqlite3.Connection, Path], object]
) -> sqlite3.Connection:
    """The connection once it is prepared; where that fails it is closed."""
    try:
        prepare(connection, path)
    except BaseException as error:
        connection.close()
        if isinstance(error, sqlite3.Error):
            raise _unusable(path, error) from error
        raise
    return connection


def _make_ready(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("PRAGMA auto_vacuum=INCREMENTAL")  # takes effect in a new file, before its first table
    _migrate(connection, path)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES}")
    connection.execute(f"PRAGMA cache_size=-{_PAGE_CACHE_KIB}")


def empty() -> sqlite3.Connection:
    """A connection to a store with nothing in it and no file."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    _migrate(connection, Path(":memory:"))
    return connection


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    if _version(connection) == len(MIGRATIONS):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        seen = _version(connection)  # another process may have been quicker
        _require_ours(connection, path, seen)
        for script in MIGRATIONS[seen:]:
            for statement in script.split(";\n"):
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id={_APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version={len(MIGRATIONS)}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _require_ours(connection: sqlite3.Connection, path: Path, seen: int) -> None:
    has_tables = connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is not None
    is_ours = int(connection.execute("PRAGMA application_id").fetchone()[0]) == _APPLICATION_ID
    if has_tables and not is_ours:
        msg = f"{path} is a SQLite database of another program; name another file with --db"
        raise InputError(msg)
    if seen > len(MIGRATIONS):
        msg = (
            f"{path} was written by a newer release (schema {seen}, this one knows {len(MIGRATIONS)}); "
            "upgrade with `pip install -U otel-agent-telemetry` or name another file with --db"
        )
        raise InputError(msg)


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _unusable(path: Path, error: Exception) -> InputError:
    return InputError(f"cannot use {path} as a trace store: {error}; name another file with --db")
