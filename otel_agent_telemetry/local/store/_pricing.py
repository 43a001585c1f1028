"""What traces and sessions cost, worked out once and stored, so that they can be sorted and searched by it."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

from otel_agent_telemetry.local.store._rows import for_each
from otel_agent_telemetry.local.store._spending import SPENDING, Cost, costs_by_key, sums
from otel_agent_telemetry.meaning._prices import stamp

if TYPE_CHECKING:
    import sqlite3

    from otel_agent_telemetry.local.store._store import Store

__all__ = ["UNPRICED", "price_traces", "session_costs", "trace_costs"]

UNPRICED = "SELECT id FROM traces WHERE NOT EXISTS (SELECT 1 FROM priced WHERE trace = traces.id AND stamp = ?)"
"""The traces of which no sum is stored that is of the prices with that stamp."""

_PORTION = 200
_PRICE_SESSION = """
UPDATE attendances SET usd = ?, is_estimate = ?, unpriced = ?, stamp = ? WHERE trace = ? AND session = ?
"""
_SESSIONS = "SELECT trace, session FROM attendances WHERE trace IN ({})"
_STORED = """
SELECT session, sum(usd), max(is_estimate), sum(unpriced) FROM attendances
WHERE session IN (SELECT value FROM json_each(?)) AND {} AND stamp = ? GROUP BY session
"""
_SPENT = f"""
SELECT session, {{}} FROM attendances CROSS JOIN steps USING (trace, session)
WHERE session IN (SELECT value FROM json_each(?)) AND {{}} AND stamp IS NOT ? AND {SPENDING} GROUP BY 1, 2, 3, 4
"""
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
        _price_sessions(connection, waiting, today)
    return len(waiting) == _PORTION


def trace_costs(connection: sqlite3.Connection, ids: list[int]) -> dict[int, Cost]:
    """The cost of each trace, by row id; one in which nothing was spent is not there."""
    query = f"SELECT trace, {sums()} FROM steps WHERE trace IN ({{}}) AND {SPENDING} GROUP BY 1, 2, 3, 4"
    return costs_by_key(for_each(connection, query, ids))


def session_costs(
    connection: sqlite3.Connection, sessions: list[str], where: str = "1", arguments: tuple[object, ...] = ()
) -> dict[str, Cost]:
    """The cost of each session in the traces where that holds of ``attendances``; of one that spent nothing none.

    What has no stored sum of today's prices is worked out now.
    """
    about = (json.dumps(sessions), *arguments, stamp())
    costs = costs_by_key(connection.execute(_SPENT.format(sums(), where), about))
    for session, usd, is_estimate, unpriced in connection.execute(_STORED.format(where), about):
        known = Cost(usd, bool(is_estimate), unpriced)
        costs[session] = costs[session] + known if session in costs else known
    return costs


def _price_sessions(connection: sqlite3.Connection, traces: list[int], today: str) -> None:
    query = f"SELECT trace, session, {sums()} FROM steps WHERE trace IN ({{}}) AND {SPENDING} GROUP BY 1, 2, 3, 4, 5"
    costs = costs_by_key(((row[0], row[1]), *row[2:]) for row in for_each(connection, query, traces))
    for key in list(for_each(connection, _SESSIONS, traces)):
        cost = costs.get(key, Cost())
        connection.execute(_PRICE_SESSION, (cost.usd, cost.is_estimate, cost.unpriced, today, *key))
