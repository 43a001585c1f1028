"""Messages of the spans of a trace that failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otel_agent_telemetry.local.read._outcomes import error_message

if TYPE_CHECKING:
    import sqlite3

    from otel_agent_telemetry.local.read._shapes import SpanShape

__all__ = ["failure_messages"]

_FAILED = """
SELECT spans.body FROM spans JOIN origins ON origins.id = spans.origin
WHERE spans.trace = ? AND spans.status = 2 AND origins.harness IS NULL
"""


def failure_messages(connection: sqlite3.Connection, trace: int, spans: list[SpanShape]) -> dict[str, str]:
    """What failed, by span id; a message that spans around it repeat stands once, where it was said first.

    ``spans`` are those of the trace's tree. What coding agents say is content and left out.
    """
    said = {span.span_id.hex(): error_message(span) for span in _failed(connection, trace)}
    above = _parents(spans)
    below: list[set[str]] = [set() for _ in spans]
    found: dict[str, str] = {}
    for index in reversed(range(len(spans))):
        message = said.get(spans[index]["span_id"])
        if message and message not in below[index]:
            found[spans[index]["span_id"]] = message
            below[index].add(message)
        parent = above[index]
        if parent is not None and below[index]:
            below[parent] |= below[index]
    return found


def _parents(spans: list[SpanShape]) -> list[int | None]:
    """The index of the span above each."""
    found: list[int | None] = []
    path: list[int] = []
    for index, span in enumerate(spans):
        del path[span["depth"] :]
        found.append(path[-1] if path else None)
        path.append(index)
    return found


def _failed(connection: sqlite3.Connection, trace: int) -> list[Span]:
    return [Span.FromString(body) for (body,) in connection.execute(_FAILED, (trace,))]
