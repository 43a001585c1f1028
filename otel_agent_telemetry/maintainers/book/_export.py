"""The book as Parquet: a file for each day, ``day=YYYY-MM-DD/events.parquet``, as DuckDB and polars read it."""

from __future__ import annotations

import os
import time
from contextlib import closing
from importlib import import_module
from typing import TYPE_CHECKING, Any

from otel_agent_telemetry._sqlite import connected_readonly

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

__all__ = ["export"]

_DAY = 86_400
_WORDS = (
    "product",
    "event",
    "version",
    "source",
    "environment",
    "os",
    "language",
    "name",
    "model",
    "provider",
    "origin",
    "error",
)
_NUMBERS = {"success": "bool", "duration_ms": "int64", "input": "int64", "output": "int64", "cost_usd": "float64"}
_SELECT = f"""
SELECT occurred, (SELECT name FROM installations WHERE id = installation), {", ".join(_WORDS)}, {", ".join(_NUMBERS)},
    properties
FROM events WHERE occurred >= ? AND occurred < ? ORDER BY product, event, occurred, id"""


def export(path: str | os.PathLike[str], folder: Path) -> list[Path]:
    """Write every event, in the columns of the book, and the other properties as JSON; gives the files.

    A file that is there is replaced whole. Raises sqlite3.Error where ``path`` is no book, and ModuleNotFoundError
    without pyarrow.
    """
    writer = _Writer()
    with closing(connected_readonly(path)) as connection:
        connection.execute("BEGIN")
        words = dict(connection.execute("SELECT id, text FROM words"))
        days = [day for (day,) in connection.execute("SELECT DISTINCT day FROM presence ORDER BY day")]
        return [writer.write(connection, words, day, folder) for day in days]


class _Writer:
    """Days as files, by pyarrow, which has no types."""

    def __init__(self) -> None:
        self._pa: Any = import_module("pyarrow")
        self._pq: Any = import_module("pyarrow.parquet")
        word = self._pa.dictionary(self._pa.int32(), self._pa.string())
        self._schema: Any = self._pa.schema(
            [
                ("occurred", self._pa.timestamp("s", tz="UTC")),
                ("installation", self._pa.string()),
                *((name, word) for name in _WORDS),
                *((name, self._pa.type_for_alias(kind)) for name, kind in _NUMBERS.items()),
                ("properties", self._pa.string()),
            ]
        )

    def write(self, connection: sqlite3.Connection, words: dict[int, str], day: int, folder: Path) -> Path:
        """One day."""
        rows = connection.execute(_SELECT, (day * _DAY, (day + 1) * _DAY)).fetchall()
        arrays = [
            self._pa.array([_value(field.name, row[at], words) for row in rows], field.type)
            for at, field in enumerate(self._schema)
        ]
        target = folder / f"day={time.strftime('%Y-%m-%d', time.gmtime(day * _DAY))}" / "events.parquet"
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = target.with_suffix(".part")
        self._pq.write_table(self._pa.Table.from_arrays(arrays, schema=self._schema), unfinished, compression="zstd")
        os.replace(unfinished, target)
        return target


def _value(name: str, value: Any, words: dict[int, str]) -> object:
    if name in _WORDS:
        return words[value]
    return bool(value) if name == "success" and value is not None else value
