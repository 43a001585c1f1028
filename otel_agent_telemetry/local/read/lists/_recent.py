"""What has just arrived, for ``tail``."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from otel_agent_telemetry.local.read._moments import iso
from otel_agent_telemetry.local.read._outcomes import shown_status
from otel_agent_telemetry.local.store._steps_made import READ_UPTO

if TYPE_CHECKING:
    import sqlite3

__all__ = ["RecentShape", "newest_span", "recent_spans"]

_QUERY = f"""
SELECT spans.id, hex(traces.trace_id), spans.span_id, origins.service, spans.name,
       CASE WHEN steps.kind != 'other' THEN steps.kind END, steps.model, steps.tool,
       steps.agent, steps.input, steps.output, spans.status, steps.outcome, spans.start_ns, spans.end_ns
FROM spans JOIN traces ON traces.id = spans.trace JOIN origins ON origins.id = spans.origin
LEFT JOIN steps ON steps.id = spans.id
WHERE spans.id > ? AND spans.id <= ({READ_UPTO})
AND (origins.harness IS NULL OR coalesce(steps.kind, 'other') != 'other') ORDER BY spans.id LIMIT ?
"""


class RecentShape(TypedDict):
    """A line of ``tail``: a span that has ended."""

    trace_id: str
    span_id: str
    service: str
    name: str
    kind: str | None
    model: str | None
    tool: str | None
    agent: str | None
    input_tokens: int | None
    output_tokens: int | None
    status: str
    start: str
    duration_ms: float


def newest_span(connection: sqlite3.Connection) -> int:
    """A mark after which :func:`recent_spans` gives only what arrives from now on."""
    return int(connection.execute("SELECT coalesce(max(id), 0) FROM spans").fetchone()[0])


def recent_spans(connection: sqlite3.Connection, after: int, limit: int = 500) -> tuple[int, list[RecentShape]]:
    """Spans that arrived after the mark, in the order of arrival, and the mark to go on from."""
    rows = connection.execute(_QUERY, (after, limit)).fetchall()
    shapes: list[RecentShape] = [
        {
            "trace_id": trace_id.lower(),
            "span_id": span_id.to_bytes(8, "big", signed=True).hex(),
            "service": service,
            "name": name,
            "kind": kind,
            "model": model,
            "tool": tool,
            "agent": agent,
            "input_tokens": given,
            "output_tokens": made,
            "status": shown_status(status, outcome),
            "start": iso(start),
            "duration_ms": max(end - start, 0) / 1e6,
        }
        for (
            _,
            trace_id,
            span_id,
            service,
            name,
            kind,
            model,
            tool,
            agent,
            given,
            made,
            status,
            outcome,
            start,
            end,
        ) in rows
    ]
    return (rows[-1][0] if rows else after), shapes
