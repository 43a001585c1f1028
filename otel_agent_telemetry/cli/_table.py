"""Rows as text columns that fit the terminal."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING
from unicodedata import category, east_asian_width

import click

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from otel_agent_telemetry.local import TraceShape

__all__ = ["Column", "amount", "clean", "counted", "dollars", "duration", "print_table", "styled", "tokens"]

_GAP = 2
_NARROWEST = 12
_STYLES = {"error": "red", "cancelled": "yellow", "superseded": "yellow"}
_CUT = "…"


@dataclass(frozen=True, slots=True)
class Column:
    """A column: ``priority`` 0 always stays, the highest goes first where the terminal is narrow.

    Those with ``stretch`` are cut until the row fits, the one of the highest priority first; none is narrower than its
    ``least`` while others can go or be cut.
    """

    title: str
    priority: int = 0
    right: bool = False
    stretch: bool = False
    least: int = 24


def print_table(
    columns: list[Column],
    rows: list[list[str]],
    *,
    dim: Container[int] = (),
    notes: Mapping[int, str] = MappingProxyType({}),
) -> None:
    """Print rows under their titles; to a terminal as wide as it is, to a pipe in full.

    ``dim`` are indexes of rows that matter less; ``notes`` are lines that stand below a row, by its index.
    """
    cells = [[clean(cell) for cell in row] for row in rows]
    widths = [max(map(_width, (column.title, *items))) for column, *items in zip(columns, *cells, strict=True)]
    is_terminal = sys.stdout.isatty()
    room = shutil.get_terminal_size((80, 24)).columns if is_terminal else sum(widths) + _GAP * len(widths)
    shown = _chosen(columns, widths, room)
    _narrow(columns, widths, shown, room)
    click.echo(styled(_line([columns[i].title for i in shown], shown, columns, widths), bold=True))
    for index, row in enumerate(cells):
        line = _line([row[i] for i in shown], shown, columns, widths)
        colour = next((_STYLES[cell] for cell in row if cell in _STYLES), None)
        click.echo(styled(line, fg=colour, dim=index in dim))
        if index in notes:
            note = clean(notes[index])
            click.echo(styled(_fitted(note, room, right=False).rstrip() if is_terminal else note, fg=colour))


def _narrow(columns: list[Column], widths: list[int], shown: list[int], room: int) -> None:
    cut = sorted((i for i in shown if columns[i].stretch), key=lambda i: -columns[i].priority)
    for index, least in [*((i, columns[i].least) for i in cut), *((i, _NARROWEST) for i in cut)]:
        over = sum(widths[i] + _GAP for i in shown) - _GAP - room
        widths[index] = max(widths[index] - max(over, 0), min(widths[index], least))


def styled(text: str, *, fg: str | None = None, bold: bool = False, dim: bool = False) -> str:
    """The text in colour; click leaves the colour out where the output is piped or NO_COLOR is set."""
    return click.style(text, fg=fg, bold=bold or None, dim=dim or None) if fg or bold or dim else text


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
    marks = ("~" if is_estimate else "") + ("≥" if unpriced else "")
    return f"{marks}${usd:.4f}" if usd < 1 else f"{marks}${usd:,.2f}"


def amount(number: int | None) -> str:
    """``12,345``; empty where nothing is known."""
    return "" if number is None else f"{number:,}"


def counted(number: int, what: str) -> str:
    """``1 span``, ``2 spans``, ``12,345 spans``."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def tokens(trace: TraceShape) -> str:
    """``300 in, 75 out``; empty where neither is known."""
    known = [(trace["input_tokens"], "in"), (trace["output_tokens"], "out")]
    return ", ".join(f"{count:,} {way}" for count, way in known if count is not None)


def _chosen(columns: list[Column], widths: list[int], room: int) -> list[int]:
    shown = list(range(len(columns)))
    needed = [
        min(width, column.least) if column.stretch else width for column, width in zip(columns, widths, strict=True)
    ]
    while sum(needed[i] for i in shown) + _GAP * (len(shown) - 1) > room:
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
