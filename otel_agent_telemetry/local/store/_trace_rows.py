"""The rows of traces: what a batch of spans adds to each."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

    from otel_agent_telemetry.local.store._batch import Batch

__all__ = ["insert_traces"]

_INSERT_TRACE = """
INSERT INTO traces (trace_id, received_ns, start_ns, end_ns, spans, errors, rank, name, service, unsettled, folded)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (trace_id) DO UPDATE SET
    received_ns = excluded.received_ns,
    start_ns = min(start_ns, excluded.start_ns),
    end_ns = max(end_ns, excluded.end_ns),
    spans = spans + excluded.spans,
    errors = errors + excluded.errors,
    name = CASE WHEN excluded.rank < rank THEN excluded.name ELSE name END,
    service = CASE WHEN excluded.rank < rank THEN excluded.service ELSE service END,
    rank = min(rank, excluded.rank),
    unsettled = max(abs(unsettled), excluded.unsettled, calls + tools + runs > 0),
    folded = min(folded, excluded.folded)
RETURNING id
"""


def insert_traces(connection: sqlite3.Connection, origins: dict[bytes, int], made: Batch) -> dict[bytes, int]:
    """Add a batch to its traces; gives their row ids by trace id."""
    ids: dict[bytes, int] = {}
    visits: list[tuple[int, int]] = []
    now = time.time_ns()
    for trace_id, row in made.traces().items():
        values = (
            trace_id,
            now,
            row.start_ns,
            row.end_ns,
            row.spans,
            row.errors,
            row.rank,
            row.name,
            row.service,
            row.has_steps or row.errors > 0,
            row.is_folded,
        )
        ids[trace_id] = int(connection.execute(_INSERT_TRACE, values).fetchone()[0])
        visits.extend((origins[digest], ids[trace_id]) for digest in row.origins)
    connection.executemany("INSERT OR IGNORE INTO visits (origin, trace) VALUES (?, ?)", visits)
    return ids
