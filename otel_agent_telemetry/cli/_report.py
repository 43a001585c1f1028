"""``report``: what the anonymous events say."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from otel_agent_telemetry.cli._book import book_option
from otel_agent_telemetry.cli._streams import echo_json
from otel_agent_telemetry.cli._table import Column, print_table, styled
from otel_agent_telemetry.errors import InputError
from otel_agent_telemetry.maintainers import Answer, Asked, Report, figure, page
from otel_agent_telemetry.maintainers import report as report_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["report"]

_MOST_DAYS = 14  # more of them are a chart, as on the page


@click.command(short_help="For maintainers: report on the events received.")
@click.option("--product", help="Which product, if the book has several.")
@click.option("--days", default=90, show_default=True, type=click.IntRange(0), help="How many days back; 0 for all.")
@click.option("--environment", default="production", show_default=True, help="Only events of this environment.")
@click.option(
    "--min-installations", default=5, show_default=True, type=click.IntRange(1), help="Fewest installations in a row."
)
@click.option("--funnel", nargs=3, metavar="EVENT EVENT EVENT", help="How many installations did these in order.")
@click.option("--compare", nargs=2, metavar="BEFORE AFTER", help="Two versions (default: the two most installed).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@click.option(
    "--html", type=click.Path(dir_okay=False, path_type=Path), help="Write the report as a page into this file."
)
@click.option(
    "--export", type=click.Path(file_okay=False, path_type=Path), help="Write the events as Parquet, one file per day."
)
@book_option
def report(
    *,
    product: str | None,
    days: int,
    environment: str,
    min_installations: int,
    funnel: tuple[str, str, str] | None,
    compare: tuple[str, str] | None,
    as_json: bool,
    html: Path | None,
    export: Path | None,
    db: Path,
) -> None:
    """Report on the events that `agent-telemetry proxy` has received: usage, success, cost and versions.

    Rows that cover fewer installations than --min-installations are left out, and counted.
    """
    if export is not None:
        _export(db, export)
        return
    asked = Asked(product=product, days=days, environment=environment, least=min_installations, versions=compare)
    found = report_of(db, asked if funnel is None else asked.with_funnel(funnel))
    if html is not None:
        html.write_text(page(found), encoding="utf-8")
        click.echo(f"wrote {html}", err=True)
    elif as_json:
        echo_json(json.dumps(found.as_json(), indent=2, ensure_ascii=False))
    else:
        _print(found)


def _print(found: Report) -> None:
    period = f"{found.since} to {found.until}" if found.asked.days else f"all until {found.until}"
    click.echo(f"{found.product}, {period}, environment {found.asked.environment}")
    for name, answer in found.answers.items():
        if (not answer.rows and not answer.withheld) or (name == "active_by_day" and len(answer.rows) > _MOST_DAYS):
            continue
        title = f"{found.versions[1]} against {found.versions[0]}" if name == "compared" and found.versions else name
        click.echo(f"\n{styled(title.replace('_', ' '), bold=True)}")
        if answer.rows:
            columns = [Column(column.upper(), right=_is_number(answer, at)) for at, column in enumerate(answer.columns)]
            print_table(columns, [_texts(answer.columns, row) for row in answer.rows])
        if answer.withheld:
            click.echo(f"({answer.withheld} left out: fewer than {found.asked.least} installations)")


def _is_number(answer: Answer, at: int) -> bool:
    return any(isinstance(row[at], (int, float)) for row in answer.rows)


def _texts(columns: Sequence[str], row: Sequence[Any]) -> list[str]:
    measure = row[0] if columns[0] == "measure" else None
    return [figure(column, value, measure) for column, value in zip(columns, row, strict=True)]


def _export(db: Path, folder: Path) -> None:
    from otel_agent_telemetry.maintainers.book._export import export

    try:
        files: Sequence[Path] = export(db, folder)
    except ModuleNotFoundError as error:
        msg = f"--export needs {error.name}; get it with: pip install 'otel-agent-telemetry[parquet]'"
        raise InputError(msg) from error
    except sqlite3.Error as error:
        msg = f"{db} is no book of a proxy's ({error}); `agent-telemetry proxy --db {db}` makes one"
        raise InputError(msg) from error
    click.echo(f"wrote {len(files)} {'file' if len(files) == 1 else 'files'} to {folder}", err=True)
