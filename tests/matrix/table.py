"""The README's table of what the matrix drives: ``python -m tests.matrix.table`` writes it.

Versions are those of its last run, by its record (``ran.json``); what is not as the model server served it is what that
run had to show to pass (``expected/NAME.toml``, ``differs`` and ``why``).
"""

from __future__ import annotations

import re
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from tests.matrix import record
from tests.matrix.environments import EXPECTED, ROOT
from tests.matrix.rows import AGENTS, CLIENTS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.matrix.rows import Row

tomllib: Any = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")

README = ROOT / "README.md"
_BLOCK = re.compile(r"(?<=<!-- made by tests/matrix/table.py -->\n).*?(?=<!-- as far as here -->)", re.DOTALL)


def table() -> str:
    """The table, in Markdown."""
    ran = record.read()

    def versioned(rows: Iterable[Row]) -> str:
        """Each that ran, as major.minor."""
        found = ((row.label, ran[row.name]["versions"][row.distribution]) for row in rows if row.name in ran)
        return " · ".join(f"{label} {'.'.join(version.split('.')[:2])}" for label, version in found)

    return "\n".join(
        (
            "| | driven in seven ways: a tool, a tool that raises, 429, 500, cancelled, streamed, two at once |",
            "|---|---|",
            f"| agents | {versioned(AGENTS)} |",
            f"| model clients | {versioned(CLIENTS)} |",
            f"| not as served | {' · '.join(_differences())} |",
        )
    )


def written(text: str) -> str:
    """A page with the table in its place."""
    return _BLOCK.sub(lambda _: f"{table()}\n", text)


def _differences() -> list[str]:
    """What an agent framework cannot tell that the model server knows, and why."""
    found: dict[tuple[str, str], list[str]] = {}
    for row in AGENTS:
        file = EXPECTED / f"{row.name}.toml"
        scenarios: dict[str, Any] = tomllib.loads(file.read_text("utf-8")) if file.exists() else {}
        for scenario, told in scenarios.items():
            if "why" in told:
                found.setdefault((row.label, told["why"]), []).append(scenario)
    return [f"{label} ({', '.join(scenarios)}): {why}" for (label, why), scenarios in found.items()]


def write() -> None:
    """Put it into the README."""
    record.put(README, written(README.read_text("utf-8")))


if __name__ == "__main__":
    write()
