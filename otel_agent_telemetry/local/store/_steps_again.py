"""Steps of a store that an older release wrote: made anew from the spans, trace by trace, when each is settled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otel_agent_telemetry.local.store._rows import insert
from otel_agent_telemetry.local.store._steps import COLUMNS, agent_said_of, may_be_step, said_of, values_of
from otel_agent_telemetry.local.store._tables import READ_AGAIN
from otel_agent_telemetry.local.store._users import insert_users, may_name_user, user_of
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
            spans = connection.execute(_SPANS, (trace,)).fetchall()
            insert(connection, "steps", COLUMNS, list(_steps(spans)))
            insert_users(connection, _users(spans))


def _users(spans: list[Any]) -> Iterator[tuple[int, str | None]]:
    for number, _, body, _, harness, *_ in spans:
        if harness is None and may_name_user(body):
            yield number, user_of(Span.FromString(body).attributes)


def _steps(spans: list[Any]) -> Iterator[tuple[object, ...]]:
    for number, of_trace, body, scope, harness, start, end in spans:
        if harness is not None:
            said = agent_said_of(Span.FromString(body), scope, harness, start, end)
        else:
            said = said_of(Span.FromString(body), scope, start, end) if may_be_step(body) else None
        if said is not None:
            yield values_of(number, of_trace, said)
