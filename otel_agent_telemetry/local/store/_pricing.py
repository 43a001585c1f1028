"""What traces cost, worked out once and stored, so that they can be sorted and searched by it."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from otel_agent_telemetry.local.read._costs import UNPRICED, trace_costs
from otel_agent_telemetry.meaning._prices import stamp

if TYPE_CHECKING:
    from otel_agent_telemetry.local.store._store import Store

__all__ = ["price_traces"]

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
