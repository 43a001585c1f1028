"""``agent-telemetry events``: the ledger, byte for byte."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from otel_agent_telemetry._folder import ledger_file
from otel_agent_telemetry.cli._destination import Destination, moment, state_in_words
from otel_agent_telemetry.cli._product import product_option, settings_for, state_dir_option
from otel_agent_telemetry.cli._table import counted
from otel_agent_telemetry.pipeline.sending._others import has_own, other_ledgers
from otel_agent_telemetry.pipeline.sending.ledger import KEPT_EVENTS, Ledger

if TYPE_CHECKING:
    from otel_agent_telemetry.pipeline.sending._others import Other

__all__ = ["events"]


@click.command(short_help="Show every recorded anonymous event, byte for byte.")
@product_option
@state_dir_option
@click.option("--json", "bodies", is_flag=True, help="Print the request bodies alone, one per line, byte for byte.")
@click.option("--next", "next_only", is_flag=True, help="Print the exact body of the next request.")
@click.option("--limit", type=click.IntRange(min=1), help="Print only the newest N.")
def events(product: str | None, state_dir: str | None, *, bodies: bool, next_only: bool, limit: int | None) -> None:
    """Show every recorded anonymous event: its time, its name, whether it was sent, and its exact bytes.

    Events in ledgers of other versions of this package come first; those ledgers are only read.
    """
    settings, found = settings_for(product, state_dir)
    path = None if found is None else ledger_file(settings.state_dir, found)
    others = [] if path is None else other_ledgers(path)
    if path is None or not (others or has_own(path)):
        click.echo(
            f"no events are recorded in {settings.state_dir}; `agent-telemetry status` says whether they are on",
            err=True,
        )
        return
    for other in [] if next_only else others:
        _tell_other(other, limit or KEPT_EVENTS, bodies=bodies)
    if not has_own(path):
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
        click.echo(_line(entry.created_at, f"{state:<{width}}", entry.name, entry.body))


def _tell_other(other: Other, limit: int, *, bodies: bool) -> None:
    kept = other.events(limit)
    by = f"{other.name} is kept by another version of this package (tables {other.version})"
    click.echo(f"{by}: {counted(len(kept), 'event')}", err=True)
    for at, state, name, body in kept:
        if bodies:
            _write(body)
        else:
            click.echo(_line(at, state, name, body))


def _write(body: bytes) -> None:
    sys.stdout.buffer.write(body + b"\n")
    sys.stdout.buffer.flush()


def _line(at: float, state: str, name: str, body: bytes) -> str:
    return f"{moment(at)}  {state}  {name:<24} {body.decode('utf-8', 'replace')}"
