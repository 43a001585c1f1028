"""The list of traces: filter, sort, page."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from otel_agent_telemetry.errors import InputError
from otel_agent_telemetry.local.read._moments import iso
from otel_agent_telemetry.local.read.lists._query import ATTRIBUTE, Query, Term
from otel_agent_telemetry.local.read.lists._seek import Condition, condition, snapshot
from otel_agent_telemetry.local.store._pricing import UNPRICED, trace_costs
from otel_agent_telemetry.local.store._rows import for_each
from otel_agent_telemetry.local.store._spending import Cost
from otel_agent_telemetry.meaning._prices import stamp

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from otel_agent_telemetry.local.read._shapes import TraceShape

__all__ = [
    "SORTS",
    "TraceFilter",
    "find_trace",
    "list_traces",
    "matching",
    "trace_shape",
    "trace_shapes",
]

SORTS = {
    "start": "start_ns DESC",
    "duration": "end_ns - start_ns DESC",
    "tokens": "coalesce(input, 0) + coalesce(output, 0) DESC",
    "spans": "spans DESC",
    "errors": "errors DESC",
    "cost": "cost DESC",
}
_COLUMNS = (
    "id, trace_id, name, service, start_ns, end_ns, spans, errors, outcome, calls, tools, runs, input, output, "
    "agent, session"
)
_NAMED = ("service", "name", "status", "session", "model", "agent", "tool", "user", "text")
_DEAREST = f"""
SELECT {_COLUMNS} FROM traces JOIN priced ON priced.trace = traces.id AND priced.stamp = ? WHERE {{}}
ORDER BY coalesce(usd, 0) DESC, start_ns DESC, id DESC LIMIT ?
"""
_WAITING = f"SELECT {_COLUMNS} FROM traces WHERE id IN ({UNPRICED}) AND {{}}"
_LONGEST_TEXT = 500
_ID_START = re.compile(r"[0-9a-f]{1,32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceFilter:
    """Which traces: what ``query`` asks and each of the rest that is not None.

    ``attributes`` are (key, value text) that a span has to carry.
    """

    query: Query = ()
    service: str | None = None
    name: str | None = None
    status: str | None = None
    session: str | None = None
    model: str | None = None
    agent: str | None = None
    tool: str | None = None
    user: str | None = None
    text: str | None = None
    attributes: tuple[tuple[str, str], ...] = field(default=())
    min_duration_ns: int | None = None
    max_duration_ns: int | None = None
    since_ns: int | None = None
    until_ns: int | None = None

    @property
    def terms(self) -> Query:
        """Everything but the period as one query."""
        named = ((key, getattr(self, key)) for key in _NAMED)
        durations = ((">=", self.min_duration_ns), ("<=", self.max_duration_ns))
        return (
            *self.query,
            *(Term(key, (value,)) for key, value in named if value is not None),
            *(Term(ATTRIBUTE + key, (value,)) for key, value in self.attributes),
            *(Term("dur", (f"{limit}ns",), comparison) for comparison, limit in durations if limit is not None),
        )


def list_traces(
    connection: sqlite3.Connection, wanted: TraceFilter, *, sort: str = "start", limit: int = 50, offset: int = 0
) -> list[TraceShape]:
    """The traces that match, the latest (or the most of ``sort``) first."""
    with snapshot(connection):
        if sort == "cost":
            return _by_cost(connection, matching(connection, wanted), limit, offset)
        return trace_shapes(connection, _select(connection, wanted, sort=sort, limit=limit, offset=offset))


def _by_cost(connection: sqlite3.Connection, where: Condition, limit: int, offset: int) -> list[TraceShape]:
    """The dearest of those with a stored sum, and all without, in one order."""
    today = stamp()
    dearest = connection.execute(_DEAREST.format(where.sql), (today, *where.arguments, limit + offset)).fetchall()
    waiting = connection.execute(_WAITING.format(where.sql), (today, *where.arguments)).fetchall()
    rows = sorted((*dearest, *waiting), key=itemgetter(4, 0), reverse=True)
    shapes = sorted(trace_shapes(connection, rows), key=lambda shape: shape["cost_usd"] or 0, reverse=True)
    return shapes[offset : offset + limit]


def find_trace(connection: sqlite3.Connection, given: str) -> tuple[int, str]:
    """Row id and full id of the trace whose id is or uniquely begins with ``given``, or ``latest``.

    Raises InputError that names the nearest ids where there is none.
    """
    if given == "latest":
        row = connection.execute(
            "SELECT id, hex(trace_id) FROM traces WHERE NOT folded ORDER BY start_ns DESC LIMIT 1"
        ).fetchone()
        if row is None:
            msg = "the store is empty; fill it with `agent-telemetry serve` or `agent-telemetry import FILE`"
            raise InputError(msg)
        return int(row[0]), str(row[1]).lower()
    text = given.strip().lower()
    low, high = _id_range(text)
    rows = connection.execute(
        "SELECT id, hex(trace_id) FROM traces WHERE trace_id >= ? AND trace_id <= ? LIMIT 2", (low, high)
    ).fetchall()
    if len(rows) == 1:
        return int(rows[0][0]), str(rows[0][1]).lower()
    raise InputError(_not_found(connection, text, is_ambiguous=bool(rows)))


def trace_shapes(connection: sqlite3.Connection, rows: Sequence[Any]) -> list[TraceShape]:
    """Shapes of trace rows (:data:`_COLUMNS`), with models and costs."""
    ids = [row[0] for row in rows]
    models, costs = _models(connection, ids), trace_costs(connection, ids)
    return [_shape(row, models.get(row[0], []), costs.get(row[0], Cost())) for row in rows]


def trace_shape(connection: sqlite3.Connection, trace: int) -> TraceShape:
    """The shape of the trace with that row id."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM traces WHERE id = ?", (trace,)).fetchone()
    return trace_shapes(connection, [row])[0]


def matching(connection: sqlite3.Connection, wanted: TraceFilter) -> Condition:
    """What holds for the traces that match."""
    found = condition(connection, wanted.terms, now_ns=time.time_ns())
    bounds = [(sign, limit) for sign, limit in ((">=", wanted.since_ns), ("<=", wanted.until_ns)) if limit is not None]
    return Condition(
        " AND ".join([found.sql, *(f"start_ns {sign} ?" for sign, _ in bounds)]),
        (*found.arguments, *(limit for _, limit in bounds)),
    )


def _select(
    connection: sqlite3.Connection, wanted: TraceFilter, *, sort: str, limit: int = -1, offset: int = 0
) -> list[Any]:
    where, arguments = matching(connection, wanted)
    query = f"SELECT {_COLUMNS} FROM traces WHERE {where} ORDER BY {SORTS[sort]}, id DESC LIMIT ? OFFSET ?"
    return connection.execute(query, (*arguments, limit, offset)).fetchall()


def _models(connection: sqlite3.Connection, ids: list[int]) -> dict[int, list[str]]:
    found: dict[int, set[str]] = {}
    query = "SELECT trace, model FROM steps WHERE trace IN ({}) AND model IS NOT NULL AND counted"
    for trace, model in for_each(connection, query, ids):
        found.setdefault(trace, set()).add(model)
    return {trace: sorted(models) for trace, models in found.items()}


def _shape(row: Any, models: list[str], cost: Cost) -> TraceShape:
    _, trace_id, name, service, start, end, spans, errors, outcome, calls, tools, runs, given, made, agent, session = (
        row
    )
    return {
        "trace_id": trace_id.hex(),
        "name": name[:_LONGEST_TEXT],
        "service": service[:_LONGEST_TEXT],
        "start": iso(start),
        "duration_ms": max(end - start, 0) / 1e6,
        "spans": spans,
        "errors": errors,
        "status": outcome or ("error" if errors else "ok"),
        "calls": calls,
        "tools": tools,
        "agent_runs": runs,
        "input_tokens": given,
        "output_tokens": made,
        "models": models,
        "agent": agent,
        "session": session,
        "cost_usd": cost.usd,
        "cost_is_estimate": cost.is_estimate,
        "unpriced_calls": cost.unpriced,
    }


def _id_range(text: str) -> tuple[bytes, bytes]:
    if not _ID_START.fullmatch(text):
        return b"\xff", b""  # no id is in there
    return bytes.fromhex(text.ljust(32, "0")), bytes.fromhex(text.ljust(32, "f"))


def _not_found(connection: sqlite3.Connection, text: str, *, is_ambiguous: bool) -> str:
    recent = connection.execute(
        "SELECT hex(trace_id), name FROM traces WHERE NOT folded ORDER BY start_ns DESC LIMIT 500"
    ).fetchall()
    if not recent:
        return f"no trace {text!r}: the store is empty; fill it with `agent-telemetry serve`, or with `import FILE`"
    if is_ambiguous:
        near = [row for row in recent if row[0].lower().startswith(text)][:5]
        listed = "; ".join(f"{trace_id.lower()} ({name[:40]})" for trace_id, name in near)
        return f"{text!r} begins the id of more than one trace; name one of: {listed}"
    near = sorted(recent, key=lambda row: -_closeness(row[0].lower(), text))[:3]
    listed = "; ".join(f"{trace_id.lower()} ({name[:40]})" for trace_id, name in near)
    return f"no trace {text!r}; the nearest are: {listed}. `agent-telemetry traces` lists all"


def _closeness(trace_id: str, text: str) -> float:
    return SequenceMatcher(None, trace_id, text, autojunk=False).ratio()
