"""Questions in SQL over the documented views, on a connection that can do nothing else."""

from __future__ import annotations

import re
import sqlite3
import sys
import time
from contextlib import contextmanager
from difflib import get_close_matches
from secrets import token_hex
from typing import TYPE_CHECKING, NamedTuple

from otel_agent_telemetry.errors import InputError
from otel_agent_telemetry.local.read.sql._carried import register
from otel_agent_telemetry.local.read.sql._views import VIEWS

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

__all__ = ["SQL_SECONDS", "Answer", "answer"]

SQL_SECONDS = 10.0
"""How long a question may take unless more is asked for."""
_OPERATIONS = 2000
_TABLE_FUNCTIONS = frozenset({"json_each", "json_tree", "generate_series"})
_FORBIDDEN = frozenset({"load_extension", "fts3_tokenizer", "randomblob", "zeroblob"})
_HARMLESS = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_RECURSIVE})
_NO_COLUMN = re.compile(r"no such column: (.+)")
_NO_TABLE = re.compile(r"no such table: (.+)")
_NAMES = {view.name: [field.name for field in view.fields] for view in VIEWS}
_HELP = "`agent-telemetry sql --schema` lists what there is"


class Answer(NamedTuple):
    """Names of the columns, rows of None, numbers and text (bytes as hex), and whether there were more rows."""

    columns: list[str]
    rows: list[list[object]]
    truncated: bool


def answer(
    connection: sqlite3.Connection,
    query: str,
    *,
    limit: int,
    content: bool = False,
    seconds: float = SQL_SECONDS,
) -> Answer:
    """The first ``limit`` rows of a SELECT over :data:`VIEWS`. Raises InputError for what cannot be asked.

    The connection can answer nothing else afterwards. Without ``content`` attributes that hold what was said are
    missing.
    """
    _add_views(connection, content=content)
    with _until(connection, time.monotonic() + seconds):
        try:
            cursor = connection.execute(query)
            rows = cursor.fetchmany(limit + 1)
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise InputError(_explained(str(error), query, seconds)) from error
    if cursor.description is None:
        raise InputError(f"there is no question in {query!r}; expected a SELECT, and {_HELP}")
    columns = _distinct([column[0] for column in cursor.description])
    return Answer(columns, [[_plain(value) for value in row] for row in rows[:limit]], len(rows) > limit)


def _add_views(connection: sqlite3.Connection, *, content: bool) -> None:
    """Each view stands on one under a name that nobody can guess; only that one may read the store's tables."""
    register(connection, content=content)
    secret = f"view_{token_hex(16)}_"
    for view in VIEWS:
        connection.execute(f"CREATE TEMP VIEW {secret}{view.name} AS {view.statement()}")
        connection.execute(f"CREATE TEMP VIEW {view.name} AS SELECT * FROM temp.{secret}{view.name}")
    connection.execute("PRAGMA query_only = 1")
    if sys.version_info >= (3, 11):
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 64 * 2**20)
    connection.set_authorizer(_guard(secret))


def _guard(secret: str) -> Callable[[int, str | None, str | None, str | None, str | None], int]:
    def may(action: int, one: str | None, two: str | None, database: str | None, source: str | None) -> int:
        if action in _HARMLESS:
            return sqlite3.SQLITE_OK
        is_inside = (source or "").startswith(secret)
        if action == sqlite3.SQLITE_READ:
            table = one or ""
            is_view = (table in _NAMES and database == "temp") or table.startswith(secret)
            reads_nothing = not two  # a table that is named, of which no column is read
            allowed = is_inside or is_view or reads_nothing or table in _TABLE_FUNCTIONS
            return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY
        if action == sqlite3.SQLITE_FUNCTION:
            return sqlite3.SQLITE_DENY if two in _FORBIDDEN else sqlite3.SQLITE_OK
        return sqlite3.SQLITE_DENY

    return may


@contextmanager
def _until(connection: sqlite3.Connection, end: float) -> Generator[None]:
    connection.set_progress_handler(lambda: time.monotonic() > end, _OPERATIONS)
    try:
        yield
    finally:
        connection.set_progress_handler(None, 0)


def _explained(said: str, query: str, seconds: float) -> str:
    if said == "interrupted":
        return f"the question took longer than {seconds:g} s; narrow it down by a WHERE, or give it more with --timeout"
    if "one statement" in said:
        return "more than one statement; expected one SELECT"
    if any(word in said for word in ("authoriz", "prohibited", "readonly", "is a view")):
        views = ", ".join(_NAMES)
        return f"{said}: only SELECT is possible, over the views {views}; {_HELP}"
    if missing := _NO_TABLE.fullmatch(said):
        return f"no view {missing[1]!r}; expected one of {', '.join(_NAMES)}; {_HELP}"
    if missing := _NO_COLUMN.fullmatch(said):
        return f"no column {missing[1]!r}; {_columns_for(missing[1], query)}; {_HELP}"
    return f"{said}; {_HELP}"


def _columns_for(name: str, query: str) -> str:
    """The columns of the views that a question names, the nearest first said."""
    named = [view for view in _NAMES if re.search(rf"\b{view}\b", query, re.IGNORECASE)] or [*_NAMES]
    known = [column for view in named for column in _NAMES[view]]
    near = get_close_matches(name.rpartition(".")[2].lower(), known, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return hint + "; ".join(f"{view} has {', '.join(_NAMES[view])}" for view in named)


def _distinct(names: list[str]) -> list[str]:
    """The names, the second of two that are alike with a number."""
    seen: dict[str, int] = {}
    found: list[str] = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        found.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return found


def _plain(value: object) -> object:
    return value.hex() if isinstance(value, bytes) else value
