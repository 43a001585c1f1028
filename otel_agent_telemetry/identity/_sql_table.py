"""The two dialects of SQL that identity rows are read and written in."""

from __future__ import annotations

TYPE_CHECKING = False  # the typing module costs milliseconds that an opted-out program should not pay
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

__all__ = ["Table", "table_of"]

_ADVISORY_LOCK = 0x6F74656C6167656E  # a number of our own, the same in every version


def table_of(connection: Any, name: str) -> Table:
    """The table of that name over a SQLite connection, or else a PostgreSQL one."""
    driven = getattr(
        connection, "driver_connection", connection
    )  # a pool's proxy, such as SQLAlchemy's, says what it wraps
    is_sqlite = any("sqlite" in kind.__module__ for kind in type(driven).__mro__)
    return (_SQLiteTable if is_sqlite else _PostgresTable)(connection, name)


class Table:
    """A key/value table inside one transaction; the two kinds below differ in how that begins and ends."""

    mark: str

    def __init__(self, connection: Any, name: str) -> None:
        self.connection = connection
        self._cursor = connection.cursor()
        self._parts = name.split(".")
        self._name = ".".join(f'"{part}"' for part in self._parts)
        self._columns: list[str] = []

    def is_busy(self) -> bool:
        """Whether somebody else's transaction is open on the connection."""
        raise NotImplementedError  # each dialect has its own

    def begin(self, *, writes: bool) -> None:
        """Open the transaction, and where it writes wait for all others that do."""
        raise NotImplementedError  # each dialect has its own

    def commit(self) -> None:
        """Keep what was written."""
        raise NotImplementedError  # each dialect has its own

    def roll_back(self) -> None:
        """Undo what was written, on a connection that may be broken by now."""
        raise NotImplementedError  # each dialect has its own

    def read(self, key: str) -> str | None:
        """The value of that key, None where the row or the table is missing."""
        if not self._columns:
            return None
        # min(): should two rows share the key, which NULL in a UNIQUE index allows, everybody reads the same one.
        row = self.execute(f'SELECT min("value") FROM {self._name} WHERE {self._where()}', key)  # noqa: S608 - checked names
        return None if row is None else row[0]

    def write(self, key: str, value: str, *, is_new: bool) -> None:
        """Insert or change that key's row; make the table first if it is missing."""
        if not self._columns:
            self.execute(f'CREATE TABLE {self._name} ("key" TEXT PRIMARY KEY, "value" TEXT NOT NULL)')
            self._columns = ["key", "value"]
        if not is_new:
            self.execute(f'UPDATE {self._name} SET "value" = {self.mark} WHERE {self._where()}', value, key)  # noqa: S608 - names of the table, values are bound
            return
        row = {"key": key, "value": value, **self._filling()}
        names = ", ".join(f'"{name}"' for name in row)
        marks = ", ".join(self.mark for _ in row)
        self.execute(f"INSERT INTO {self._name} ({names}) VALUES ({marks})", *row.values())  # noqa: S608 - names of the table, values are bound

    def delete(self, keys: Iterable[str]) -> None:
        """Delete the rows of those keys."""
        for key in keys if self._columns else ():
            self.execute(f"DELETE FROM {self._name} WHERE {self._where()}", key)  # noqa: S608 - names of the table, values are bound

    def execute(self, statement: str, *values: object) -> tuple[Any, ...] | None:
        """Run one statement; gives its first row as a tuple, whatever kind of row the connection makes."""
        rows = self._rows(statement, *values)
        return rows[0] if rows else None

    def _rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        self._cursor.execute(statement, values)
        found: list[Any] = self._cursor.fetchall() if self._cursor.description else []
        return [tuple(row.values() if hasattr(row, "values") else row) for row in found]

    def look_up(self, statement: str, name: str) -> None:
        """Learn which columns the table has; none where it is missing."""
        self._columns = [str(row[0]) for row in self._rows(statement, name)]

    def _where(self) -> str:
        scope = " AND \"scope\" = 'global'" if "scope" in self._columns else ""
        return f'"key" = {self.mark}{scope}'

    def _filling(self) -> dict[str, object]:
        """What a table in the manner of Agent Swarm's wants besides key and value."""
        if "scope" not in self._columns:
            return {}
        from datetime import datetime, timezone
        from uuid import uuid4

        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        wanted = {"id": str(uuid4()), "scope": "global", "createdat": now, "lastupdatedat": now, "updatedat": now}
        folded = {name: name.replace("_", "").lower() for name in self._columns}
        return {name: wanted[plain] for name, plain in folded.items() if plain in wanted}


class _SQLiteTable(Table):
    mark = "?"

    def is_busy(self) -> bool:
        return self.connection.in_transaction

    def begin(self, *, writes: bool) -> None:
        if self.is_busy():  # a fresh connection with autocommit=False opens one by itself, and too weak a one
            self.execute("ROLLBACK")
        self.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
        self.look_up("SELECT name FROM pragma_table_info(?)", self._parts[-1])

    def commit(self) -> None:
        self.execute("COMMIT")

    def roll_back(self) -> None:
        if self.is_busy():
            self.execute("ROLLBACK")


class _PostgresTable(Table):
    mark = "%s"

    def is_busy(self) -> bool:
        return bool(getattr(getattr(self.connection, "info", None), "transaction_status", 0))

    def begin(self, *, writes: bool) -> None:
        if self._is_autocommit():
            self.execute("BEGIN")
        # Each statement has to see what others committed while it waited for the lock.
        self.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
        if writes:
            self.execute("SELECT pg_advisory_xact_lock(%s)", _ADVISORY_LOCK)
        of_table = "attrelid = to_regclass(%s::text) AND attnum > 0 AND NOT attisdropped"
        self.look_up(f"SELECT attname FROM pg_attribute WHERE {of_table}", self._name)  # noqa: S608 - a constant

    def commit(self) -> None:
        if self._is_autocommit():
            self.execute("COMMIT")
        else:
            self.connection.commit()

    def roll_back(self) -> None:
        try:
            if self._is_autocommit():
                self.execute("ROLLBACK")
            else:
                self.connection.rollback()
        except Exception:  # noqa: BLE001, S110 - the error that led here is the one to tell
            pass

    def _is_autocommit(self) -> bool:
        return getattr(self.connection, "autocommit", False) is True
