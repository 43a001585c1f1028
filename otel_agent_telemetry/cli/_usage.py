"""``usage``: what was spent, and on what."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from otel_agent_telemetry.cli._opened import BUDGETS, MOMENT, db_option, json_option, opened, print_json, tell_empty
from otel_agent_telemetry.cli._table import Column, amount, dollars, duration, print_table
from otel_agent_telemetry.local import GROUPINGS, OPERATIONS, UsageShape, csv_lines, latency, spent
from otel_agent_telemetry.local import usage as usage_of

if TYPE_CHECKING:
    from pathlib import Path

    from otel_agent_telemetry.local import Budget, BudgetShape, LatencyRow

__all__ = ["usage"]

_OVER_BUDGET = 5
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
_OF_TOOLS = [Column("CALLS", right=True), Column("ERRORS", 1, right=True)]
_TIMES = [Column("P50", 3, right=True), Column("P95", 3, right=True)]


@click.command(short_help="Add up tokens, calls, errors and cost.")
@click.option("--by", type=click.Choice(list(GROUPINGS)), default="model", show_default=True, help="One row for each.")
@click.option("--since", callback=MOMENT, help="Start of the period: a time, or an age such as 7d.")
@click.option("--until", callback=MOMENT, help="End of the period: a time, or an age such as 1h.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV for spreadsheets, with the column names of --json.")
@click.option(
    "--budget", multiple=True, callback=BUDGETS, help="Exit with 5 once more is spent: 5USD/day, /hour, /month."
)
@db_option
@json_option
def usage(
    *,
    by: str,
    since: int | None,
    until: int | None,
    budget: list[Budget],
    as_csv: bool,
    db: Path | None,
    as_json: bool,
) -> None:
    """Add up tokens, calls, errors and cost; a call that two spans report counts once.

    A cost with ~ is an estimate from a price list, which `pip install otel-agent-telemetry[prices]` installs. A budget
    covers the current hour, day or month (UTC), whatever --since says; you can give several.
    """
    with opened(db) as connection:
        rows = usage_of(connection, by, since_ns=since, until_ns=until)
        budgets = [spent(connection, each, time.time_ns()) for each in budget]
        times = latency(connection, by, since_ns=since, until_ns=until)["rows"] if by in OPERATIONS and rows else []
        if not rows and not as_json and not as_csv:
            tell_empty(connection)
    if as_json:
        print_json({"usage": rows, "budgets": budgets} if budget else rows)
    elif as_csv:
        for line in csv_lines(list(UsageShape.__annotations__), rows):
            click.echo(line)
    elif rows:
        _print(by, rows, {row["key"]: row for row in times})
    for each in budgets:
        click.echo(_in_words(each), err=True)
    if any(each["is_over"] for each in budgets):
        click.get_current_context().exit(_OVER_BUDGET)


def _print(by: str, rows: list[UsageShape], times: dict[str | None, LatencyRow]) -> None:
    columns = _OF_TOOLS if by == "tool" else _COLUMNS
    figures = [(_of_tool(row) if by == "tool" else _row(row)) for row in rows]
    if times:
        columns = [*columns[:2], *_TIMES, *columns[2:]]
        figures = [
            [*cells[:2], *_times(times.get(row["key"])), *cells[2:]] for row, cells in zip(rows, figures, strict=True)
        ]
    print_table(
        [Column(by.upper(), stretch=True), *columns],
        [[row["key"] or "-", *cells] for row, cells in zip(rows, figures, strict=True)],
    )


def _of_tool(row: UsageShape) -> list[str]:
    return [amount(row["tool_calls"]), amount(row["errors"])]


def _times(row: LatencyRow | None) -> list[str]:
    return ["", ""] if row is None else [duration(row["p50_ms"]), duration(row["p95_ms"])]


def _row(row: UsageShape) -> list[str]:
    return [
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


def _in_words(budget: BudgetShape) -> str:
    cost = dollars(budget["spent_usd"], is_estimate=budget["cost_is_estimate"], unpriced=budget["unpriced_calls"])
    over = "over the budget" if budget["is_over"] else "within the budget"
    return f"{over}: {cost} of ${budget['limit_usd']:g} a {budget['per']} spent since {budget['since'][:16]}Z"
