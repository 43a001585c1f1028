"""``logs``: log records, the latest last, as a terminal has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from otel_agent_telemetry.cli._opened import MOMENT, db_option, json_option, opened, print_json
from otel_agent_telemetry.cli._table import Column, print_table
from otel_agent_telemetry.cli._when import local_time, titled
from otel_agent_telemetry.local import SEVERITIES, LogFilter, list_logs

if TYPE_CHECKING:
    from pathlib import Path

    from otel_agent_telemetry.local import LogShape

__all__ = ["logs"]


@click.command(short_help="List log records.")
@click.option("--text", help="Only records with this in any of their texts.")
@click.option("--severity", type=click.Choice(list(SEVERITIES)), help="Only records of this severity or above.")
@click.option("--service", help="Only records of this service.")
@click.option("--trace", help="Only records of this trace: its id, its first digits, or `latest`.")
@click.option("--span", help="Only records of the span with this id.")
@click.option("--since", callback=MOMENT, help="Start of the period: a time, or an age such as 2h.")
@click.option("--until", callback=MOMENT, help="End of the period: a time, or an age such as 1h.")
@click.option("--limit", type=click.IntRange(1, 100000), default=50, show_default=True, help="Print the latest N.")
@click.option("--content", is_flag=True, help="Include prompts, answers and other content of coding agents.")
@db_option
@json_option
def logs(
    *,
    since: int | None,
    until: int | None,
    limit: int,
    content: bool,
    db: Path | None,
    as_json: bool,
    **filters: str | None,
) -> None:
    """List log records, the newest last."""
    wanted = LogFilter(**filters, since_ns=since, until_ns=until)
    with opened(db) as connection:
        found = list_logs(connection, wanted, limit=limit, content=content)[::-1]
        if not found and not as_json:
            is_empty = connection.execute("SELECT 1 FROM logs LIMIT 1").fetchone() is None
            none = "No log record has arrived yet; programs send them to /v1/logs of `agent-telemetry serve`."
            click.echo(none if is_empty else "No log record matches; leave out a filter.", err=True)
            return
    if as_json:
        print_json(found)
    else:
        columns = [
            Column(titled("TIME", (log["time"] for log in found))),
            Column("SEVERITY", 2),
            Column("SERVICE", 3, stretch=True),
        ]
        columns += [Column("TRACE", 4), Column("MESSAGE", stretch=True)]
        print_table(columns, [_row(log) for log in found])


def _row(log: LogShape) -> list[str]:
    text = log["body"] if log["body"] is not None else log["event"] or ("(hidden)" if log["hidden"] else "")
    return [local_time(log["time"]), log["severity"], log["service"], (log["trace_id"] or "")[:16], text]
