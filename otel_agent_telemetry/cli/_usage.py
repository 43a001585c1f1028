"""``usage``: what was spent, and on what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from otel_agent_telemetry.cli._opened import MOMENT, db_option, json_option, opened, print_json, tell_empty
from otel_agent_telemetry.cli._table import Column, amount, dollars, print_table
from otel_agent_telemetry.local import GROUPINGS, UsageShape, csv_lines
from otel_agent_telemetry.local import usage as usage_of

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["usage"]

_COLUMNS = [
    Column("CALLS", 1, right=True),
    Column("ERRORS", 2, right=True),
    Column("TOOLS", 5, right=True),
    Column("RUNS", 6, right=True),
    Column("IN", right=True),
    Column("OUT", right=True),
    Column("CACHED", 4, right=True),
    Column("REASONING", 7, right=True),
    Column("COST", right=True),
]


@click.command(short_help="Tokens, calls, errors and cost.")
@click.option("--by", type=click.Choice(list(GROUPINGS)), default="model", show_default=True, help="One row for each.")
@click.option("--since", callback=MOMENT, help="Only from this on: a time, or an age such as 7d.")
@click.option("--until", callback=MOMENT, help="Only up to this: a time, or an age such as 1h.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV for spreadsheets, with the names of --json.")
@db_option
@json_option
def usage(*, by: str, since: int | None, until: int | None, as_csv: bool, db: Path | None, as_json: bool) -> None:
    """Add up tokens, calls, errors and cost; a call that two spans report counts once.

    A cost with ~ before it is an estimate from a price list, which `pip install otel-agent-telemetry[prices]` brings.
    """
    with opened(db) as connection:
        rows = usage_of(connection, by, since_ns=since, until_ns=until)
        if not rows and not as_json and not as_csv:
            tell_empty(connection)
            return
    if as_json:
        print_json(rows)
    elif as_csv:
        for line in csv_lines(list(UsageShape.__annotations__), rows):
            click.echo(line)
    else:
        print_table([Column(by.upper(), stretch=True), *_COLUMNS], [_row(row) for row in rows])


def _row(row: UsageShape) -> list[str]:
    return [
        row["key"] or "-",
        amount(row["calls"]),
        amount(row["errors"]),
        amount(row["tool_calls"]),
        amount(row["agent_runs"]),
        amount(row["input_tokens"]),
        amount(row["output_tokens"]),
        amount(row["cache_read_tokens"]),
        amount(row["reasoning_tokens"]),
        dollars(row["cost_usd"], is_estimate=row["cost_is_estimate"], unpriced=row["unpriced_calls"]),
    ]
