"""What can be taken away of a trace: OTLP JSON lines, the Trace Event Format, a table as CSV."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, TypedDict

from otel_agent_telemetry.local.read._answers import json_text
from otel_agent_telemetry.local.read._moments import iso
from otel_agent_telemetry.local.read.trace._bare import bare
from otel_agent_telemetry.local.read.trace._chrome import chrome_events
from otel_agent_telemetry.local.read.trace._span import span_number
from otel_agent_telemetry.local.read.trace._tree import trace_tree
from otel_agent_telemetry.local.store._lines import export_trace, trace_lines

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = ["FORMATS", "Takeaway", "csv_lines", "formatted_lines", "span_json", "takeaway"]

FORMATS = {
    "otlp": (".jsonl", "application/jsonl"),
    "chrome": (".trace.json", "application/json"),
    "csv": (".csv", "text/csv"),
}
"""Format -> how its file's name ends, and its media type."""

_FORMULAS = ("=", "+", "-", "@", "\t", "\r")
_COLUMNS = (
    "span_id",
    "parent_span_id",
    "start",
    "duration_ms",
    "name",
    "service",
    "kind",
    "model",
    "tool",
    "agent",
    "status",
    "error_type",
    "counted",
    "repeats",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "cost_usd",
    "cost_is_estimate",
)


class Takeaway(TypedDict):
    """A file to be saved: a name for it, its media type and its text."""

    name: str
    type: str
    text: str


def takeaway(connection: sqlite3.Connection, trace: int, trace_id: str, wanted: str, *, content: bool) -> Takeaway:
    """The trace as a file in one of :data:`FORMATS`; prompts and answers are left out without ``content``."""
    ending, kind = FORMATS[wanted]
    lines = formatted_lines(connection, trace, wanted, content=content, shares=True)
    return {"name": f"trace-{trace_id[:16]}{ending}", "type": kind, "text": "".join(f"{line}\n" for line in lines)}


def formatted_lines(
    connection: sqlite3.Connection, trace: int, wanted: str, *, content: bool, shares: bool = False
) -> Iterator[str]:
    """The lines of the trace in one of :data:`FORMATS`.

    Without ``content``, OTLP lines leave out what coding agents said; with ``shares`` also what a service recorded of
    prompts and answers, as the other formats always do.
    """
    if wanted == "chrome":
        return _chrome_lines(connection, trace, content=content)
    if wanted == "csv":
        return _span_lines(connection, trace)
    if shares and not content:
        return trace_lines(connection, trace, bare)
    return export_trace(connection, trace, content=content)


def span_json(connection: sqlite3.Connection, trace: int, span_id: str, *, content: bool) -> str:
    """The span as OTLP JSON, with its resource and scope. Raises InputError where the trace has no such span."""
    number = span_number(connection, trace, span_id)
    return next(trace_lines(connection, trace, None if content else bare, span=number))


def csv_lines(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> Iterator[str]:
    """Titles and rows as CSV (RFC 4180) without line ends; what is not known is empty.

    A text that a spreadsheet would take as a formula gets an apostrophe before it.
    """
    yield _csv_line(columns)
    for row in rows:
        yield _csv_line([_cell(row[column]) for column in columns])


def _chrome_lines(connection: sqlite3.Connection, trace: int, *, content: bool) -> Iterator[str]:
    yield '{"displayTimeUnit": "ms", "traceEvents": ['
    before = ""
    for event in chrome_events(connection, trace, content=content):
        if before:
            yield f"{before},"
        before = json_text(event)
    yield before
    yield "]}"


def _span_lines(connection: sqlite3.Connection, trace: int) -> Iterator[str]:
    began = connection.execute("SELECT min(start_ns) FROM spans WHERE trace = ?", (trace,)).fetchone()[0] or 0
    spans = trace_tree(connection, trace)["spans"]
    return csv_lines(_COLUMNS, ({**span, "start": iso(began + round(span["offset_ms"] * 1e6))} for span in spans))


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULAS) else text


def _csv_line(cells: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()
