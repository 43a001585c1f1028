"""``tail``: spans as they arrive."""

from __future__ import annotations

import time
from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING

import click

from otel_agent_telemetry.cli._opened import db_option, existing, failures, json_option, open_store
from otel_agent_telemetry.cli._streams import echo_json
from otel_agent_telemetry.cli._table import clean, duration, styled
from otel_agent_telemetry.cli._when import clock_time
from otel_agent_telemetry.local import json_text, newest_span, recent_spans

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from otel_agent_telemetry.local import RecentShape, Store

__all__ = ["tail"]

_POLL_SECONDS = 0.2
_STYLES = {"error": "red", "cancelled": "yellow", "superseded": "yellow"}


@click.command(short_help="Print spans as they arrive.")
@click.option("--service", help="Only spans of this service.")
@click.option("--kind", help="Only spans of this kind, such as model, tool, agent, task or session.")
@click.option("--from-start", is_flag=True, help="Begin with what the store already holds.")
@click.option("--limit", type=click.IntRange(1), help="Stop after this many spans.")
@db_option
@json_option
def tail(
    *, service: str | None, kind: str | None, from_start: bool, limit: int | None, db: Path | None, as_json: bool
) -> None:
    """Print each span when it reaches the store, until Ctrl-C; with --json, one object per line."""
    with failures(), closing(open_store(existing(db))) as store:
        while store.read_new():  # what a server that was killed left unread
            pass
        click.echo(f"Waiting for spans in {store.path}; Ctrl-C ends.", err=True)
        spans = (
            span
            for span in _arriving(store, from_start=from_start)
            if service in {None, span["service"]} and kind in {None, span["kind"]}
        )
        try:
            for span in islice(spans, limit):
                if as_json:
                    echo_json(json_text(span))
                else:
                    click.echo(_line(span))
        except KeyboardInterrupt:
            return


def _arriving(store: Store, *, from_start: bool) -> Iterator[RecentShape]:
    with closing(store.reader()) as connection:
        mark = 0 if from_start else newest_span(connection)
    while True:
        with closing(store.reader()) as connection:  # another one each time it is another file
            identity = store.file.identity()
            while store.file.identity() == identity:
                mark, spans = recent_spans(connection, mark)
                yield from spans
                if not spans:
                    time.sleep(_POLL_SECONDS)
        mark = 0


def _line(span: RecentShape) -> str:
    tokens = f"{span['input_tokens']}/{span['output_tokens']} tokens" if span["input_tokens"] is not None else ""
    about = span["model"] or span["tool"] or span["agent"] or ""
    parts = [clock_time(span["start"]), span["trace_id"][:8], span["service"], span["kind"] or "-", span["name"]]
    parts += [about if about not in span["name"] else "", tokens, span["status"], duration(span["duration_ms"])]
    colour = _STYLES.get(span["status"])
    line = "  ".join(clean(part) for part in parts if part)
    return styled(line, fg=colour) if colour else line
