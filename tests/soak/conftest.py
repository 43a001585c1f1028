"""The table of figures that a soak closes with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

_rows: list[tuple[str, str]] = []


@pytest.fixture
def figure() -> Callable[[str, str], None]:
    """Puts a row into the table: what was shown, and its figure."""
    return lambda what, said: _rows.append((what, said))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints the table."""
    width = max((len(what) for what, _ in _rows), default=0)
    for what, said in _rows:
        terminalreporter.write_line(f"{what:<{width}}  {said}")
