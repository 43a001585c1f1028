"""``export`` and ``import``: OTLP JSON lines, as the Collector's file exporter writes them; more is read."""

from __future__ import annotations

import os
import sys
from contextlib import closing, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from otel_agent_telemetry.cli._faults import Faults
from otel_agent_telemetry.cli._follow import appended_lines
from otel_agent_telemetry.cli._opened import db_option, failures, json_option, open_store, opened, print_json, settle
from otel_agent_telemetry.cli._progress import is_shown, progress
from otel_agent_telemetry.cli._streams import echo_json
from otel_agent_telemetry.cli._table import counted
from otel_agent_telemetry.errors import InputError
from otel_agent_telemetry.local import (
    FORMATS,
    Imported,
    Store,
    count_lines,
    default_store,
    export_all,
    find_trace,
    formatted_lines,
    import_readings,
)
from otel_agent_telemetry.otlp._files import is_gzip, open_file, read_line, read_lines

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from otel_agent_telemetry.otlp._files import Line

__all__ = ["export", "import_"]


@click.command(short_help="Write OTLP JSON lines.")
@click.argument("trace", required=False)
@click.option(
    "--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="Write there instead of to stdout."
)
@click.option(
    "--format",
    "wanted",
    type=click.Choice(list(FORMATS)),
    default="otlp",
    show_default=True,
    help="OTLP JSON lines; chrome for Perfetto and chrome://tracing; csv for a row per span.",
)
@click.option("--content", is_flag=True, help="Include prompts, arguments, outputs and files that coding agents send.")
@db_option
@json_option
def export(
    *, trace: str | None, output: Path | None, wanted: str, content: bool, db: Path | None, as_json: bool
) -> None:
    """Write TRACE, or everything, as OTLP JSON lines: what the Collector's file exporter writes and `import` reads.

    One TRACE can also be written for Perfetto (--format chrome) or as a table (--format csv); without --content, those
    contain no prompt, answer, tool argument or result.

    With --json, `-o FILE` reports {"lines": N} on stdout; without -o the lines themselves are the JSON.
    """
    with opened(db) as connection:
        lines = _exported(connection, trace, wanted, content=content, quiet=output is None)
        if output is None:
            for line in lines:
                echo_json(line)
            return
        count = 0
        with output.open("w", encoding="utf-8") as file:
            for line in lines:
                file.write(line + "\n")
                count += 1
    if as_json:
        print_json({"lines": count})
    else:
        click.echo(f"{counted(count, 'line')} in {output}", err=True)


def _exported(
    connection: sqlite3.Connection, trace: str | None, wanted: str, *, content: bool, quiet: bool
) -> Iterator[str]:
    if trace is not None:
        return formatted_lines(connection, find_trace(connection, trace)[0], wanted, content=content)
    if wanted != "otlp":
        raise InputError(
            f"--format {wanted} is of one trace; name it: `agent-telemetry export --format {wanted} latest`"
        )
    return _counted(export_all(connection, content=content), connection, quiet=quiet)


def _counted(lines: Iterator[str], connection: sqlite3.Connection, *, quiet: bool) -> Iterator[str]:
    """The lines, with a bar unless they go to the same terminal."""
    if not is_shown() or (quiet and sys.stdout.isatty()):
        yield from lines
        return
    with progress("exporting", count_lines(connection)) as update:
        for line in lines:
            yield line
            update(1)


@click.command(name="import", short_help="Read OTLP JSON lines.")
@click.argument(
    "files",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
    nargs=-1,
    required=True,
    metavar="FILE...",
)
@click.option("--follow", is_flag=True, help="Keep reading lines as they are written to FILE, until Ctrl-C.")
@db_option
@json_option
def import_(*, files: tuple[Path, ...], follow: bool, db: Path | None, as_json: bool) -> None:
    """Store what FILE holds: OTLP JSON lines, one OTLP JSON document, or a request in protobuf, also gzipped.

    The name - stands for stdin. What the store already holds stays as it is, so reading a file again changes nothing.
    A line or record that cannot be read is reported and left out. Exit code 2 if nothing in a FILE could be read; the
    other FILEs are stored all the same.
    """
    if follow and len(files) > 1:
        raise click.UsageError("--follow reads one FILE; run one `agent-telemetry import --follow` for each")
    read, unread = Imported(), list[InputError]()
    with failures(), closing(open_store(db or default_store())) as store:
        for file in files:
            try:
                _import_file(store, file, read, follow=follow, quiet=as_json)
            except InputError as error:
                unread.append(error)
        settle(store)
        if len(unread) == len(files):
            raise unread[0]
    if as_json:
        print_json(asdict(read))
    else:
        click.echo(_summary(read), err=True)
    with failures():
        if unread:
            raise InputError("; ".join(map(str, unread)))


def _import_file(store: Store, file: Path, read: Imported, *, follow: bool, quiet: bool) -> None:
    faults = Faults(str(file))
    try:
        for line in _followed(file) if follow else _lines_of(file, quiet=quiet):
            _import(store, line, read, faults)
    finally:
        faults.close()


def _import(store: Store, line: Line | None, read: Imported, faults: Faults) -> None:
    if line is None:
        store.settle()
        return
    import_readings(store, line.readings, read)
    read.skipped_lines += bool(line.broken)
    for fault in line.faults():
        faults.tell(line.number, fault)


def _summary(read: Imported) -> str:
    stored = ", ".join([counted(read.spans, "span"), counted(read.logs, "log record"), counted(read.metrics, "metric")])
    known = {"span": read.known_spans, "log record": read.known_logs, "metric": read.known_metrics}
    left = {
        "span": read.refused_spans,
        "log record": read.refused_logs,
        "metric": read.refused_metrics,
        "line": read.skipped_lines,
    }
    return "; ".join([stored, *_told(known, "already there"), *_told(left, "left out")])


def _told(counts: dict[str, int], what_became: str) -> list[str]:
    told = [counted(count, what) for what, count in counts.items() if count]
    return [f"{', '.join(told)} {what_became}"] if told else []


def _followed(file: Path) -> Iterator[Line | None]:
    """Lines as they are written; None whenever there is nothing more for now."""
    if str(file) == "-":
        raise InputError("--follow reads a file that grows, not stdin; leave it out: stdin is read to its end anyway")
    with file.open("rb") as stream:
        if is_gzip(stream):
            raise InputError(f"--follow reads lines as they are written, and {file} is gzip; leave it out")
    with suppress(KeyboardInterrupt):
        for number, line in appended_lines(file):
            if line is None:
                yield None
            elif line.strip():
                yield read_line(number, line)


def _lines_of(file: Path, *, quiet: bool) -> Iterator[Line]:
    size = os.path.getsize(file) if str(file) != "-" else 0
    has_content = broken = False
    with (
        open_file(str(file)) as stream,
        progress("importing", size or None, quiet=quiet) as update,
    ):
        for line in read_lines(stream):
            has_content = has_content or not line.broken
            broken = broken or bool(line.broken)
            yield line
            update(line.size)
    if broken and not has_content:
        raise InputError(
            f"{file} holds nothing that can be read; expected OTLP, such as `agent-telemetry export` writes"
        )
