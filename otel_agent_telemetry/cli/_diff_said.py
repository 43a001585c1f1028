"""What was said in two runs, in the terminal: lines that went with ``-``, lines that came with ``+``."""

from __future__ import annotations

from difflib import unified_diff
from typing import TYPE_CHECKING

import click

from otel_agent_telemetry.cli._table import Column, clean, dollars, duration, print_table, styled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from otel_agent_telemetry.local import Piece, SaidDiff, SessionDiff, Turn, TurnPair

__all__ = ["print_said", "print_sessions"]

_MARKS = {"same": " ", "changed": "~", "added": "+", "removed": "-"}
_HEADER_LINES = 3  # two files, and where the first change is
_COLOURS = {"-": "red", "+": "green"}
_COLUMNS = [
    Column(""),
    Column("TURN", stretch=True),
    Column("ABOUT", 1, stretch=True),
    Column("TOKENS", 2, right=True),
    Column("COST", 3, right=True),
    Column("A", right=True),
    Column("B", right=True),
]


def print_said(name: str, said: Sequence[SaidDiff]) -> None:
    """What two spans say differently, below the span's name."""
    changed = [each for each in said if any(piece["change"] != "same" for piece in each["pieces"])]
    if not changed:
        return
    click.echo(styled(f"\n{clean(name)}", bold=True))
    for each in changed:
        click.echo(f"  {clean(each['what'])}")
        _print_pieces(each["pieces"], "    ")


def print_sessions(compared: SessionDiff, *, show_all: bool) -> None:
    """Both sessions, a row for each pair of turns, and what was said in those that differ."""
    for letter, session in (("A", compared["a"]), ("B", compared["b"])):
        click.echo(styled(f"{letter} session {clean(session['session'])}", bold=True))
    rows = [row for row in compared["rows"] if show_all or row["change"] != "same"]
    counts = {change: sum(row["change"] == change for row in compared["rows"]) for change in _MARKS}
    click.echo(", ".join(f"{count} {change}" for change, count in counts.items()))
    if rows:
        print_table(_COLUMNS, [_row(row) for row in rows])
    for row in rows:
        if row["pieces"]:
            turn = row["b"] or row["a"]
            click.echo(styled(f"\n{_MARKS[row['change']]} {clean(turn['name'] if turn else '')}", bold=True))
            _print_pieces(row["pieces"], "  ")


def _row(row: TurnPair) -> list[str]:
    a, b = row["a"], row["b"]
    turn = b or a
    tokens = _tokens(b) - _tokens(a)
    usd = ((b["cost_usd"] if b else 0) or 0) - ((a["cost_usd"] if a else 0) or 0)
    return [
        _MARKS[row["change"]],
        turn["kind"] if turn else "",
        (turn["about"] or turn["name"]) if turn else "",
        f"{tokens:+,}" if tokens else "",
        ("-" if usd < 0 else "+") + dollars(abs(usd), is_estimate=False) if usd else "",
        duration(a["duration_ms"]) if a else "",
        duration(b["duration_ms"]) if b else "",
    ]


def _tokens(turn: Turn | None) -> int:
    return (turn["input_tokens"] or 0) + (turn["output_tokens"] or 0) if turn else 0


def _print_pieces(pieces: Sequence[Piece], indent: str) -> None:
    for mark, line in _lines(pieces):
        click.echo(styled(f"{indent}{mark} {clean(line)}".rstrip(), fg=_COLOURS.get(mark)))


def _lines(pieces: Sequence[Piece]) -> Iterator[tuple[str, str]]:
    """Lines with their marks, and two lines around each change."""
    before, after = (
        "".join(piece["text"] for piece in pieces if piece["change"] != without).splitlines()
        for without in ("added", "removed")
    )
    for line in [*unified_diff(before, after, n=2, lineterm="")][_HEADER_LINES:]:
        yield ("…", "") if line.startswith("@@") else (line[0], line[1:])
