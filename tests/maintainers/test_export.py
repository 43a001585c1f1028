"""The book as Parquet, read by what people have."""

from __future__ import annotations

import importlib
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.maintainers.proxy import COMMAND
from tests.parts import absent

if TYPE_CHECKING:
    from pathlib import Path

    from tests.maintainers.synthetic import Life


def module(name: str) -> Any:
    """A reader of Parquet, or pyarrow itself."""
    try:
        return importlib.import_module(name)
    except ImportError:
        absent("parquet", "make .venv/.frameworks")


@pytest.fixture(scope="module")
def folder(lived: tuple[Life, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the whole book, written twice: a second export replaces the first."""
    module("pyarrow")
    target = tmp_path_factory.mktemp("export")
    for _ in range(2):
        subprocess.run([*COMMAND, "report", "--db", str(lived[1]), "--export", str(target)], check=True)
    return target


def test_there_is_a_file_for_each_day(lived: tuple[Life, Path], folder: Path) -> None:
    """And nothing unfinished."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {path.name for path in files} == {"events.parquet"}
    assert len(files) == len({day for day, _, _ in lived[0].present})


def test_duckdb_reads_it(lived: tuple[Life, Path], folder: Path) -> None:
    """By the day in the path, with text and numbers as such."""
    life, _ = lived
    rows = module("duckdb").sql(
        f"SELECT name, count(*), sum(CASE WHEN success THEN 0 ELSE 1 END) FROM '{folder}/*/*.parquet' "
        "WHERE event = 'tool.called' AND day >= DATE '2020-01-01' GROUP BY name"
    )
    truth = {
        (name, life.tools[name, True] + life.tools[name, False], life.tools[name, False]) for name, _ in life.tools
    }
    assert {*rows.fetchall()} == truth


def test_polars_reads_it(lived: tuple[Life, Path], folder: Path) -> None:
    """Every event of the life."""
    frame = module("polars").read_parquet(f"{folder}/*/*.parquet")
    assert frame.height == lived[0].events
    spent = frame.filter(module("polars").col("event") == "token.usage")["cost_usd"]
    assert spent.sum() == pytest.approx(sum(v for (_, k), v in lived[0].tokens.items() if k == "milli") / 1000)
