"""The maintainers' book: what of each event is kept, and how a file gets its tables.

One row an event, in the order in which questions read them: by product, event and time. ``id`` is made of the key
under which the event was sent, so that one that comes again finds its place taken. Words stand once, in ``words``.
``took_ms`` is the duration in two significant digits, of which quantiles are made; ``arrived`` is an hour, and nothing
of the sender's address is anywhere. An installation is kept where its id outlives a run; ``presence`` says on which
days it was seen, and with which version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_agent_telemetry._sqlite import NewerError, migrate
from otel_agent_telemetry.errors import StoreError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

__all__ = ["BookLayout"]

APPLICATION_ID = 0x61746D31  # "atm1": tells our file from any other SQLite database

_TABLES = f"""
PRAGMA application_id = {APPLICATION_ID};
CREATE TABLE words (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE installations (
    id INTEGER PRIMARY KEY, product INTEGER NOT NULL, name TEXT NOT NULL, installed_on TEXT NOT NULL,
    is_kept INTEGER NOT NULL,
    UNIQUE (product, name)
);
CREATE TABLE events (
    product INTEGER NOT NULL, event INTEGER NOT NULL, occurred INTEGER NOT NULL, id INTEGER NOT NULL,
    arrived INTEGER NOT NULL, installation INTEGER NOT NULL, version INTEGER NOT NULL, source INTEGER NOT NULL,
    environment INTEGER NOT NULL, os INTEGER NOT NULL, language INTEGER NOT NULL, name INTEGER NOT NULL,
    model INTEGER NOT NULL, provider INTEGER NOT NULL, origin INTEGER NOT NULL, error INTEGER NOT NULL,
    success INTEGER, duration_ms INTEGER, took_ms INTEGER, input INTEGER, output INTEGER, cost_usd REAL,
    properties TEXT NOT NULL,
    PRIMARY KEY (product, event, occurred, id)
) WITHOUT ROWID;
CREATE TABLE presence (
    product INTEGER NOT NULL, day INTEGER NOT NULL, installation INTEGER NOT NULL, version INTEGER NOT NULL,
    environment INTEGER NOT NULL, PRIMARY KEY (product, day, installation, version, environment)
) WITHOUT ROWID;
CREATE TABLE counts (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID
"""
_MIGRATIONS = (_TABLES,)


class BookLayout:
    """What :class:`otel_agent_telemetry._sqlite.Database` needs to know of the book."""

    def __init__(self, forget_learnt: Callable[[], None] = lambda: None) -> None:
        self._forget_learnt = forget_learnt

    def prepare(self, connection: sqlite3.Connection) -> None:
        """Settings of the connection, and the tables where they are missing. Raises StoreError for another's file."""
        self._forget_learnt()
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA cache_size = -65536")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("PRAGMA secure_delete = ON")  # who asks to be forgotten is overwritten, not just unlinked
        owner = connection.execute("PRAGMA application_id").fetchone()[0]
        if owner != APPLICATION_ID and connection.execute("SELECT 1 FROM sqlite_master").fetchone() is not None:
            msg = "it is another program's database"
            raise StoreError(msg)
        migrate(connection, _MIGRATIONS)

    def undone(self) -> None:
        """What was learnt inside an undone transaction is void."""
        self._forget_learnt()

    def check(self, connection: sqlite3.Connection) -> None:
        """Raise sqlite3.DatabaseError where a table is missing."""
        for table in ("words", "installations", "events", "presence", "counts"):
            connection.execute(f"SELECT 1 FROM {table} LIMIT 1")

    def is_ours(self, path: str, /) -> bool:
        """A file that is broken is set aside whatever it was: maintainers gave its name."""
        del path
        return True

    def renewed(self, connection: sqlite3.Connection, aside: str, error: Exception, /) -> None:
        """Count that a broken file was moved away."""
        del aside, error
        connection.execute("INSERT INTO counts VALUES ('set_aside', 1) ON CONFLICT DO UPDATE SET value = value + 1")

    def failure(self, path: str | None, error: Exception, /) -> Exception:
        """StoreError with the file's name for whatever SQLite or the system said."""
        if isinstance(error, StoreError) and "cannot be used" in str(error):
            return error
        later = "; it was written by a later version of this package" if isinstance(error, NewerError) else ""
        return StoreError(
            f"{path} cannot be used: {error}{later}; try another file with `agent-telemetry proxy --db FILE`"
        )
