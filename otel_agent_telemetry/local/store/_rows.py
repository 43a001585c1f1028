"""Rows by the many. Of what is written, a statement binds only what is known.

Of each None that is bound Python's SQLite module asks how to adapt it, at the price of ten numbers; and most of what a
step might say it does not.
"""

from __future__ import annotations

from itertools import compress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["for_each", "insert", "update"]

_PORTION = 500

_Alike = dict[tuple[bool, ...], list[list[Any]]]


def insert(
    connection: sqlite3.Connection, table: str, columns: Sequence[str], rows: Iterable[tuple[object, ...]]
) -> None:
    """Write rows of those columns; one whose key is there already is replaced."""
    for known, values in _alike(rows).items():
        names = [*compress(columns, known)]
        marks = ", ".join("?" * len(names))
        connection.executemany(f"INSERT OR REPLACE INTO {table} ({', '.join(names)}) VALUES ({marks})", values)


def update(
    connection: sqlite3.Connection, table: str, columns: Sequence[str], rows: Iterable[tuple[object, ...]]
) -> None:
    """Write those columns of rows; after their values comes the row's id."""
    for known, values in _alike(rows).items():
        sets = [f"{column} = {'?' if is_known else 'NULL'}" for column, is_known in zip(columns, known, strict=False)]
        connection.executemany(f"UPDATE {table} SET {', '.join(sets)} WHERE id = ?", values)


def for_each(connection: sqlite3.Connection, query: str, ids: list[int]) -> Iterator[Any]:
    """Rows for all the ids, asked in portions that SQLite takes."""
    for first in range(0, len(ids), _PORTION):
        portion = ids[first : first + _PORTION]
        yield from connection.execute(query.format(",".join("?" * len(portion))), portion)


def _alike(rows: Iterable[tuple[object, ...]]) -> _Alike:
    """The known values of rows, by which are known."""
    found: _Alike = {}
    for row in rows:
        known = tuple([value is not None for value in row])
        found.setdefault(known, []).append([*compress(row, known)])
    return found
