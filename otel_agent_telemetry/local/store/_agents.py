"""Spans made of a coding agent's log records and metrics: into the tables, and to the traces they belong to."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from otel_agent_telemetry.local.store._batch import origin
from otel_agent_telemetry.local.store._steps import COLUMNS, values_of
from otel_agent_telemetry.meaning.harnesses import MADE

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable

    from otel_agent_telemetry.local.store._batch import Origin
    from otel_agent_telemetry.meaning.harnesses import Made

__all__ = ["NEXT_SPAN", "insert_made", "move"]

_TRACE = """
INSERT INTO traces (trace_id, received_ns, start_ns, end_ns, spans, errors, rank, name, service, unsettled, folded)
VALUES (?, ?, ?, ?, 1, 0, ?, ?, ?, 1, 1)
ON CONFLICT (trace_id) DO UPDATE SET received_ns = excluded.received_ns, spans = spans + 1,
    start_ns = min(start_ns, excluded.start_ns), end_ns = max(end_ns, excluded.end_ns), unsettled = max(unsettled, 1)
RETURNING id
"""
_AGAIN = "UPDATE traces SET received_ns = ?, unsettled = max(unsettled, 1) WHERE id = ?"
_HOME = "SELECT trace FROM homes WHERE trace_id = ?"
_KNOWN = "SELECT id FROM traces WHERE trace_id = ?"
NEXT_SPAN = """
SELECT max(coalesce((SELECT max(id) FROM spans), 0), coalesce(indexed.upto, 0), reading.upto) + 1 FROM indexed, reading
"""
"""The id of the next span; one that was read or indexed is never given again."""
_SPAN = f"INSERT INTO spans VALUES (({NEXT_SPAN}), ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING id"
_STORED = "SELECT id, end_ns FROM spans WHERE trace = ? AND span_id = ?"
_LATER = "UPDATE spans SET end_ns = ?, body = ? WHERE id = ?"
_APART = "INSERT OR IGNORE INTO apart VALUES (?)"
_STEP = f"INSERT OR REPLACE INTO steps ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"
_VISIT = "INSERT OR IGNORE INTO visits (origin, trace) VALUES (?, ?)"
_LATEST_NS = 2**62 - 1
_UNSIGNED, _SIGN = 2**64, 2**63


def _origin_of_made(source: Origin) -> Origin:
    """Where a span that was made comes from: the resource of its record, and a scope of their own."""
    made = origin(Resource.FromString(source.resource), "", InstrumentationScope(name=MADE), "")
    return replace(made, harness=source.harness, process=source.process)


def insert_made(
    connection: sqlite3.Connection, origin_id: Callable[..., int], rows: Iterable[tuple[Origin, Made]]
) -> None:
    """Store them; one that is there stays, unless it is a later point of a series."""
    for source, made in rows:
        number = origin_id(connection, _origin_of_made(source))
        start, end = min(made.start_ns, _LATEST_NS), min(made.end_ns, _LATEST_NS)
        trace_id = made.trace_id.to_bytes(16, "big")
        trace = _trace(connection, made, trace_id)
        stored = None if trace is None else connection.execute(_STORED, (trace, signed(made.span_id))).fetchone()
        if stored is not None:
            if end > stored[1] and made.end_ns:
                connection.execute(_LATER, (end, made.span().SerializeToString(), stored[0]))
                connection.execute(_APART, (stored[0],))
                connection.execute(_STEP, values_of(stored[0], trace or 0, made.said()))
                connection.execute(_AGAIN, (time.time_ns(), trace))
            continue
        if trace is None:
            rank = start + _LATEST_NS  # any span of its own names a trace first
            values = (trace_id, time.time_ns(), start, max(end, start), rank, made.name, source.service)
            trace = int(connection.execute(_TRACE, values).fetchone()[0])
        else:
            connection.execute("UPDATE traces SET spans = spans + 1 WHERE id = ?", (trace,))
            connection.execute(_AGAIN, (time.time_ns(), trace))
        row = (trace, signed(made.span_id), signed(made.parent_id), number, start, end, 2 * made.is_error, made.name)
        inserted = connection.execute(_SPAN, (*row, made.span().SerializeToString())).fetchone()
        connection.execute(_STEP, values_of(inserted[0], trace, made.said()))
        connection.execute(_VISIT, (number, trace))


def _trace(connection: sqlite3.Connection, made: Made, trace_id: bytes) -> int | None:
    row = connection.execute(_HOME, (trace_id,)).fetchone() if made.marks.is_loose else None
    row = row or connection.execute(_KNOWN, (trace_id,)).fetchone()
    return None if row is None else int(row[0])


def signed(number: int) -> int:
    """A span id as SQLite holds it."""
    return number - _UNSIGNED if number >= _SIGN else number


def move(connection: sqlite3.Connection, number: int, old: int, new: int) -> None:
    """Move a span to the trace of its run; what comes later to its old one goes there at once."""
    moved = connection.execute("UPDATE OR IGNORE spans SET trace = ? WHERE id = ?", (new, number)).rowcount
    origin_ = connection.execute("SELECT origin FROM spans WHERE id = ?", (number,)).fetchone()
    if moved:
        connection.execute("UPDATE steps SET trace = ? WHERE id = ?", (new, number))
        connection.execute(_VISIT, (origin_[0], new))
    else:  # it is there already
        connection.execute("DELETE FROM spans WHERE id = ?", (number,))
        connection.execute("DELETE FROM steps WHERE id = ?", (number,))
    home: Any = connection.execute("SELECT trace_id FROM traces WHERE id = ?", (old,)).fetchone()
    connection.execute("INSERT OR REPLACE INTO homes VALUES (?, ?)", (home[0], new))
    if connection.execute("SELECT 1 FROM spans WHERE trace = ? LIMIT 1", (old,)).fetchone() is None:
        for table in ("visits", "attendances", "priced", "steps"):
            connection.execute(f"DELETE FROM {table} WHERE trace = ?", (old,))
        connection.execute("UPDATE homes SET trace = ? WHERE trace = ?", (new, old))
        connection.execute("DELETE FROM traces WHERE id = ?", (old,))
