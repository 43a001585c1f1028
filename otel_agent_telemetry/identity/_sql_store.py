"""An identity in the service's own database."""

from __future__ import annotations

from otel_agent_telemetry.errors import SettingError, StoreError
from otel_agent_telemetry.identity._sql_table import table_of
from otel_agent_telemetry.identity._store import STORED_KEYS

TYPE_CHECKING = False  # the typing module costs milliseconds that an opted-out program should not pay
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    from otel_agent_telemetry.identity._sql_table import Table

    T = TypeVar("T")

__all__ = ["SQLStore"]


class SQLStore:
    """Rows of a key/value table, over any DB-API 2 connection to SQLite or PostgreSQL.

    ``source`` is a function that opens a connection, which is closed again after each use; or a connection, which must
    not be in the middle of a transaction, as we commit, and which SQLite binds to the thread that opened it. The table
    is created if missing. One that exists must have columns ``key`` and ``value``; where it has a ``scope``, as Agent
    Swarm's ``swarm_config`` does, our rows are those of scope ``global``. With ``mint=False`` nothing is ever written.
    """

    def __init__(self, source: Any, table: str = "swarm_config", *, mint: bool = True) -> None:
        if not table or not all(part.isidentifier() for part in table.split(".")):
            raise SettingError(f"SQLStore(table={table!r}): expected a name such as 'swarm_config' or 'app.settings'")
        self.mint = mint
        self._source = source
        self._name = table

    def get(self, key: str) -> str | None:
        """The value of that key's row."""
        return self._use(lambda table: table.read(key), writes=False)

    def put_if_absent(self, key: str, value: str, *, replacing: str | None = None) -> str:
        """Insert that key's row, or change it where it holds ``replacing``, in one transaction under a lock."""

        def settle(table: Table) -> str:
            stored = table.read(key)
            if stored is not None and stored != replacing:
                return stored
            table.write(key, value, is_new=stored is None)
            return value

        return self._use(settle, writes=True)

    def delete(self) -> None:
        """Delete the rows of the identity."""
        self._use(lambda table: table.delete(STORED_KEYS), writes=True)

    def _use(self, step: Callable[[Table], T], *, writes: bool) -> T:
        if writes and not self.mint:
            raise StoreError(f"SQLStore(mint=False) does not write to {self._name}")
        is_ours = not hasattr(self._source, "cursor")  # sqlite3 connections are callable too
        try:
            connection = self._source() if is_ours else self._source
            try:
                return _in_transaction(connection, self._name, step, writes=writes, is_fresh=is_ours)
            finally:
                if is_ours:
                    connection.close()
        except StoreError:
            raise
        except Exception as error:
            raise StoreError(f"SQLStore, table {self._name}: {error}") from error


def _in_transaction(connection: Any, name: str, step: Callable[[Table], T], *, writes: bool, is_fresh: bool) -> T:
    table = table_of(connection, name)
    if table.is_busy() and not is_fresh:
        raise StoreError("SQLStore: the connection is in the middle of a transaction; give a function that opens one")
    try:
        table.begin(writes=writes)
        result = step(table)
        table.commit()
    except BaseException:
        table.roll_back()
        raise
    return result
