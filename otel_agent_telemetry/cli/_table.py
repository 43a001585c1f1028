"""Rows as text columns that fit the terminal."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING
from unicodedata import category, east_asian_width

import click

if TYPE_CHECKING:
    from otel_agent_telemetry.local import TraceShape

__all__ = ["Column", "amount", "clean", "dollars", "duration", "print_table", "styled", "tokens"]

_GAP = 2
_STYLES = {"error": "red", "cancelled": "yellow", "superseded": "yellow"}
_CUT = "…"


@dataclass(frozen=True, slots=True)
class Column:
    """A column: ``priority`` 0 always stays, the highest goes first where the terminal is narrow.

    Of columns with ``stretch`` the widest is cut until the row fits.
    """

    title: str
    priority: int = 0
    right: bool = False
    stretch: bool = False


def print_table(columns: list[Column], rows: list[list[str]]) -> None:
    """Print rows under their titles; to a terminal as wide as it is, to a pipe in full."""
    cells = [[clean(cell) for cell in row] for row in rows]
    widths = [max(map(_width, (column.title, *items))) for column, *items in zip(columns, *cells, strict=True)]
    room = shutil.get_terminal_size((80, 24)).columns if sys.stdout.isatty() else sum(widths) + _GAP * len(widths)
    shown = _chosen(columns, widths, room)
    for index in shown:
        if columns[index].stretch:
            over = sum(widths[i] + _GAP for i in shown) - _GAP - room
            widths[index] = max(widths[index] - max(over, 0), min(widths[index], 12))
    click.echo(styled(_line([columns[i].title for i in shown], shown, columns, widths), bold=True))
    for row in cells:
        line = _line([row[i] for i in shown], shown, columns, widths)
        colour = next((_STYLES[cell] for cell in row if cell in _STYLES), None)
        click.echo(styled(line, fg=colour) if colour else line)


def styled(text: str, *, fg: str | None = None, bold: bool = False) -> str:
    """The text in colour; click leaves the colour out where the output is piped or NO_COLOR is set."""
    return click.style(text, fg=fg, bold=bold or None)


def clean(text: str) -> str:
    """The text on one line without control characters, which could move a terminal's cursor."""
    return "".join(" " if category(char) in {"Cc", "Cf", "Zl", "Zp", "Cs"} else char for char in text)


def duration(milliseconds: float) -> str:
    """``1.2 ms``, ``3.40 s``, ``2m05s``."""
    minutes, seconds = divmod(milliseconds / 1000, 60)
    hours, minutes = divmod(int(minutes), 60)
    if hours:
        return f"{hours}h{minutes:02d}m"
    if minutes:
        return f"{minutes}m{int(seconds):02d}s"
    return f"{seconds:.2f} s" if seconds >= 1 else f"{milliseconds:.1f} ms"


def dollars(usd: float | None, *, is_estimate: bool, unpriced: int = 0) -> str:
    """``$0.0012``, with ``~`` before an estimate and ``≥`` where calls have no price; empty where nothing is known."""
    if usd is None:
        return ""
    marks = ("~" if is_estimate else "") + (_at_least() if unpriced else "")
    return f"{marks}${usd:.4f}" if usd < 1 else f"{marks}${usd:,.2f}"


def _at_least() -> str:
    try:
        "≥".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return ">="
    return "≥"


def amount(number: int | None) -> str:
    """``12,345``; empty where nothing is known."""
    return "" if number is None else f"{number:,}"


def tokens(trace: TraceShape) -> str:
    """``300 in, 75 out``; empty where neither is known."""
    known = [(trace["input_tokens"], "in"), (trace["output_tokens"], "out")]
    return ", ".join(f"{count:,} {way}" for count, way in known if count is not None)


def _chosen(columns: list[Column], widths: list[int], room: int) -> list[int]:
    shown = list(range(len(columns)))
    while sum(min(widths[i], 24) if columns[i].stretch else widths[i] for i in shown) + _GAP * (len(shown) - 1) > room:
        droppable = [i for i in shown if columns[i].priority]
        if not droppable:
            break
        shown.remove(max(droppable, key=lambda i: (columns[i].priority, i)))
    return shown


def _line(cells: list[str], shown: list[int], columns: list[Column], widths: list[int]) -> str:
    parts = [_fitted(cell, widths[i], right=columns[i].right) for cell, i in zip(cells, shown, strict=True)]
    return (" " * _GAP).join(parts).rstrip()


def _fitted(text: str, width: int, *, right: bool) -> str:
    while _width(text) > width:
        text = text[:-2] + _CUT if len(text) > 1 else ""
    padding = " " * (width - _width(text))
    return padding + text if right else text + padding


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    return sum(0 if category(char) in {"Mn", "Me"} else 1 + (east_asian_width(char) in "WF") for char in text)
