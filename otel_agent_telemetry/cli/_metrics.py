"""``metrics``: the instruments there are, and one over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from otel_agent_telemetry.cli._opened import MOMENT, db_option, json_option, opened, print_json
from otel_agent_telemetry.cli._table import Column, amount, print_table
from otel_agent_telemetry.cli._when import local_time, titled
from otel_agent_telemetry.local import instruments, metric

if TYPE_CHECKING:
    from pathlib import Path

    from otel_agent_telemetry.local import InstrumentShape, LineShape, MetricShape, Step

__all__ = ["metrics"]

_LEVEL = ["VALUE"]
_DISTRIBUTED = ["COUNT", "MEAN", "P50", "P95", "P99"]


@click.command(short_help="List metrics, or show one over time.")
@click.argument("name", required=False)
@click.option("--service", help="Only metrics of this service.")
@click.option("--by", help="One line for each value of this attribute instead of each set of attributes.")
@click.option("--since", callback=MOMENT, help="Start of the period: a time, or an age such as 2h.")
@click.option("--until", callback=MOMENT, help="End of the period: a time, or an age such as 1h.")
@db_option
@json_option
def metrics(
    *,
    name: str | None,
    service: str | None,
    by: str | None,
    since: int | None,
    until: int | None,
    db: Path | None,
    as_json: bool,
) -> None:
    """List every instrument; with NAME, show what it measured: the increase of a counter, a level, percentiles."""
    with opened(db) as connection:
        if name is None:
            _list([row for row in instruments(connection) if service in (None, row["service"])], as_json=as_json)
            return
        found = metric(connection, name, service=service, by=by, since_ns=since, until_ns=until)
    if as_json:
        print_json(found)
    else:
        _print_metric(found)


def _list(rows: list[InstrumentShape], *, as_json: bool) -> None:
    if as_json:
        print_json(rows)
    elif rows:
        columns = [Column("NAME", stretch=True), Column("KIND", 2), Column("UNIT", 1), Column("SERVICE", stretch=True)]
        columns += [Column("READINGS", 3, right=True), Column(titled("LAST", (row["last_seen"] for row in rows)), 4)]
        columns += [Column("DESCRIPTION", 5, stretch=True)]
        print_table(columns, [_row(row) for row in rows])
    else:
        click.echo("No metric has arrived yet; programs send them to /v1/metrics of `agent-telemetry serve`.", err=True)


def _row(row: InstrumentShape) -> list[str]:
    return [
        row["name"],
        _kind(row["kind"], row["temporality"]),
        row["unit"],
        row["service"],
        amount(row["readings"]),
        local_time(row["last_seen"]),
        row["description"],
    ]


def _kind(kind: str, temporality: str | None) -> str:
    words = kind.replace("_", " ")
    return f"{words}, {temporality}" if temporality and kind != "summary" else words


def _print_metric(found: MetricShape) -> None:
    unit = f", in {found['unit']}" if found["unit"] else ""
    click.echo(f"{found['name']}: {_kind(found['kind'], found['temporality'])}{unit}", err=True)
    if found["others"]:
        click.echo(f"{found['others']} more lines are left out; --by ATTRIBUTE puts them together", err=True)
    if not found["is_all"]:
        click.echo("only its latest readings; --since names a shorter time", err=True)
    is_spread = any(step["count"] is not None for line in found["lines"] for step in line["steps"])
    times = (step["start"] for line in found["lines"] for step in line["steps"])
    columns = [Column(titled("TIME", times)), Column("ATTRIBUTES", stretch=True)]
    columns += [Column(title, right=True) for title in (_DISTRIBUTED if is_spread else _LEVEL)]
    print_table(columns, [row for line in found["lines"] for row in _steps(line, is_spread=is_spread)])


def _steps(line: LineShape, *, is_spread: bool) -> list[list[str]]:
    about = " ".join(f"{key}={value}" for key, value in line["attributes"].items())
    return [
        [local_time(step["start"]), about, *map(_figure, _distributed(step) if is_spread else [step["value"]])]
        for step in line["steps"]
    ]


def _distributed(step: Step) -> list[float | None]:
    return [step["count"], step["value"], step["p50"], step["p95"], step["p99"]]


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:,.6g}"
