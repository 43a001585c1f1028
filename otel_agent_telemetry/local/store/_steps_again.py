"""Steps of a store that an older release wrote: made anew from the spans, trace by trace, when each is settled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otel_agent_telemetry.local.store._rows import insert
from otel_agent_telemetry.local.store._steps import COLUMNS, agent_said_of, may_be_step, said_of, values_of
from otel_agent_telemetry.local.store._tables import READ_AGAIN
from otel_agent_telemetry.meaning.harnesses import MADE

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

__all__ = ["read_again"]

_SPANS = f"""
SELECT spans.id, spans.trace, spans.body, origins.scope, origins.harness, spans.start_ns, spans.end_ns
FROM spans JOIN origins ON origins.id = spans.origin WHERE spans.trace = ? AND origins.scope != '{MADE}'
"""


def read_again(connection: sqlite3.Connection, traces: list[int]) -> None:
    """Make the steps of those of the traces that wait for it."""
    for trace in traces:
        (state,) = connection.execute("SELECT unsettled FROM traces WHERE id = ?", (trace,)).fetchone()
        if state == READ_AGAIN:
            insert(connection, "steps", COLUMNS, list(_steps(connection, trace)))


def _steps(connection: sqlite3.Connection, trace: int) -> Iterator[tuple[object, ...]]:
    for number, of_trace, body, scope, harness, start, end in connection.execute(_SPANS, (trace,)).fetchall():
        if harness is not None:
            said = agent_said_of(Span.FromString(body), scope, harness, start, end)
        else:
            said = said_of(Span.FromString(body), scope, start, end) if may_be_step(body) else None
        if said is not None:
            yield values_of(number, of_trace, said)
