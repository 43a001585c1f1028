"""The store behind a command, and what its options mean."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from otel_agent_telemetry.cli._progress import is_shown, progress, waiting
from otel_agent_telemetry.cli._streams import echo_json
from otel_agent_telemetry.errors import InputError, TelemetryError
from otel_agent_telemetry.local import (
    Budget,
    Store,
    default_store,
    empty,
    json_text,
    parse_budget,
    parse_duration_ns,
    parse_moment_ns,
    parse_size,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

__all__ = [
    "BUDGETS",
    "DURATION",
    "MOMENT",
    "SIZE",
    "db_option",
    "existing",
    "failures",
    "json_option",
    "open_store",
    "opened",
    "print_json",
    "settle",
    "tell_empty",
]

_Command = TypeVar("_Command", bound="Callable[..., Any]")


def parsed(parse: Callable[[str], int]) -> Callable[[click.Context, click.Parameter, str | None], int | None]:
    """An option's callback that reads its text; what the parser says of a wrong value becomes the usage error."""

    def read(_context: click.Context, _parameter: click.Parameter, text: str | None) -> int | None:
        try:
            return None if text is None else parse(text)
        except InputError as error:
            raise click.BadParameter(str(error)) from error

    return read


DURATION = parsed(parse_duration_ns)
SIZE = parsed(parse_size)
MOMENT = parsed(lambda text: parse_moment_ns(text, time.time_ns()))


def BUDGETS(_context: click.Context, _parameter: click.Parameter, texts: tuple[str, ...]) -> list[Budget]:  # noqa: N802 - as the others
    """An option's callback that reads each of its texts as a budget."""
    try:
        return [parse_budget(text) for text in texts]
    except InputError as error:
        raise click.BadParameter(str(error)) from error


class _UnusableError(click.ClickException):
    exit_code = 2


def db_option(command: _Command) -> _Command:
    """``--db PATH``, given to the command as ``db``."""
    return click.option(
        "--db",
        type=click.Path(dir_okay=False, path_type=Path),
        help="The trace store (default: AGENT_TELEMETRY_DB, or traces.sqlite in the state directory).",
    )(command)


def json_option(command: _Command) -> _Command:
    """``--json``, given to the command as ``as_json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")(command)


@contextmanager
def opened(db: Path | None) -> Generator[sqlite3.Connection]:
    """A reading connection to the store at ``db``, with every trace's totals worked out.

    Where none is named and none is there yet, it is empty.
    """
    with failures():
        path = existing(db)
        if not path.exists():
            with closing(empty()) as connection:
                yield connection
            return
        with closing(open_store(path)) as store:
            settle(store)
            with closing(store.reader()) as connection, _looked_through(store):
                yield connection


def open_store(path: Path) -> Store:
    """The store, which an older release may have written: bringing it up to date takes a while."""
    with waiting("opening the store"):
        return Store(path)


def settle(store: Store) -> None:
    """Work out the totals of all traces that changed."""
    with progress("adding up", store.unsettled() if is_shown() else None) as update:
        while done := store.settle():
            update(done)


@contextmanager
def _looked_through(store: Store) -> Generator[None]:
    try:
        yield
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        store.file.look_through()
        raise click.ClickException(f"{store.path} was broken: {error}") from error


def existing(db: Path | None) -> Path:
    """Where the store is; raises InputError where one is named that is not there, as a wrong name is never empty."""
    if db is None or db.exists():
        return db or default_store()
    raise InputError(
        f"--db {db}: there is no such file; leave --db out for {default_store()}, or fill a new store with "
        f"`agent-telemetry serve --db {db}` or `agent-telemetry import FILE --db {db}`"
    )


@contextmanager
def failures() -> Generator[None]:
    """What goes wrong becomes a line on stderr and an exit code: 2 for a value that cannot be used, 1 for the rest."""
    try:
        yield
    except InputError as error:
        raise _UnusableError(str(error)) from error
    except BrokenPipeError:
        raise
    except (TelemetryError, OSError, sqlite3.Error) as error:
        raise click.ClickException(str(error)) from error


def print_json(value: object) -> None:
    """The value as indented JSON on stdout."""
    echo_json(json_text(value, indent=2))


def tell_empty(connection: sqlite3.Connection, otherwise: str = "") -> None:
    """Say on stderr why there is nothing to see; ``otherwise`` where the store has traces, but none of these."""
    if connection.execute("SELECT 1 FROM traces LIMIT 1").fetchone():
        click.echo(otherwise or "No trace matches; leave out a filter, or look further back with --since.", err=True)
        return
    click.echo(
        "The store is empty. Fill it: `agent-telemetry run -- COMMAND` while `agent-telemetry serve` runs,\n"
        "or `agent-telemetry import FILE`.",
        err=True,
    )
