"""Steps made of spans that are stored: of new ones in the order of arrival, and of a store that an older release wrote.

What accepts spans only stores them, so that a burst is taken as fast as it comes.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otel_agent_telemetry.local.store._rows import insert
from otel_agent_telemetry.local.store._steps import COLUMNS, agent_said_of, may_be_step, said_of, values_of
from otel_agent_telemetry.local.store._tables import READ_AGAIN
from otel_agent_telemetry.local.store._users import insert_users, may_name_user, user_of
from otel_agent_telemetry.meaning.harnesses import MADE

if TYPE_CHECKING:
    import sqlite3

    from otel_agent_telemetry.meaning import Said

_logger = logging.getLogger(__name__)

__all__ = ["READ_UPTO", "read_again", "read_new"]

READ_UPTO = "SELECT upto FROM reading"
"""The id of the last span whose step is made, if it is one."""
_COLUMNS = "spans.id, spans.trace, spans.body, origins.scope, origins.harness, spans.start_ns, spans.end_ns"
_SPANS = f"""
SELECT {_COLUMNS} FROM spans JOIN origins ON origins.id = spans.origin
WHERE spans.trace = ? AND origins.scope != '{MADE}'
"""
_NEW = f"""
SELECT {_COLUMNS} FROM spans CROSS JOIN origins ON origins.id = spans.origin
WHERE spans.id > ({READ_UPTO}) ORDER BY spans.id LIMIT ?
"""
_READ = "UPDATE reading SET upto = ?"
_CHANGED = "UPDATE traces SET unsettled = max(abs(unsettled), 1) WHERE id = ?"


def read_new(connection: sqlite3.Connection, limit: int) -> int:
    """Make the steps of up to so many spans that came since the last time; gives how many were looked at.

    Those of coding agents are read when they arrive.
    """
    spans = connection.execute(_NEW, (limit,)).fetchall()
    if spans:
        made = _make(connection, [span for span in spans if span[4] is None])
        connection.executemany(_CHANGED, [(trace,) for trace in {row[1] for row in made}])
        connection.execute(_READ, (spans[-1][0],))
    return len(spans)


def read_again(connection: sqlite3.Connection, traces: list[int]) -> None:
    """Make the steps of those of the traces that wait for it."""
    for trace in traces:
        (state,) = connection.execute("SELECT unsettled FROM traces WHERE id = ?", (trace,)).fetchone()
        if state == READ_AGAIN:
            _make(connection, connection.execute(_SPANS, (trace,)).fetchall())


def _make(connection: sqlite3.Connection, spans: list[Any]) -> list[tuple[object, ...]]:
    made, users = list[tuple[object, ...]](), list[tuple[int, str | None]]()
    for row in spans:
        try:
            said, user = _read(*row[2:])
        except Exception as error:  # noqa: BLE001 - a span that cannot be understood must not hold up the others
            _logger.warning("span %d of the store cannot be read, it stands for nothing: %r", row[0], error)
            continue
        users.append((row[0], user))
        if said is not None:
            made.append(values_of(row[0], row[1], said))
    insert(connection, "steps", COLUMNS, made)
    insert_users(connection, users)
    return made


def _read(body: bytes, scope: str, harness: str | None, start_ns: int, end_ns: int) -> tuple[Said | None, str | None]:
    """What a span says, and which user it names."""
    if harness is not None:
        return agent_said_of(Span.FromString(body), scope, harness, start_ns, end_ns), None
    may_be, may_name = may_be_step(body), may_name_user(body)
    if not (may_be or may_name):
        return None, None
    span = Span.FromString(body)
    said = said_of(span, scope, start_ns, end_ns) if may_be else None
    return said, user_of(span.attributes) if may_name else None
