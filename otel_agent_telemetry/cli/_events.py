"""``agent-telemetry events``: the ledger, byte for byte."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from otel_agent_telemetry.cli._destination import Destination, moment, state_in_words
from otel_agent_telemetry.cli._product import product_option, settings_for, state_dir_option
from otel_agent_telemetry.pipeline.sending.ledger import Ledger, ledger_file

if TYPE_CHECKING:
    from otel_agent_telemetry.pipeline.sending.ledger import Entry

__all__ = ["events"]


@click.command()
@product_option
@state_dir_option
@click.option("--json", "bodies", is_flag=True, help="Print the request bodies alone, one per line, byte for byte.")
@click.option("--next", "next_only", is_flag=True, help="Print the exact body of the next request.")
@click.option("--limit", type=click.IntRange(min=1), help="Print only the newest N.")
def events(product: str | None, state_dir: str | None, *, bodies: bool, next_only: bool, limit: int | None) -> None:
    """Show every anonymous event that was recorded: when, which, whether it was sent, and its exact bytes."""
    settings, found = settings_for(product, state_dir)
    path = None if found is None else ledger_file(settings.state_dir, found)
    if path is None or not os.path.exists(path):
        click.echo(
            f"no events are recorded in {settings.state_dir}; `agent-telemetry status` says whether they are on",
            err=True,
        )
        return
    ledger = Ledger(path)
    if next_only:
        following = ledger.next_body(1)
        if following is None:
            click.echo("nothing waits to be sent", err=True)
        else:
            _write(following)
        return
    entries = ledger.events() if limit is None else ledger.events(limit)
    if bodies:
        for entry in entries:
            _write(entry.body)
        return
    destination = Destination.of(settings, found)
    if destination.last_run is not None:
        click.echo(f"destination: {destination.in_words()}", err=True)
    states = [state_in_words(entry.state, destination.last_run, settings.endpoint) for entry in entries]
    width = max(map(len, states), default=0)
    for entry, state in zip(entries, states, strict=True):
        click.echo(_line(entry, f"{state:<{width}}"))


def _write(body: bytes) -> None:
    sys.stdout.buffer.write(body + b"\n")
    sys.stdout.buffer.flush()


def _line(entry: Entry, state: str) -> str:
    return f"{moment(entry.created_at)}  {state}  {entry.name:<24} {entry.body.decode('utf-8', 'replace')}"
