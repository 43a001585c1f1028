"""What a store holds, by each of its public reads."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from otel_agent_telemetry.local import TraceFilter, find_trace, list_sessions, list_traces, trace_tree, usage
from tests.agreement.totals import added, spent

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

    from otel_agent_telemetry.local import SessionShape, Store, TraceShape, UsageShape
    from tests.agreement.totals import Totals

_ALL = 1_000_000


def totals_of(store: Store) -> dict[str, Totals]:
    """The totals of all that is in the store, by the read that gives them."""
    while store.settle():
        pass
    with closing(store.reader()) as connection:
        traces = list_traces(connection, TraceFilter(), limit=_ALL)
        return {
            "by model": _by_model(usage(connection, "model")),
            "by tool": _by_tool(usage(connection, "tool")),
            **{f"by {group}": _by_any(usage(connection, group)) for group in ("agent", "day")},
            "by session": _by_session(usage(connection, "session")),
            "traces": _of_traces(traces),
            "trees": _of_trees(connection, traces),
            "sessions": _of_sessions(list_sessions(connection, limit=_ALL)),
        }


def _by_model(rows: Sequence[UsageShape]) -> Totals:
    return {
        "calls": sum(row["calls"] for row in rows),
        "failed_calls": sum(row["errors"] for row in rows),
        **_spent(rows),
    }


def _by_tool(rows: Sequence[UsageShape]) -> Totals:
    return {"tools": sum(row["tool_calls"] for row in rows), "tool_errors": sum(row["errors"] for row in rows)}


def _by_any(rows: Sequence[UsageShape]) -> Totals:
    return {
        "calls": sum(row["calls"] for row in rows),
        "tools": sum(row["tool_calls"] for row in rows),
        "failures": sum(row["errors"] for row in rows),
        "runs": sum(row["agent_runs"] for row in rows),
        **_spent(rows),
    }


def _by_session(rows: Sequence[UsageShape]) -> Totals:
    figures = {
        row["key"]: (row["calls"], row["tool_calls"], row["input_tokens"], row["output_tokens"])
        for row in rows
        if row["key"] is not None
    }
    return {**_by_any(rows), "spent": _of_each(figures)}


def _of_sessions(rows: Sequence[SessionShape]) -> Totals:
    figures = {row["session"]: (row["calls"], row["tools"], row["input_tokens"], row["output_tokens"]) for row in rows}
    return {"sessions": frozenset(figures), "spent": _of_each(figures)}


def _of_each(figures: Mapping[str, tuple[int, int, int | None, int | None]]) -> frozenset[str]:
    return frozenset(spent(session, *figure) for session, figure in figures.items() if any(figure))


def _spent(rows: Sequence[UsageShape]) -> Totals:
    return {
        "input": added(row["input_tokens"] for row in rows),
        "output": added(row["output_tokens"] for row in rows),
        "cache_read": added(row["cache_read_tokens"] for row in rows),
        "cache_write": added(row["cache_write_tokens"] for row in rows),
        "reasoning": added(row["reasoning_tokens"] for row in rows),
        "cost": _cost(rows),
    }


def _cost(rows: Sequence[UsageShape | TraceShape]) -> float | None:
    """What is known to be spent, where that is all: events have no sum that leaves calls out."""
    is_whole = not any(row["unpriced_calls"] for row in rows)
    return added(row["cost_usd"] for row in rows) if is_whole else None


def _of_traces(traces: Sequence[TraceShape]) -> Totals:
    return {
        "calls": sum(trace["calls"] for trace in traces),
        "tools": sum(trace["tools"] for trace in traces),
        "runs": sum(trace["agent_runs"] for trace in traces),
        "input": added(trace["input_tokens"] for trace in traces),
        "output": added(trace["output_tokens"] for trace in traces),
        "cost": _cost(traces),
    }


def _of_trees(connection: sqlite3.Connection, traces: Sequence[TraceShape]) -> Totals:
    trees = [trace_tree(connection, find_trace(connection, trace["trace_id"])[0]) for trace in traces]
    counted = [span["kind"] for tree in trees for span in tree["spans"] if span["counted"]]
    kinds = {"calls": "model", "tools": "tool", "runs": "agent", "workflows": "workflow"}
    return {total: counted.count(kind) for total, kind in kinds.items()}
