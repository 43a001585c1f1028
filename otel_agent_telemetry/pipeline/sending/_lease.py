"""Which process sends: a row with its holder and its end, so that two never send one ledger's events at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_agent_telemetry.pipeline.sending._parcels import FARTHEST_SECONDS

if TYPE_CHECKING:
    import sqlite3

__all__ = ["TABLE", "give_back", "lease_until", "take_lease"]

TABLE = "CREATE TABLE lease (one INTEGER PRIMARY KEY CHECK (one = 1), holder TEXT NOT NULL, until REAL NOT NULL);"


def take_lease(connection: sqlite3.Connection, holder: str, seconds: float, now: float) -> bool:
    """Become, or stay, the one who sends, for so many seconds; False where another one is."""
    # An end far ahead was written by a clock that has been put right since.
    taken = connection.execute(
        "INSERT INTO lease VALUES (1, ?, ?) ON CONFLICT (one) DO UPDATE"
        " SET holder = excluded.holder, until = excluded.until"
        " WHERE holder = excluded.holder OR until <= ? OR until > ?",
        (holder, now + seconds, now, now + FARTHEST_SECONDS),
    )
    return taken.rowcount == 1


def give_back(connection: sqlite3.Connection, holder: str) -> None:
    """Let the next one send."""
    connection.execute("DELETE FROM lease WHERE holder = ?", (holder,))


def lease_until(connection: sqlite3.Connection, now: float) -> float | None:
    """When the present lease ends, None where nobody holds one."""
    row = connection.execute("SELECT until FROM lease WHERE until > ?", (now,)).fetchone()
    return None if row is None else row[0]
