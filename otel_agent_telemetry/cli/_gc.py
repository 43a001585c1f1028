"""``gc``: let old telemetry go."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import click

from otel_agent_telemetry.cli._opened import (
    DURATION,
    SIZE,
    db_option,
    existing,
    failures,
    json_option,
    open_store,
    print_json,
)
from otel_agent_telemetry.cli._progress import progress
from otel_agent_telemetry.cli._table import counted
from otel_agent_telemetry.local import Collected, Limits, collect

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["gc"]


@click.command(short_help="Delete old telemetry.")
@click.option(
    "--retention",
    default="7d",
    show_default=True,
    callback=DURATION,
    help="Keep what arrived within this time; 0s keeps nothing.",
)
@click.option("--max-size", default="1GB", show_default=True, callback=SIZE, help="Keep the newest up to this size.")
@db_option
@json_option
def gc(*, retention: int, max_size: int, db: Path | None, as_json: bool) -> None:
    """Delete what is older than --retention or beyond --max-size, oldest first, as `serve` does while it runs."""
    with failures():
        done = _collected(existing(db), Limits(age_ns=retention, size_bytes=max_size))
    if as_json:
        print_json({name: getattr(done, name) for name in ("traces", "logs", "metrics", "events", "bytes_freed")})
    else:
        names = {"trace": done.traces, "log record": done.logs, "metric": done.metrics, "event": done.events}
        *some, last = (counted(count, name) for name, count in names.items())
        freed = counted(done.bytes_freed, "byte")
        click.echo(f"{', '.join(some)} and {last} let go, {freed} freed", err=True)


def _collected(path: Path, limits: Limits) -> Collected:
    if not path.exists():
        return Collected()
    with closing(open_store(path)) as store, progress("letting go") as update:
        return collect(store, limits, tell=update)
