"""``traces``: the list of traces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from otel_agent_telemetry.cli._opened import DURATION, MOMENT, db_option, json_option, opened, print_json, tell_empty
from otel_agent_telemetry.cli._table import Column, amount, dollars, duration, print_table
from otel_agent_telemetry.cli._when import local_time, titled
from otel_agent_telemetry.errors import InputError
from otel_agent_telemetry.local import SORTS, TraceFilter, list_traces, parse_query

if TYPE_CHECKING:
    from pathlib import Path

    from otel_agent_telemetry.local import TraceShape

__all__ = ["traces"]

_COLUMNS = [
    Column("NAME", stretch=True),
    Column("SERVICE", 6, stretch=True),
    Column("MODELS", 7, stretch=True),
    Column("SPANS", 4, right=True),
    Column("CALLS", 4, right=True),
    Column("IN", 2, right=True),
    Column("OUT", 2, right=True),
    Column("COST", 3, right=True),
    Column("STATUS"),
    Column("DURATION", 1, right=True),
]


@click.command(short_help="List traces.")
@click.option("--query", "-q", help="Only traces that match, such as 'model:gpt-5 dur:>2s error \"refund\"'.")
@click.option("--service", help="Only traces that this service took part in.")
@click.option("--name", help="Only traces whose name contains this.")
@click.option(
    "--attribute", "-a", "attribute", multiple=True, metavar="KEY=VALUE", help="Only traces with such a span."
)
@click.option("--text", help="Only traces with a span that contains this text anywhere.")
@click.option(
    "--status", type=click.Choice(["ok", "error", "cancelled"]), help="error: at least one span failed; ok: none did."
)
@click.option("--min-duration", callback=DURATION, help="Only traces that took at least this long, such as 500ms.")
@click.option("--max-duration", callback=DURATION, help="Only traces that took at most this long, such as 2s.")
@click.option("--model", help="Only traces that called this model.")
@click.option("--agent", help="Only traces that this agent took part in.")
@click.option("--tool", help="Only traces that called this tool.")
@click.option("--session", help="Only traces of this session.")
@click.option("--user", help="Only traces that worked for this user.")
@click.option("--since", callback=MOMENT, help="Start of the period: a time, or an age such as 2h.")
@click.option("--until", callback=MOMENT, help="End of the period: a time, or an age such as 1h.")
@click.option("--sort", type=click.Choice(list(SORTS)), default="start", show_default=True, help="The highest first.")
@click.option("--limit", type=click.IntRange(1, 100000), default=20, show_default=True, help="Print at most this many.")
@db_option
@json_option
def traces(
    *,
    query: str | None,
    attribute: tuple[str, ...],
    sort: str,
    limit: int,
    db: Path | None,
    as_json: bool,
    **filters: str | int | None,
) -> None:
    """List traces, the latest first; a trace has to match every option.

    A --query consists of words and "quoted texts", searched for anywhere in a trace; of key:value, with the keys model,
    tool, agent, service, session, user, kind, status, name, text, dur, cost, tokens, spans, calls, errors, since and
    until; and of attribute=value. a,b means either, - before a term negates it, and > >= < <= compare figures.
    """
    with opened(db) as connection:
        found = list_traces(connection, _wanted(query, attribute, filters), sort=sort, limit=limit)
        if not found and not as_json:
            tell_empty(connection)
            return
    if as_json:
        print_json(found)
    else:
        start = Column(titled("START", (trace["start"] for trace in found)), 5)
        print_table([Column("TRACE"), start, *_COLUMNS], [_row(trace) for trace in found])


def _wanted(query: str | None, pairs: tuple[str, ...], filters: dict[str, str | int | None]) -> TraceFilter:
    named = {_FILTERS.get(key, key): value for key, value in filters.items()}
    asked = parse_query(query or "")
    return TraceFilter(query=asked, attributes=tuple(_pair(text) for text in pairs), **named)  # pyright: ignore[reportArgumentType] - click has checked them


_FILTERS = {
    "since": "since_ns",
    "until": "until_ns",
    "min_duration": "min_duration_ns",
    "max_duration": "max_duration_ns",
}


def _pair(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not separator or not key:
        msg = f"--attribute {text!r} has no value; expected KEY=VALUE such as gen_ai.request.model=gpt-4o"
        raise InputError(msg)
    return key, value


def _row(trace: TraceShape) -> list[str]:
    return [
        trace["trace_id"][:16],
        local_time(trace["start"]),
        trace["name"],
        trace["service"],
        ", ".join(trace["models"]),
        amount(trace["spans"]),
        amount(trace["calls"]),
        amount(trace["input_tokens"]),
        amount(trace["output_tokens"]),
        dollars(trace["cost_usd"], is_estimate=trace["cost_is_estimate"], unpriced=trace["unpriced_calls"]),
        trace["status"],
        duration(trace["duration_ms"]),
    ]
