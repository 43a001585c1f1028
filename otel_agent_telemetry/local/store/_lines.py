"""OTLP JSON lines, as the Collector's file exporter writes them: one request a line, out and in again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from otel_agent_telemetry.otlp._requests import (
    ExportLogsServiceRequest,
    ExportMetricsServiceRequest,
    ExportTraceServiceRequest,
    MalformedError,
    from_document,
    to_json,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator

    from google.protobuf.message import Message

    from otel_agent_telemetry.local.store._store import Store

__all__ = ["Imported", "export_all", "export_trace", "import_document", "import_line"]

_BATCH = 500


@dataclass(slots=True)
class Imported:
    """How many of each were read; ``refused`` are spans without valid ids."""

    spans: int = 0
    logs: int = 0
    metrics: int = 0
    refused: int = 0


def export_trace(connection: sqlite3.Connection, trace: int) -> Iterator[str]:
    """The trace with that row id: a line of spans, and a line of log records where it has any."""
    yield from _lines(ExportTraceServiceRequest(), connection.execute(_query("spans", "trace = ?"), (trace,)))
    of_trace = "logs.trace_id = (SELECT trace_id FROM traces WHERE id = ?)"
    yield from _lines(ExportLogsServiceRequest(), connection.execute(_query("logs", of_trace), (trace,)))


def export_all(connection: sqlite3.Connection) -> Iterator[str]:
    """Everything: a line for each trace's spans, then log records and metrics by the five hundred."""
    for (trace,) in connection.execute("SELECT id FROM traces ORDER BY id").fetchall():
        yield from _lines(ExportTraceServiceRequest(), connection.execute(_query("spans", "trace = ?"), (trace,)))
    for table, request in (("logs", ExportLogsServiceRequest), ("metrics", ExportMetricsServiceRequest)):
        rows = connection.execute(_query(table, "1"))
        while portion := rows.fetchmany(_BATCH):
            yield from _lines(request(), portion)


def _query(table: str, where: str) -> str:
    return (
        f"SELECT origins.resource, origins.resource_schema, origins.scope_body, origins.scope_schema, {table}.body "
        f"FROM {table} JOIN origins ON origins.id = {table}.origin WHERE {where} ORDER BY {table}.id"
    )


def import_line(store: Store, line: str | bytes, into: Imported) -> None:
    """Store one line: an OTLP request of traces, metrics or logs, or a list of such. Raises MalformedError."""
    try:
        document = json.loads(line)
    except (ValueError, RecursionError) as error:
        msg = f"not JSON: {str(error)[:200]}"
        raise MalformedError(msg) from error
    for each in cast("list[object]", document) if isinstance(document, list) else [cast("object", document)]:
        import_document(store, each, into)


def import_document(store: Store, document: object, into: Imported) -> None:
    """Store one OTLP/JSON request; what the store holds already is not stored twice."""
    keys = set(cast("dict[str, object]", document)) if isinstance(document, dict) else set[str]()
    document = cast("object", document)
    if "resourceSpans" in keys:
        spans = from_document(ExportTraceServiceRequest, document)
        refused = store.add_spans(spans)
        into.refused += refused
        into.spans += sum(len(of.spans) for each in spans.resource_spans for of in each.scope_spans) - refused
    elif "resourceLogs" in keys:
        logs = from_document(ExportLogsServiceRequest, document)
        into.logs += store.add_logs(logs, only_new=True)
    elif "resourceMetrics" in keys:
        metrics = from_document(ExportMetricsServiceRequest, document)
        into.metrics += store.add_metrics(metrics, only_new=True)
    elif document != {}:
        msg = "expected an object with resourceSpans, resourceLogs or resourceMetrics"
        raise MalformedError(msg)


def _lines(request: Message, rows: Iterable[Any]) -> Iterator[str]:
    """One line with all the rows, those of one origin together in the order of its first."""
    if not _fill(cast("Any", request), rows):
        return
    yield json.dumps(to_json(request), ensure_ascii=False, separators=(",", ":"))


def _fill(request: Any, rows: Iterable[Any]) -> bool:
    by_resource, of_resource, items = _FIELDS[type(request)]
    resources: dict[tuple[bytes, str], Any] = {}
    scopes: dict[tuple[bytes, str, bytes, str], Any] = {}
    for resource, resource_schema, scope, scope_schema, body in rows:
        holder = resources.get((resource, resource_schema))
        if holder is None:
            holder = getattr(request, by_resource).add(
                resource=Resource.FromString(resource), schema_url=resource_schema
            )
            resources[resource, resource_schema] = holder
        origin = (resource, resource_schema, scope, scope_schema)
        if origin not in scopes:
            scopes[origin] = getattr(holder, of_resource).add(
                scope=InstrumentationScope.FromString(scope), schema_url=scope_schema
            )
        getattr(scopes[origin], items).add().MergeFromString(body)
    return bool(resources)


_FIELDS: dict[type, tuple[str, str, str]] = {
    ExportTraceServiceRequest: ("resource_spans", "scope_spans", "spans"),
    ExportLogsServiceRequest: ("resource_logs", "scope_logs", "log_records"),
    ExportMetricsServiceRequest: ("resource_metrics", "scope_metrics", "metrics"),
}
