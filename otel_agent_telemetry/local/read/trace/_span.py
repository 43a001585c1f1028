"""Everything about one span."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otel_agent_telemetry.errors import InputError
from otel_agent_telemetry.meaning.harnesses import OPEN_RESOURCE, without_content
from otel_agent_telemetry.otlp._values import attributes

if TYPE_CHECKING:
    import sqlite3

    from otel_agent_telemetry.local.read._shapes import SpanDetail, SpanEvent, SpanLink

__all__ = ["span_detail", "span_number"]

_DETAIL = """
SELECT spans.body, origins.resource, origins.scope_body, origins.harness
FROM spans JOIN origins ON origins.id = spans.origin
WHERE spans.trace = ? AND spans.span_id = ?
"""
_SPAN_KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")


def span_number(connection: sqlite3.Connection, trace: int, span_id: str) -> int:
    """The span's id as the store writes it. Raises InputError where the trace has no such span."""
    try:
        number = int.from_bytes(bytes.fromhex(span_id), "big", signed=True)
        row = connection.execute("SELECT 1 FROM spans WHERE trace = ? AND span_id = ?", (trace, number)).fetchone()
    except (ValueError, OverflowError):
        row, number = None, 0
    if row is None:
        msg = f"no span {span_id!r} in this trace; `agent-telemetry show TRACE --json` lists them"
        raise InputError(msg)
    return number


def span_detail(connection: sqlite3.Connection, trace: int, span_id: str, *, content: bool = False) -> SpanDetail:
    """Everything that the span carries; of a coding agent's span without ``content`` only what is none.

    Raises InputError where the trace has no such span.
    """
    number = span_number(connection, trace, span_id)
    body, resource_body, scope_body, harness = connection.execute(_DETAIL, (trace, number)).fetchone()
    span, resource = Span.FromString(body), Resource.FromString(resource_body)
    shown = _detail(span, resource)
    if harness is not None and not content:
        whole = _size(shown)
        shown = _detail(without_content(span), without_content(resource, OPEN_RESOURCE))
        shown["hidden"] = whole - _size(shown)
    scope = InstrumentationScope.FromString(scope_body)
    shown["scope"], shown["scope_version"] = scope.name, scope.version
    for link in shown["links"]:
        link["is_stored"] = _is_stored(connection, link["trace_id"])
    return shown


def _is_stored(connection: sqlite3.Connection, trace_id: str) -> bool:
    found = connection.execute("SELECT 1 FROM traces WHERE trace_id = ?", (bytes.fromhex(trace_id),)).fetchone()
    return found is not None


def _size(detail: SpanDetail) -> int:
    """How many things a span says."""
    events = sum(len(event["attributes"]) for event in detail["events"])
    return len(detail["attributes"]) + len(detail["resource"]) + events + bool(detail["status_message"])


def _detail(span: Span, resource: Resource) -> SpanDetail:
    began = span.start_time_unix_nano
    events: list[SpanEvent] = [
        {
            "name": event.name,
            "offset_ms": (event.time_unix_nano - began) / 1e6,
            "attributes": attributes(event.attributes),
        }
        for event in span.events
    ]
    links: list[SpanLink] = [
        {
            "trace_id": link.trace_id.hex(),
            "span_id": link.span_id.hex(),
            "attributes": attributes(link.attributes),
            "is_stored": False,
        }
        for link in span.links
    ]
    return {
        "span_id": span.span_id.hex(),
        "name": span.name,
        "span_kind": _SPAN_KINDS[span.kind] if 0 <= span.kind < len(_SPAN_KINDS) else str(span.kind),
        "status_message": span.status.message,
        "attributes": attributes(span.attributes),
        "events": events,
        "links": links,
        "resource": attributes(resource.attributes),
        "scope": "",
        "scope_version": "",
        "dropped_attributes": span.dropped_attributes_count,
        "hidden": 0,
    }
