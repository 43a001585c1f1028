"""``sql``: a question of one's own, over the documented views."""

from __future__ import annotations

import csv
import sys
from typing import TYPE_CHECKING

import click

from otel_agent_telemetry.cli._opened import DURATION, db_option, json_option, opened, print_json
from otel_agent_telemetry.cli._table import Column, counted, print_table
from otel_agent_telemetry.errors import InputError
from otel_agent_telemetry.local import VIEWS, answer

if TYPE_CHECKING:
    from pathlib import Path

    from otel_agent_telemetry.local import Answer

__all__ = ["sql"]


@click.command(short_help="Query the store in SQL.")
@click.argument("query", required=False)
@click.option("--schema", is_flag=True, help="Instead, print the views and their columns.")
@click.option("--content", is_flag=True, help="Include prompts, answers, tool arguments and results.")
@click.option("--limit", type=click.IntRange(1), default=1000, show_default=True, help="Print at most this many rows.")
@click.option("--timeout", default="10s", show_default=True, callback=DURATION, help="Give up after this long.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV with a header line.")
@db_option
@json_option
def sql(
    *,
    query: str | None,
    schema: bool,
    content: bool,
    limit: int,
    timeout: int,
    as_csv: bool,
    db: Path | None,
    as_json: bool,
) -> None:
    """Answer QUERY, one SELECT in SQLite's dialect; - reads it from stdin.

    The views traces, spans, model_calls, tool_calls, sessions, logs and metrics are a contract: new releases may add
    columns, but never remove one. Each figure is there once, on the span that spent it, so that sums are right. A query
    can change nothing.
    """
    if as_csv and as_json:
        raise click.UsageError("--csv and --json are two forms of one answer; leave one out")
    if schema:
        _print_schema(as_json=as_json)
        return
    with opened(db) as connection:
        found = answer(connection, _asked(query), limit=limit, content=content, seconds=timeout / 10**9)
    _print(found, as_csv=as_csv, as_json=as_json)
    if found.truncated:
        click.echo(f"There are more than {counted(limit, 'row')}; --limit gives more of them.", err=True)


def _asked(query: str | None) -> str:
    if query is None:
        raise InputError(
            'no question; try `agent-telemetry sql "SELECT tool, count(*) FROM tool_calls GROUP BY tool"`, '
            "or --schema for what there is"
        )
    return sys.stdin.read() if query == "-" else query


def _print(found: Answer, *, as_csv: bool, as_json: bool) -> None:
    if as_json:
        print_json([dict(zip(found.columns, row, strict=True)) for row in found.rows])
    elif as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerows([found.columns, *found.rows])
        sys.stdout.flush()
    else:
        print_table(_columns(found), [[_text(value) for value in row] for row in found.rows])


def _columns(found: Answer) -> list[Column]:
    """Columns of numbers stand to the right, the others give way where the terminal is narrow."""
    numeric = [
        all(isinstance(row[index], (int, float, type(None))) for row in found.rows)
        for index in range(len(found.columns))
    ]
    return [
        Column(name, right=is_numeric and bool(found.rows), stretch=not is_numeric)
        for name, is_numeric in zip(found.columns, numeric, strict=True)
    ]


def _text(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _print_schema(*, as_json: bool) -> None:
    if as_json:
        print_json(
            [
                {"view": view.name, "row": view.row, "columns": {field.name: field.meaning for field in view.fields}}
                for view in VIEWS
            ]
        )
        return
    rows = [[view.name, field.name, field.meaning.replace("`", "")] for view in VIEWS for field in view.fields]
    print_table([Column("VIEW"), Column("COLUMN"), Column("MEANING", stretch=True)], rows)
