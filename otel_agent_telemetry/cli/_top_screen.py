"""The full screen of ``top``: a table that is read anew, by textual."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual.app import App
from textual.widgets import DataTable, Footer, Static

from otel_agent_telemetry.cli._table import clean, counted, dollars
from otel_agent_telemetry.cli._top_rows import COLUMNS, row_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from textual.widget import Widget

    from otel_agent_telemetry.local import RunningShape

__all__ = ["Screen"]

_SORTS: dict[str, Callable[[RunningShape], Any]] = {
    "last": lambda shape: shape["last"],
    "tokens per minute": lambda shape: shape["tokens_per_minute"],
    "cost": lambda shape: shape["cost_usd"] or 0,
    "errors": lambda shape: shape["errors"],
    "running": lambda shape: shape["running_ms"],
}


class Screen(App[None]):
    """Shows what ``read`` gives, every so many seconds; ``store`` is named in the title."""

    CSS = "#summary { height: 1; text-style: bold; } DataTable { height: 1fr; }"
    TITLE = "agent-telemetry top"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar = [("q", "quit", "Quit"), ("s", "sort", "Sort otherwise"), ("p", "pause", "Pause")]

    def __init__(self, read: Callable[[], list[RunningShape]], *, seconds: float, store: str) -> None:
        super().__init__()
        self._read = read
        self._seconds = seconds
        self._store = store
        self._rows: list[RunningShape] = []
        self._sort = "last"
        self._is_paused = False
        self._table = DataTable[Text](cursor_type="row", zebra_stripes=True)

    def compose(self) -> Iterator[Widget]:
        """A line of totals, the table, the keys."""
        yield Static(id="summary", markup=False)
        yield self._table
        yield Footer()

    async def on_mount(self) -> None:
        """Show the first rows, and go on."""
        for column in COLUMNS:
            self._table.add_column(column.title)
        await self.look_again()
        self.set_interval(self._seconds, self.look_again)

    async def look_again(self) -> None:
        """Read the store anew, in a thread, as it may take a while."""
        if not self._is_paused:
            self._rows = await asyncio.to_thread(self._read)
            self._show()

    def action_sort(self) -> None:
        """Sort by the next of the orders."""
        names = [*_SORTS]
        self._sort = names[(names.index(self._sort) + 1) % len(names)]
        self._show()

    def action_pause(self) -> None:
        """Leave the table as it is, or go on."""
        self._is_paused = not self._is_paused
        self._show()

    def _show(self) -> None:
        self.query_one("#summary", Static).update(self._summary())
        table = self._table
        row = table.cursor_row
        selected = table.ordered_rows[row].key.value if 0 <= row < table.row_count else None
        table.clear()
        for shape in sorted(self._rows, key=_SORTS[self._sort], reverse=True):
            table.add_row(*_cells(shape), key=_key(shape))
        if selected in {_key(shape) for shape in self._rows}:
            table.move_cursor(row=table.get_row_index(str(selected)), animate=False)

    def _summary(self) -> str:
        rows = self._rows
        costs = [shape["cost_usd"] for shape in rows if shape["cost_usd"] is not None]
        is_estimate = any(shape["cost_is_estimate"] for shape in rows)
        parts = [
            counted(len(rows), "session"),
            f"{sum(shape['tokens_per_minute'] for shape in rows):,} tokens/min",
            dollars(sum(costs) if costs else None, is_estimate=is_estimate),
            counted(sum(shape["errors"] for shape in rows), "error"),
            f"by {self._sort}",
            "paused" if self._is_paused else "",
            clean(self._store),
        ]
        return " · ".join(part for part in parts if part)


def _key(shape: RunningShape) -> str:
    return shape["session"] or shape["trace_id"] or ""


def _cells(shape: RunningShape) -> list[Text]:
    colour = "red" if shape["errors"] else ""
    return [
        Text(clean(cell), style=colour, justify="right" if column.right else "left")
        for column, cell in zip(COLUMNS, row_of(shape), strict=True)
    ]
