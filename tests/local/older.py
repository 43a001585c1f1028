"""Stores as older releases left them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_agent_telemetry.local.store._tables import MIGRATIONS

if TYPE_CHECKING:
    import sqlite3

_USERS = (
    "DROP TRIGGER users_of_old_spans",
    "DROP TABLE users",
    "DROP INDEX steps_by_user",
    "DROP INDEX steps_by_kind",
    "DROP INDEX attendances_by_cost",
    "DROP TRIGGER judged_of_old_spans",
    "DROP TABLE judged",
    "ALTER TABLE steps DROP COLUMN user",
)


def forget_users(connection: sqlite3.Connection) -> None:
    """Take away what came with users and after them."""
    before = next(at for at, migration in enumerate(MIGRATIONS) if "users" in migration.statements)
    for statement in (*_USERS, f"PRAGMA user_version = {before}"):
        connection.execute(statement)
