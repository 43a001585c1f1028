"""``sessions``: traces by conversation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from otel_agent_telemetry.cli._opened import MOMENT, db_option, json_option, opened, print_json, tell_empty
from otel_agent_telemetry.cli._table import Column, amount, dollars, print_table
from otel_agent_telemetry.cli._when import local_time, titled
from otel_agent_telemetry.local import SESSION_SORTS, list_sessions, parse_query

if TYPE_CHECKING:
    from pathlib import Path

    from otel_agent_telemetry.local import SessionShape

__all__ = ["sessions"]

_COLUMNS = [
    Column("AGENT", 6, stretch=True),
    Column("SERVICE", 7, stretch=True),
    Column("TRACES", 1, right=True),
    Column("CALLS", 3, right=True),
    Column("TOOLS", 4, right=True),
    Column("ERRORS", 2, right=True),
    Column("IN", right=True),
    Column("OUT", right=True),
    Column("COST", right=True),
]


@click.command(short_help="List sessions.")
@click.option("--query", "-q", help="Only sessions with traces that match, as in `traces --query`.")
@click.option("--since", callback=MOMENT, help="Start of the period: a time, or an age such as 7d.")
@click.option("--until", callback=MOMENT, help="End of the period: a time, or an age such as 1h.")
@click.option(
    "--sort", type=click.Choice(list(SESSION_SORTS)), default="last", show_default=True, help="The highest first."
)
@click.option("--limit", type=click.IntRange(1, 100000), default=20, show_default=True, help="Print at most this many.")
@db_option
@json_option
def sessions(
    *,
    query: str | None,
    since: int | None,
    until: int | None,
    sort: str,
    limit: int,
    db: Path | None,
    as_json: bool,
) -> None:
    """List sessions, the latest first; `show --session ID` shows one as a conversation.

    With --since or --until, all figures cover the traces that began in that time; with --query, those that match.
    """
    with opened(db) as connection:
        asked = parse_query(query or "")
        rows = list_sessions(connection, since_ns=since, until_ns=until, query=asked, sort=sort, limit=limit)
        if not rows and not as_json:
            tell_empty(connection, "No trace names a session; telemetry.session() or gen_ai.conversation.id does.")
            return
    if as_json:
        print_json(rows)
    else:
        last = Column(titled("LAST", (row["end"] for row in rows)), 5)
        print_table([Column("SESSION", stretch=True), last, *_COLUMNS], [_row(row) for row in rows])


def _row(row: SessionShape) -> list[str]:
    return [
        row["session"],
        local_time(row["end"]),
        row["agent"] or "",
        row["service"],
        amount(row["traces"]),
        amount(row["calls"]),
        amount(row["tools"]),
        amount(row["errors"]),
        amount(row["input_tokens"]),
        amount(row["output_tokens"]),
        dollars(row["cost_usd"], is_estimate=row["cost_is_estimate"], unpriced=row["unpriced_calls"]),
    ]
