"""``export`` and ``import``: OTLP JSON lines, as the Collector's file exporter writes them."""

from __future__ import annotations

import gzip
import json
import os
import sys
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

import click

from otel_agent_telemetry.cli._follow import appended_lines
from otel_agent_telemetry.cli._opened import db_option, failures, json_option, opened, print_json
from otel_agent_telemetry.errors import InputError
from otel_agent_telemetry.local import (
    Imported,
    Store,
    default_store,
    export_all,
    export_trace,
    find_trace,
    import_line,
)

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["export", "import_"]

_GZIP = b"\x1f\x8b"
_LARGEST_DOCUMENT = 64 * 2**20


@click.command(short_help="Write OTLP JSON lines.")
@click.argument("trace", required=False)
@click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="A file instead of stdout.")
@db_option
@json_option
def export(*, trace: str | None, output: Path | None, db: Path | None, as_json: bool) -> None:
    """Write TRACE, or everything, as OTLP JSON lines: what the Collector's file exporter writes and `import` reads.

    With --json, `-o FILE` reports {"lines": N} on stdout; without -o the lines themselves are the JSON.
    """
    with opened(db) as connection:
        lines = export_all(connection) if trace is None else export_trace(connection, find_trace(connection, trace)[0])
        if output is None:
            for line in lines:
                click.echo(line)
            return
        count = 0
        with output.open("w", encoding="utf-8") as file:
            for line in lines:
                file.write(line + "\n")
                count += 1
    if as_json:
        print_json({"lines": count})
    else:
        click.echo(f"{count} lines in {output}", err=True)


@click.command(name="import", short_help="Read OTLP JSON lines.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--follow", is_flag=True, help="Go on with the lines that are written to FILE, until Ctrl-C.")
@db_option
@json_option
def import_(*, file: Path, follow: bool, db: Path | None, as_json: bool) -> None:
    """Store what FILE holds: OTLP JSON lines (also gzipped), or one OTLP JSON document; - reads stdin.

    What the store holds already is left as it is, so reading a file again changes nothing.
    """
    read = Imported()
    with failures(), closing(Store(db or default_store())) as store:
        if follow:
            _follow(store, file, read)
        else:
            with _bytes_of(file) as stream:
                _import_stream(store, stream, file, read, quiet=as_json)
        while store.settle():
            pass
    if as_json:
        print_json({"spans": read.spans, "logs": read.logs, "metrics": read.metrics, "refused_spans": read.refused})
    else:
        refused = f"; {read.refused} spans without valid ids were left out" if read.refused else ""
        click.echo(f"{read.spans} spans, {read.logs} log records, {read.metrics} metrics{refused}", err=True)


def _follow(store: Store, file: Path, read: Imported) -> None:
    """Import lines as they are written; one that cannot be read is named and left out, as more will come."""
    if str(file) == "-":
        raise InputError("--follow reads a file that grows, not stdin; leave it out: stdin is read to its end anyway")
    with suppress(KeyboardInterrupt):
        for line in appended_lines(file):
            if line is None:
                store.settle()
            elif line.strip():
                try:
                    import_line(store, line, read)
                except InputError as error:
                    click.echo(f"a line of {file} is left out: {error}", err=True)


@contextmanager
def _bytes_of(file: Path) -> Generator[IO[bytes]]:
    if str(file) == "-":
        yield sys.stdin.buffer
        return
    with file.open("rb") as raw:
        packed = raw.read(2) == _GZIP
        raw.seek(0)
        yield cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if packed else raw


def _import_stream(store: Store, stream: IO[bytes], file: Path, read: Imported, *, quiet: bool) -> None:
    size = os.path.getsize(file) if str(file) != "-" else 0
    hidden = quiet or not sys.stderr.isatty()
    with click.progressbar(length=size, label="importing", file=sys.stderr, hidden=hidden) as bar:
        for number, line in enumerate(stream, 1):
            if number == 1 and not _is_whole(line):
                line += stream.read(_LARGEST_DOCUMENT)  # noqa: PLW2901 - a document that goes on below its first line
            if line.strip():
                _import_line(store, line, file, number, read)
            bar.update(len(line))


def _is_whole(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _import_line(store: Store, line: bytes, file: Path, number: int, read: Imported) -> None:
    try:
        import_line(store, line, read)
    except InputError as error:
        msg = f"line {number} of {file}: {error}; the {number - 1} lines before it are stored"
        raise InputError(msg) from error
