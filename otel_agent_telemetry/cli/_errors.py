"""``errors``: what failed, by type and place."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from otel_agent_telemetry.cli._opened import MOMENT, db_option, json_option, opened, print_json, tell_empty
from otel_agent_telemetry.cli._table import Column, amount, print_table
from otel_agent_telemetry.cli._when import local_time, titled
from otel_agent_telemetry.local import MOST_TRACES
from otel_agent_telemetry.local import errors as errors_of

if TYPE_CHECKING:
    from pathlib import Path

    from otel_agent_telemetry.local import ErrorShape

__all__ = ["errors"]


@click.command(short_help="List failures by type and place.")
@click.option("--service", help="Only failures of this service.")
@click.option("--since", callback=MOMENT, help="Start of the period: a time, or an age such as 7d.")
@click.option("--until", callback=MOMENT, help="End of the period: a time, or an age such as 1h.")
@db_option
@json_option
def errors(*, service: str | None, since: int | None, until: int | None, db: Path | None, as_json: bool) -> None:
    """List failures by type and place, the latest first; `show TRACE` prints the trace.

    A failure counts once, where it began, however many spans around it repeat it.
    """
    with opened(db) as connection:
        found = errors_of(connection, since_ns=since, until_ns=until, service=service)
        if not found["errors"] and not as_json:
            tell_empty(connection, "Nothing failed in this time.")
            return
    if not found["is_all"]:
        click.echo(f"only the latest {MOST_TRACES:,} traces with failures; --since names a shorter time", err=True)
    if as_json:
        print_json(found["errors"])
    else:
        _print(found["errors"])


def _print(found: list[ErrorShape]) -> None:
    """A message has a line of its own at a terminal, as no column is wide enough for it, and a column in a pipe."""
    columns, rows = _columns(found), [_row(error) for error in found]
    messages = [error["message"] or "" for error in found]
    if sys.stdout.isatty():
        print_table(columns, rows, notes={at: f"  {said.strip()}" for at, said in enumerate(messages) if said})
    else:
        print_table([*columns, Column("MESSAGE")], [[*row, said] for row, said in zip(rows, messages, strict=True)])


def _columns(found: list[ErrorShape]) -> list[Column]:
    return [
        Column("ERROR", stretch=True),
        Column("SERVICE", 3, stretch=True),
        Column("WHERE", stretch=True),
        Column("TIMES", right=True),
        Column("TRACES", 2, right=True),
        Column(titled("FIRST", (error["first_seen"] for error in found)), 5),
        Column(titled("LAST", (error["last_seen"] for error in found)), 4),
        Column("TRACE"),
    ]


def _row(error: ErrorShape) -> list[str]:
    return [
        error["type"],
        error["service"],
        error["name"],
        amount(error["occurrences"]),
        amount(error["traces"]),
        local_time(error["first_seen"]),
        local_time(error["last_seen"]),
        error["trace_links"][0]["trace_id"][:16],
    ]
