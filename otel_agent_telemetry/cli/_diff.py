"""``diff``: two traces, or two sessions, aligned."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from otel_agent_telemetry.cli._diff_said import print_said, print_sessions
from otel_agent_telemetry.cli._opened import db_option, json_option, opened, print_json
from otel_agent_telemetry.cli._table import Column, clean, counted, dollars, duration, print_table, styled, tokens
from otel_agent_telemetry.local import diff_sessions, diff_spans, diff_traces, find_trace

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    from otel_agent_telemetry.local import DiffRow, DiffShape, SaidDiff, SpanShape, TraceShape

__all__ = ["diff"]

_MARKS = {"same": " ", "changed": "~", "added": "+", "removed": "-"}
_COLUMNS = [
    Column(""),
    Column("SPAN", stretch=True),
    Column("WHAT", 1, stretch=True),
    Column("TOKENS", 3, right=True),
    Column("COST", 4, right=True),
    Column("A", 2, right=True),
    Column("B", right=True),
]


@click.command(short_help="Compare two traces, or two sessions.")
@click.argument("a")
@click.argument("b")
@click.option("--all", "show_all", is_flag=True, help="Print rows that are the same in both, too.")
@click.option("--session", "of_sessions", is_flag=True, help="A and B are sessions; compare them turn by turn.")
@click.option("--content", is_flag=True, help="Compare what was said, too: prompts, answers, arguments, attributes.")
@db_option
@json_option
def diff(*, a: str, b: str, show_all: bool, of_sessions: bool, content: bool, db: Path | None, as_json: bool) -> None:
    """Align the traces A and B: + appeared, - vanished, ~ changed in time, tokens, cost, model, status or text."""
    if of_sessions:
        with opened(db) as connection:
            sessions = diff_sessions(connection, a, b, content=content)
        if as_json:
            print_json(sessions)
        else:
            print_sessions(sessions, show_all=show_all)
        return
    with opened(db) as connection:
        numbers = [find_trace(connection, given)[0] for given in (a, b)]
        compared = diff_traces(connection, *numbers)
        said = _said(connection, numbers, compared) if content else {}
    if as_json:
        print_json({**compared, "said": said} if content else compared)
        return
    _print_summary(compared)
    rows = [row for row in compared["rows"] if show_all or row["change"] != "same"]
    if rows:
        print_table(_COLUMNS, [_row(row) for row in rows])
    for row in compared["rows"]:
        if row["b"] is not None:
            print_said(row["b"]["name"], said.get(row["b"]["span_id"], []))


def _said(connection: sqlite3.Connection, traces: list[int], compared: DiffShape) -> dict[str, list[SaidDiff]]:
    """By the second's span id, what the spans that belong together say."""
    return {
        row["b"]["span_id"]: diff_spans(connection, (traces[0], row["a"]["span_id"]), (traces[1], row["b"]["span_id"]))
        for row in compared["rows"]
        if row["a"] is not None and row["b"] is not None
    }


def _print_summary(compared: DiffShape) -> None:
    for letter, trace in (("A", compared["a"]), ("B", compared["b"])):
        click.echo(styled(f"{letter} {trace['trace_id']}  {clean(trace['name'])}", bold=True))
        click.echo(f"  {_totals(trace)}")
    counts = {change: sum(row["change"] == change for row in compared["rows"]) for change in _MARKS}
    click.echo(", ".join(f"{count} {change}" for change, count in counts.items()))


def _totals(trace: TraceShape) -> str:
    parts = [
        counted(trace["spans"], "span"),
        counted(trace["calls"], "model call"),
        tokens(trace),
        dollars(trace["cost_usd"], is_estimate=trace["cost_is_estimate"], unpriced=trace["unpriced_calls"]),
        duration(trace["duration_ms"]),
    ]
    return " · ".join(part for part in parts if part)


def _row(row: DiffRow) -> list[str]:
    a, b = row["a"], row["b"]
    span = b or a
    name = "  " * row["depth"] + (span["name"] if span else "")
    return [_MARKS[row["change"]], name, _what(row), _tokens(a, b), _cost(a, b), _time(a), _time(b)]


def _what(row: DiffRow) -> str:
    if row["a"] is None or row["b"] is None:
        return row["change"]
    before_after = {
        "status": f"status {row['a']['status']} -> {row['b']['status']}",
        "model": f"model {row['a']['model']} -> {row['b']['model']}",
    }
    return ", ".join(before_after.get(change, change) for change in row["changes"])


def _tokens(a: SpanShape | None, b: SpanShape | None) -> str:
    change = _sum(b) - _sum(a)
    return f"{change:+,}" if change else ""


def _sum(span: SpanShape | None) -> int:
    return (span["input_tokens"] or 0) + (span["output_tokens"] or 0) if span else 0


def _cost(a: SpanShape | None, b: SpanShape | None) -> str:
    change = ((b["cost_usd"] if b else 0) or 0) - ((a["cost_usd"] if a else 0) or 0)
    return f"{change:+.4f}" if change else ""


def _time(span: SpanShape | None) -> str:
    return duration(span["duration_ms"]) if span else ""
