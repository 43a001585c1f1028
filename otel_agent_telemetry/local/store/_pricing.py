"""What traces cost, worked out once and stored, so that they can be sorted and searched by it."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from otel_agent_telemetry.local.store._rows import for_each
from otel_agent_telemetry.local.store._spending import SPENDING, Cost, costs_by_key, sums
from otel_agent_telemetry.meaning._prices import stamp

if TYPE_CHECKING:
    import sqlite3

    from otel_agent_telemetry.local.store._store import Store

__all__ = ["UNPRICED", "price_traces", "trace_costs"]

UNPRICED = "SELECT id FROM traces WHERE NOT EXISTS (SELECT 1 FROM priced WHERE trace = traces.id AND stamp = ?)"
"""The traces of which no sum is stored that is of the prices with that stamp."""

_PORTION = 200
_WAITING = f"{UNPRICED} AND NOT unsettled LIMIT {_PORTION}"


def price_traces(store: Store) -> bool:
    """Work out what the next settled traces cost by today's prices; False where none is left."""
    today = stamp()
    with closing(store.reader()) as connection:
        if connection.execute(_WAITING, (today,)).fetchone() is None:
            return False
    with store.writing() as connection:
        waiting = [trace for (trace,) in connection.execute(_WAITING, (today,)).fetchall()]
        costs = trace_costs(connection, waiting)
        found = [(trace, costs[trace].usd if trace in costs else None, today) for trace in waiting]
        connection.executemany("INSERT OR REPLACE INTO priced VALUES (?, ?, ?)", found)
    return len(waiting) == _PORTION


def trace_costs(connection: sqlite3.Connection, ids: list[int]) -> dict[int, Cost]:
    """The cost of each trace, by row id; one in which nothing was spent is not there."""
    query = f"SELECT trace, {sums()} FROM steps WHERE trace IN ({{}}) AND {SPENDING} GROUP BY 1, 2, 3, 4"
    return costs_by_key(for_each(connection, query, ids))
