"""Which traces cost so much: by the sums that the keeper stored, where they are of today's prices."""

from __future__ import annotations

import json
import operator
from typing import TYPE_CHECKING

from otel_agent_telemetry.local.read.lists._query import figure
from otel_agent_telemetry.local.store._pricing import UNPRICED, trace_costs
from otel_agent_telemetry.meaning._prices import stamp

if TYPE_CHECKING:
    import sqlite3

    from otel_agent_telemetry.local.read.lists._query import Term

__all__ = ["costs_so_much", "dear_traces"]

_COMPARED = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}


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
