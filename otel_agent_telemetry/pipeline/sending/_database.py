"""The ledger's SQLite file: its tables, and what is said of it where it cannot be used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_agent_telemetry._sqlite import Database, migrate
from otel_agent_telemetry.errors import LedgerError

if TYPE_CHECKING:
    import os
    import sqlite3

__all__ = ["ledger_database"]

_SCHEMA = """
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
"""

_MIGRATIONS = (_SCHEMA,)


def ledger_database(path: str | os.PathLike[str] | None) -> Database:
    """The ledger's file at ``path``, or for None one in memory; it and every step on it raise LedgerError."""
    return Database(path, _Layout())


class _Layout:
    def prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA secure_delete = FAST")
        migrate(connection, _MIGRATIONS)

    def undone(self) -> None:
        pass

    def check(self, connection: sqlite3.Connection) -> None:
        connection.execute("SELECT 1 FROM events, drops, lease, stopped, moments LIMIT 0")

    def is_ours(self, _path: str) -> bool:
        return True

    def renewed(self, connection: sqlite3.Connection, _aside: str, _error: Exception) -> None:
        connection.execute(
            "INSERT INTO drops VALUES ('ledger_broken', 1) ON CONFLICT (reason) DO UPDATE SET count = count + 1"
        )

    def failure(self, path: str | None, error: Exception) -> Exception:
        return LedgerError(f"ledger {path or 'in memory'}: {error}; set AGENT_TELEMETRY_STATE_DIR to a folder of yours")
