"""OTLP JSON lines, as the Collector's file exporter writes them: one request a line, out and in again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from otel_agent_telemetry.local.store._taken import store_reading
from otel_agent_telemetry.meaning.harnesses import MADE, OPEN_RESOURCE, without_content
from otel_agent_telemetry.otlp._reader import read_json
from otel_agent_telemetry.otlp._requests import to_json
from otel_agent_telemetry.otlp._signals import LOGS, METRICS, TRACES

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator

    from otel_agent_telemetry.local.store._store import Store
    from otel_agent_telemetry.otlp._reading import Reading
    from otel_agent_telemetry.otlp._signals import Signal

__all__ = [
    "Clean",
    "Imported",
    "count_lines",
    "export_all",
    "export_trace",
    "import_line",
    "import_readings",
    "trace_lines",
]

_BATCH = 500


class Clean(Protocol):
    """Gives back a span, a log record or a metric as it is to be written."""

    def __call__(self, record: Any, *, of_agent: bool) -> Any:
        """The record itself or another; ``of_agent`` where a coding agent sent it."""
        ...


@dataclass(slots=True)
class Imported:
    """How many of each were stored, were there already, could not be read; and how many lines could not."""

    spans: int = 0
    logs: int = 0
    metrics: int = 0
    known_spans: int = 0
    known_logs: int = 0
    known_metrics: int = 0
    refused_spans: int = 0
    refused_logs: int = 0
    refused_metrics: int = 0
    skipped_lines: int = 0


def export_trace(connection: sqlite3.Connection, trace: int, *, content: bool = True) -> Iterator[str]:
    """The trace with that row id: a line of spans, and a line of log records where it has any.

    Without ``content``, what coding agents say of prompts, arguments, outputs and files is left out.
    """
    return trace_lines(connection, trace, None if content else _without_agents_content)


def trace_lines(
    connection: sqlite3.Connection, trace: int, clean: Clean | None, *, span: int | None = None
) -> Iterator[str]:
    """The same, each record as ``clean`` gives it back; of one span alone, without log records, where ``span`` says."""
    if span is not None:
        rows = connection.execute(_query("spans", "trace = ? AND span_id = ?"), (trace, span))
        yield from _lines(TRACES, rows, clean)
        return
    yield from _lines(TRACES, connection.execute(_query("spans", "trace = ?"), (trace,)), clean)
    of_trace = (
        "logs.trace_id IN (SELECT trace_id FROM traces WHERE id = ?1 UNION SELECT trace_id FROM homes WHERE trace = ?1)"
    )
    yield from _lines(LOGS, connection.execute(_query("logs", of_trace), (trace,)), clean)


def export_all(connection: sqlite3.Connection, *, content: bool = True) -> Iterator[str]:
    """Everything: a line for each trace's spans, then log records and metrics by the five hundred."""
    clean = None if content else _without_agents_content
    for (trace,) in connection.execute("SELECT id FROM traces ORDER BY id").fetchall():
        yield from _lines(TRACES, connection.execute(_query("spans", "trace = ?"), (trace,)), clean)
    for table, signal in (("logs", LOGS), ("metrics", METRICS)):
        rows = connection.execute(_query(table, "1"))
        while portion := rows.fetchmany(_BATCH):
            yield from _lines(signal, portion, clean)


def count_lines(connection: sqlite3.Connection) -> int:
    """About how many lines :func:`export_all` gives."""
    tables = ("traces", "logs", "metrics")
    traces, *others = (connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables)
    return int(traces + sum(-(-count // _BATCH) for count in others))


def _query(table: str, where: str) -> str:
    return (
        f"SELECT origins.resource, origins.resource_schema, origins.scope_body, origins.scope_schema, {table}.body, "
        f"origins.harness FROM {table} JOIN origins ON origins.id = {table}.origin "
        f"WHERE {where} AND origins.scope != '{MADE}' ORDER BY {table}.id"
    )


def import_line(store: Store, line: str | bytes, into: Imported) -> None:
    """Store one line of OTLP JSON. Raises MalformedError where it is none."""
    import_readings(store, read_json(line.encode() if isinstance(line, str) else line), into)


def import_readings(store: Store, readings: Iterable[Reading], into: Imported) -> None:
    """Store what was read of a line; what the store holds already is not stored twice."""
    for reading in readings:
        added = store_reading(store, reading, only_new=True)
        what = reading.signal.captured.replace("traces", "spans")
        for name, count in ((what, added.new), (f"known_{what}", added.known), (f"refused_{what}", reading.refused)):
            setattr(into, name, getattr(into, name) + count)


def _without_agents_content(record: Any, *, of_agent: bool) -> Any:
    return without_content(record) if of_agent else record


def _lines(signal: Signal, rows: Iterable[Any], clean: Clean | None) -> Iterator[str]:
    """One line with all the rows, those of one origin together in the order of its first."""
    request = signal.request()
    if not _fill(request, signal, rows, clean):
        return
    yield json.dumps(to_json(request), ensure_ascii=False, separators=(",", ":"))


def _fill(request: Any, signal: Signal, rows: Iterable[Any], clean: Clean | None) -> bool:
    resources: dict[tuple[bytes, str], Any] = {}
    scopes: dict[tuple[bytes, str, bytes, str], Any] = {}
    for resource, resource_schema, scope, scope_schema, body, harness in rows:
        of_agent = harness is not None
        holder = resources.get((resource, resource_schema))
        if holder is None:
            about = Resource.FromString(resource)
            is_hidden = of_agent and clean is not None
            holder = getattr(request, signal.resources).add(
                resource=without_content(about, OPEN_RESOURCE) if is_hidden else about, schema_url=resource_schema
            )
            resources[resource, resource_schema] = holder
        origin = (resource, resource_schema, scope, scope_schema)
        if origin not in scopes:
            scopes[origin] = getattr(holder, signal.scopes).add(
                scope=InstrumentationScope.FromString(scope), schema_url=scope_schema
            )
        record = getattr(scopes[origin], signal.records).add()
        record.MergeFromString(body)
        if clean is not None:
            record.CopyFrom(clean(record, of_agent=of_agent))
    return bool(resources)
