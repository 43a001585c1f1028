"""An answer as HTML: a table, bars over time, or a table crossed by a second column."""

from __future__ import annotations

from datetime import date
from html import escape
from typing import TYPE_CHECKING, Any

from otel_agent_telemetry.maintainers.answers._figures import figure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from otel_agent_telemetry.maintainers.answers._report import Answer

__all__ = ["shape"]

_WIDTH, _HEIGHT, _BOTTOM = 720, 158, 24


def shape(name: str, answer: Answer) -> str:
    """The answer to the question of that name, which has rows."""
    return _SHAPES.get(name, _table)(answer)


def _table(answer: Answer) -> str:
    is_number = [any(isinstance(row[at], (int, float)) for row in answer.rows) for at in range(len(answer.columns))]
    classes = [' class="n"' if is_one else "" for is_one in is_number]
    titles = zip(answer.columns, classes, strict=True)
    head = "".join(f"<th{of_class}>{escape(column.replace('_', ' '))}" for column, of_class in titles)
    rows = "".join("<tr>" + "".join(_cells(answer.columns, classes, row)) for row in answer.rows)
    return f'<div class="wide"><table><thead><tr>{head}<tbody>{rows}</table></div>'


def _cells(columns: Sequence[str], classes: Sequence[str], row: Sequence[Any]) -> Iterator[str]:
    measure = row[0] if columns[0] == "measure" else None
    for column, of_class, value in zip(columns, classes, row, strict=True):
        shown = f' class="{value}"' if column == "verdict" else of_class
        yield f"<td{shown}>{escape(figure(column, value, measure))}"


def _bars(number_of: Callable[[date], int]) -> Callable[[Answer], str]:
    """Active installations as bars, the new ones of each darker, with a table for those who read it."""

    def bars(answer: Answer) -> str:
        places = [number_of(date.fromisoformat(start)) for start, _, _ in answer.rows]
        tallest = max(row[1] for row in answer.rows)
        step = _WIDTH / (1 + places[-1] - places[0])  # a time without a row keeps its place
        scale = (_HEIGHT - _BOTTOM - 12) / tallest
        drawn = "".join(
            f"<g><title>{escape(start)}: {count:,} active, {new:,} new</title>"
            f"{_bar((place - places[0]) * step, step, count * scale, 'all')}"
            f"{_bar((place - places[0]) * step, step, new * scale, 'new')}</g>"
            for place, (start, count, new) in zip(places, answer.rows, strict=True)
        )
        floor = _HEIGHT - _BOTTOM
        first, last = (escape(answer.rows[at][0]) for at in (0, -1))
        labels = (
            f'<text x="0" y="{_HEIGHT - 4}">{first}</text>'
            f'<text x="{_WIDTH}" y="{_HEIGHT - 4}" text-anchor="end">{last}</text>'
            f'<text x="0" y="4" dominant-baseline="hanging">{tallest:,}</text>'
        )
        line = f'<line class="axis" x1="0" x2="{_WIDTH}" y1="{floor}" y2="{floor}"/>'
        size = f'viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" role="img"'
        return (
            f"<svg {size}>{line}{drawn}{labels}</svg><details><summary>as a table</summary>{_table(answer)}</details>"
        )

    return bars


def _bar(x: float, step: float, height: float, kind: str) -> str:
    width = max(step - 2, 0.5 * step)
    y = _HEIGHT - _BOTTOM - height
    return f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"/>'


def _crossed(answer: Answer) -> str:
    """Rows of (row, column, number) as a table with a column for each."""
    columns = sorted({row[1] for row in answer.rows})
    numbers = {(row[0], row[1]): row[2] for row in answer.rows}
    head = "".join(f'<th class="n">{escape(str(column)) or "(unknown)"}' for column in columns)
    rows = "".join(
        f"<tr><td>{escape(start)}" + "".join(f'<td class="n">{numbers.get((start, column), "")}' for column in columns)
        for start in dict.fromkeys(row[0] for row in answer.rows)
    )
    return f'<div class="wide"><table><thead><tr><th>{answer.columns[0]}{head}<tbody>{rows}</table></div>'


_SHAPES: dict[str, Callable[[Answer], str]] = {
    "active_by_day": _bars(date.toordinal),
    "active_by_week": _bars(lambda day: (day.toordinal() - 1) // 7),
    "active_by_month": _bars(lambda day: 12 * day.year + day.month),
    **dict.fromkeys(("retention", "versions"), _crossed),
}
