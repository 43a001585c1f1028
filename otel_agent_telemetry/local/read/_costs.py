"""What traces cost, and which cost so much: by the sums that the keeper stored, where they are of today's prices."""

from __future__ import annotations

import json
import operator
from typing import TYPE_CHECKING, Any

from otel_agent_telemetry.local.read._query import figure
from otel_agent_telemetry.local.read._spending import SPENDING, Cost, costs_by_key, sums
from otel_agent_telemetry.meaning._prices import stamp

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from otel_agent_telemetry.local.read._query import Term

__all__ = ["UNPRICED", "costs_so_much", "dear_traces", "for_each", "trace_costs"]

UNPRICED = "SELECT id FROM traces WHERE NOT EXISTS (SELECT 1 FROM priced WHERE trace = traces.id AND stamp = ?)"
"""The traces of which no sum is stored that is of the prices with that stamp."""
_COMPARED = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}
_PORTION = 500


def trace_costs(connection: sqlite3.Connection, ids: list[int]) -> dict[int, Cost]:
    """The cost of each trace, by row id; one in which nothing was spent is not there."""
    query = f"SELECT trace, {sums()} FROM steps WHERE trace IN ({{}}) AND {SPENDING} GROUP BY 1, 2, 3, 4"
    return costs_by_key(for_each(connection, query, ids))


def for_each(connection: sqlite3.Connection, query: str, ids: list[int]) -> Iterator[Any]:
    """Rows for all the ids, asked in portions that SQLite takes."""
    for first in range(0, len(ids), _PORTION):
        portion = ids[first : first + _PORTION]
        yield from connection.execute(query.format(",".join("?" * len(portion))), portion)


def dear_traces(connection: sqlite3.Connection, term: Term, value: str) -> tuple[str, tuple[object, ...]]:
    """SQL for the traces that cost so much, and its arguments; what has no stored sum is worked out now."""
    today, limit = stamp(), figure("cost", value)
    waiting = [trace for (trace,) in connection.execute(UNPRICED, (today,))]
    now = trace_costs(connection, waiting)
    dear = [
        trace for trace, cost in now.items() if cost.usd is not None and _COMPARED[term.comparison](cost.usd, limit)
    ]
    stored = f"SELECT 1 FROM priced WHERE trace = traces.id AND stamp = ? AND usd {term.comparison} ?"
    return f"(EXISTS ({stored}) OR id IN (SELECT value FROM json_each(?)))", (today, limit, json.dumps(dear))


def costs_so_much(usd: float | None, costs: list[Term]) -> bool:
    """Whether all of the terms about costs hold; a cost that is not known is neither above nor below another."""
    return all(term.negated != any(_is_dear(usd, term, value) for value in term.values) for term in costs)


def _is_dear(usd: float | None, term: Term, value: str) -> bool:
    return usd is not None and _COMPARED[term.comparison](usd, figure("cost", value))
