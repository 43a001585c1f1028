from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.rows import DictRow, dict_row

from otel_agent_telemetry.errors import SettingError, StoreError
from otel_agent_telemetry.identity import INSTALLATION_ID_KEY, INSTALLED_AT_KEY, REFERENCE_KEY_KEY, SQLStore, resolve
from tests.delivery.programs import CROWD, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Connect = Callable[[], Any]

ID, MOMENT, KEY = "install_0123456789abcdef", "2026-11-21T22:00:00.000Z", "0f" * 32
AGENT_SWARM = """
    CREATE TABLE swarm_config (
        id TEXT PRIMARY KEY,
        scope TEXT NOT NULL CHECK (scope IN ('global', 'agent', 'repo')),
        "scopeId" TEXT,
        key TEXT NOT NULL,
        value TEXT NOT NULL,
        "isSecret" INTEGER NOT NULL DEFAULT 0,
        "envPath" TEXT,
        description TEXT,
        "createdAt" TEXT NOT NULL,
        "lastUpdatedAt" TEXT NOT NULL,
        UNIQUE (scope, "scopeId", key)
    )
"""


@pytest.fixture
def sqlite_path(tmp_path: Path) -> Path:
    """A SQLite file."""
    return tmp_path / "service.db"


@pytest.fixture
def postgres_schema(postgres: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """The connection string of an empty schema in PostgreSQL."""
    name = f"t{abs(hash(request.node.nodeid))}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}")  # pyright: ignore[reportArgumentType, reportCallIssue] - no literal
        yield f"{postgres} options='-c search_path={name}'"


@pytest.fixture(params=["sqlite", "postgres"])
def connect(request: pytest.FixtureRequest) -> Connect:
    """A function that opens a connection to an empty database."""
    if request.param == "sqlite":
        path: Path = request.getfixturevalue("sqlite_path")
        return lambda: sqlite3.connect(path)
    target: str = request.getfixturevalue("postgres_schema")
    return lambda: psycopg.connect(target)


def execute(connect: Connect, statement: str) -> list[tuple[Any, ...]]:
    """Run one statement, as the service would; its rows."""
    with closing(connect()) as connection:
        cursor = connection.cursor()
        cursor.execute(statement)
        rows: list[tuple[Any, ...]] = cursor.fetchall() if cursor.description else []
        connection.commit()
    return rows


def test_table_is_made(connect: Connect) -> None:
    """An identity is made in a table that is made too, and found again."""
    first, second = resolve(SQLStore(connect)), resolve(SQLStore(connect))
    assert first is not None
    assert second is not None
    assert not first.ephemeral
    assert repr(first) == repr(second)
    rows = dict(execute(connect, "SELECT key, value FROM swarm_config"))
    assert sorted(rows) == sorted([INSTALLATION_ID_KEY, INSTALLED_AT_KEY, REFERENCE_KEY_KEY])
    assert rows[REFERENCE_KEY_KEY] == first.reference_key.hex()


def test_reading_makes_no_table(connect: Connect) -> None:
    """Reading where no table is gives None, twice."""
    store = SQLStore(connect, mint=False)
    assert (store.get("k"), resolve(store)) == (None, None)
    assert resolve(SQLStore(connect)) is not None


def test_put_if_absent(connect: Connect) -> None:
    """The first value stays; only who names it replaces it."""
    store = SQLStore(connect, "settings")
    given = [store.put_if_absent("k", "a"), store.put_if_absent("k", "b"), store.put_if_absent("k", "c", replacing="b")]
    assert (given, store.put_if_absent("k", "d", replacing="a"), store.get("k")) == (["a", "a", "a"], "d", "d")


def test_agent_swarm_table(connect: Connect) -> None:
    """In Agent Swarm's own table an identity becomes rows as that service writes them."""
    execute(connect, AGENT_SWARM)
    identity = resolve(SQLStore(connect))
    assert identity is not None
    columns = 'scope, "scopeId", value, "isSecret"'
    (row,) = execute(connect, f"SELECT {columns} FROM swarm_config WHERE key = 'telemetry_installation_id'")  # noqa: S608 - a test's own
    assert row == ("global", None, identity.installation_id, 0)


def test_agent_swarm_identity(connect: Connect) -> None:
    """An identity that Agent Swarm made is used; values of one agent's own are not."""
    execute(connect, AGENT_SWARM)
    columns = '(id, scope, key, value, "createdAt", "lastUpdatedAt")'
    for scope, value in (("agent", "install_ffffffffffffffff"), ("global", ID)):
        row = f"('of {scope}', '{scope}', 'telemetry_installation_id', '{value}', '', '')"
        execute(connect, f"INSERT INTO swarm_config {columns} VALUES {row}")  # noqa: S608 - a test's own
    identity = resolve(SQLStore(connect))
    assert repr(identity) == f"Identity({ID!r}, installed_on=None, ephemeral=False)"


def test_delete(connect: Connect) -> None:
    """Deleting leaves the service's own rows."""
    store = SQLStore(connect)
    resolve(store)
    store.put_if_absent("of-the-service", "1")
    store.delete()
    assert execute(connect, "SELECT key, value FROM swarm_config") == [("of-the-service", "1")]


def test_other_columns(connect: Connect) -> None:
    """A table that wants more than we know of is a StoreError, and gives an ephemeral identity."""
    execute(connect, "CREATE TABLE swarm_config (key TEXT, value TEXT, owner TEXT NOT NULL)")
    with pytest.raises(StoreError, match="owner"):
        SQLStore(connect).put_if_absent("k", "a")
    identity = resolve(SQLStore(connect))
    assert identity is not None
    assert identity.ephemeral


def test_connection(connect: Connect) -> None:
    """A connection serves as well as a function that opens one, and stays open and idle."""
    with closing(connect()) as connection:
        identity = resolve(SQLStore(connection))
        again = resolve(SQLStore(connection))
        assert repr(identity) == repr(again)
        assert connection.cursor().execute("SELECT count(*) FROM swarm_config").fetchone() == (3,)


def test_transaction_of_the_host(connect: Connect) -> None:
    """In the middle of the host's transaction nothing is done: its work is neither committed nor undone."""
    execute(connect, "CREATE TABLE work (done INTEGER)")
    with closing(connect()) as connection:
        connection.cursor().execute("INSERT INTO work VALUES (1)")
        with pytest.raises(StoreError, match="in the middle of a transaction"):
            SQLStore(connection).get("k")
        connection.rollback()
    assert execute(connect, "SELECT * FROM work") == []


def test_rows_of_any_kind(sqlite_path: Path) -> None:
    """Whatever kind of row a connection makes can be read."""
    with closing(sqlite3.connect(sqlite_path, isolation_level=None)) as connection:
        connection.row_factory = sqlite3.Row
        assert repr(resolve(SQLStore(connection))) == repr(resolve(SQLStore(connection)))


def test_autocommit_and_dictionaries(postgres_schema: str) -> None:
    """A PostgreSQL connection that commits by itself, and gives dictionaries, serves as well."""
    with psycopg.Connection[DictRow].connect(postgres_schema, autocommit=True, row_factory=dict_row) as connection:
        identity = resolve(SQLStore(connection))
        assert identity is not None
        assert not identity.ephemeral
        assert repr(identity) == repr(resolve(SQLStore(connection)))


def test_stricter_isolation(postgres_schema: str) -> None:
    """A connection of stricter isolation serves as well."""

    def connect() -> psycopg.Connection:
        connection = psycopg.connect(postgres_schema)
        connection.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
        return connection

    identity = resolve(SQLStore(connect))
    assert identity is not None
    assert not identity.ephemeral


def test_server_away() -> None:
    """A database that cannot be reached is a StoreError, and gives an ephemeral identity."""
    store = SQLStore(lambda: psycopg.connect("host=/nowhere"))
    with pytest.raises(StoreError, match="swarm_config"):
        store.get("k")
    identity = resolve(store)
    assert identity is not None
    assert identity.ephemeral


@pytest.mark.parametrize("table", ["", "a b", 'x"; DROP TABLE work; --', "a..b"])
def test_table_is_a_name(table: str) -> None:
    """A table's name is a name and nothing else."""
    with pytest.raises(SettingError, match="expected a name"):
        SQLStore(sqlite3.connect, table)


@pytest.mark.parametrize("table", ["none", "plain", "swarm"])
def test_many_processes(table: str, connect: Connect, request: pytest.FixtureRequest) -> None:
    """Processes that start at once on one database agree on one identity, whether its table is there or not."""
    if table != "none":
        plain = "CREATE TABLE swarm_config (key TEXT PRIMARY KEY, value TEXT)"
        execute(connect, plain if table == "plain" else AGENT_SWARM)
    is_sqlite = "sqlite_path" in request.fixturenames or "sqlite" in request.node.callspec.id
    target: object = request.getfixturevalue("sqlite_path" if is_sqlite else "postgres_schema")
    program = f"""
    import {"sqlite3" if is_sqlite else "psycopg"} as driver
    from otel_agent_telemetry.identity import SQLStore, resolve

    def work(number):
        identity = resolve(SQLStore(lambda: driver.connect(sys.argv[1])))
        say(identity.installation_id, identity.installed_on, identity.reference_key.hex())
    assert crowd(32, work) == [0] * 32
    """
    lines = run(CROWD + program, target)
    assert (len(lines), len(set(lines))) == (32, 1)
    assert "ephemeral" not in lines[0]
