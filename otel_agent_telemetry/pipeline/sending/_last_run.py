"""What the last run of a product was told: where its events go, in which dialect, and which rule decided on them.

A product may say all of this in its code alone, where no command can see it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import sqlite3

__all__ = ["TABLE", "LastRun", "keep_last_run", "last_run"]

TABLE = """
CREATE TABLE IF NOT EXISTS last_run (
    one INTEGER PRIMARY KEY CHECK (one = 1), at REAL NOT NULL, endpoint TEXT, dialect TEXT NOT NULL, rule TEXT NOT NULL,
    opt_out_env TEXT
)
"""


class LastRun(NamedTuple):
    """One run: when it first wrote (seconds since the epoch), and what held in it; ``endpoint`` is None for nowhere.

    ``rule`` is the one that decided on events (``default`` where none said no), ``opt_out_env`` the product's own.
    """

    at: float
    endpoint: str | None
    dialect: str
    rule: str
    opt_out_env: str | None


def keep_last_run(connection: sqlite3.Connection, run: LastRun) -> None:
    """Remember it, in the place of the one before."""
    connection.execute("INSERT OR REPLACE INTO last_run VALUES (1, ?, ?, ?, ?, ?)", run)


def last_run(connection: sqlite3.Connection) -> LastRun | None:
    """The last run that wrote to this ledger; None where an older release wrote it."""
    row = connection.execute("SELECT at, endpoint, dialect, rule, opt_out_env FROM last_run").fetchone()
    return None if row is None else LastRun(*row)
