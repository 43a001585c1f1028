"""``top``: what is at work right now."""

from __future__ import annotations

import sys
import time
from functools import partial
from typing import TYPE_CHECKING

import click

from otel_agent_telemetry.cli._opened import DURATION, db_option, existing, json_option, opened, print_json, tell_empty
from otel_agent_telemetry.cli._table import print_table
from otel_agent_telemetry.cli._top_rows import COLUMNS, row_of
from otel_agent_telemetry.local import running

if TYPE_CHECKING:
    from pathlib import Path

    from otel_agent_telemetry.local import RunningShape

__all__ = ["read", "top"]

_LIVE = "`pip install 'otel-agent-telemetry[top]'` makes it live."


@click.command(short_help="Show what is running right now.")
@click.option(
    "--within", default="5m", show_default=True, callback=DURATION, help="Show what sent something within this time."
)
@click.option("--interval", default="2s", show_default=True, callback=DURATION, help="Refresh this often.")
@click.option("--once", is_flag=True, help="Print it once, even at a terminal.")
@db_option
@json_option
def top(*, within: int, interval: int, once: bool, db: Path | None, as_json: bool) -> None:
    """Show running sessions and traces: calls, tools, tokens per minute, cost and errors, the latest first.

    At a terminal it fills the screen and refreshes; that needs the extra: pip install 'otel-agent-telemetry[top]'.
    Without a terminal, and with --once or --json, it prints once.
    """
    if as_json:
        print_json(read(db, within))
        return
    is_live = not once and sys.stdin.isatty() and sys.stdout.isatty()
    if is_live and _show_live(db, within, interval):
        return
    _print(db, within)
    if is_live:
        click.echo(_LIVE, err=True)


def _show_live(db: Path | None, within: int, interval: int) -> bool:
    """Whether there is what a full screen needs; then it has been shown until its end."""
    try:
        from otel_agent_telemetry.cli._top_screen import Screen
    except ModuleNotFoundError:
        return False
    read(db, within)  # a store that cannot be used is told of before the screen
    Screen(partial(read, db, within), seconds=max(interval / 10**9, 0.1), store=str(existing(db))).run()
    return True


def read(db: Path | None, within: int) -> list[RunningShape]:
    """Of what something arrived within that many nanoseconds."""
    with opened(db) as connection:
        return running(connection, now_ns=time.time_ns(), within_ns=within)


def _print(db: Path | None, within: int) -> None:
    with opened(db) as connection:
        found = running(connection, now_ns=time.time_ns(), within_ns=within)
        if not found:
            tell_empty(connection, "Nothing arrived lately; --within 1h looks further back.")
            return
    print_table([*COLUMNS], [row_of(shape) for shape in found])
