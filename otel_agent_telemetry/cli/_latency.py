"""``latency``: how long calls took."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from otel_agent_telemetry.cli._opened import MOMENT, db_option, json_option, opened, print_json, tell_empty
from otel_agent_telemetry.cli._table import Column, amount, duration, print_table
from otel_agent_telemetry.local import OPERATIONS
from otel_agent_telemetry.local import latency as latency_of

if TYPE_CHECKING:
    from pathlib import Path

    from otel_agent_telemetry.local import LatencyRow

__all__ = ["latency"]

_COLUMNS = [
    Column("CALLS", right=True),
    Column("ERRORS", 3, right=True),
    Column("P50", right=True),
    Column("P95", right=True),
    Column("P99", 1, right=True),
    Column("LONGEST", 4, right=True),
    Column("FIRST TOKEN P50", 5, right=True),
    Column("P95", 6, right=True),
    Column("TOKENS/S", 2, right=True),
]


@click.command(short_help="Show durations, first tokens, tokens per second.")
@click.option("--by", type=click.Choice(list(OPERATIONS)), default="model", show_default=True, help="One row for each.")
@click.option("--since", callback=MOMENT, help="Start of the period: a time, or an age such as 7d.")
@click.option("--until", callback=MOMENT, help="End of the period: a time, or an age such as 1h.")
@db_option
@json_option
def latency(*, by: str, since: int | None, until: int | None, db: Path | None, as_json: bool) -> None:
    """Show how long calls took; a call that two spans report counts once.

    The time to the first token covers calls whose spans have it; `--json` adds a histogram.
    """
    with opened(db) as connection:
        found = latency_of(connection, by, since_ns=since, until_ns=until)
        if not found["rows"] and not as_json:
            tell_empty(connection)
            return
    if as_json:
        print_json(found)
        return
    if not found["is_all"]:
        click.echo(f"only the latest {found['calls']:,} calls; --since names a shorter time", err=True)
    print_table([Column(by.upper(), stretch=True), *_COLUMNS], [_row(row) for row in found["rows"]])


def _row(row: LatencyRow) -> list[str]:
    rate = row["output_tokens_per_second"]
    return [
        row["key"] or "-",
        amount(row["calls"]),
        amount(row["errors"]),
        duration(row["p50_ms"]),
        duration(row["p95_ms"]),
        duration(row["p99_ms"]),
        duration(row["max_ms"]),
        *("" if value is None else duration(value) for value in (row["first_token_p50_ms"], row["first_token_p95_ms"])),
        "" if rate is None else f"{rate:,.1f}",
    ]
