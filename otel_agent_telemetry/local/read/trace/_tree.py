"""One trace as a tree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otel_agent_telemetry.local.read._outcomes import error_type, shown_status
from otel_agent_telemetry.local.read.lists._listing import trace_shape
from otel_agent_telemetry.local.read.trace._critical import critical_path
from otel_agent_telemetry.local.store._spending import Cost, cost_of
from otel_agent_telemetry.local.store._steps import PRICED_ELSEWHERE
from otel_agent_telemetry.meaning._kinds import USAGE

if TYPE_CHECKING:
    import sqlite3

    from otel_agent_telemetry.local.read._shapes import SpanShape, TraceTree

__all__ = ["trace_tree"]

_SPANS = """
SELECT spans.span_id, spans.parent_id, spans.start_ns, spans.end_ns, spans.status, spans.name, origins.service,
       CASE WHEN spans.status = 2 THEN spans.body END,
       CASE WHEN steps.kind != 'other' THEN steps.kind END, steps.name, steps.model, steps.provider, steps.tool,
       steps.agent, steps.outcome, steps.counted, steps.spends, speakers.span_id,
       steps.input, steps.output, steps.cache_read, steps.cache_write, steps.reasoning, steps.cost,
       origins.harness, origins.harness IS NOT NULL AND coalesce(steps.kind, 'other') = 'other'
FROM spans JOIN origins ON origins.id = spans.origin LEFT JOIN steps ON steps.id = spans.id
LEFT JOIN spans AS speakers ON speakers.id = steps.speaker
WHERE spans.trace = ? ORDER BY spans.start_ns, spans.end_ns DESC, spans.id
"""


@dataclass(slots=True)
class _Placed:
    parent: int
    shape: SpanShape


def trace_tree(connection: sqlite3.Connection, trace: int) -> TraceTree:
    """The trace with that row id: parents before children, siblings by start; orphans stand at depth 0.

    The insides of a coding agent's program are left out: spans by the hundred that stand for nothing.
    """
    summary = trace_shape(connection, trace)
    rows = connection.execute(_SPANS, (trace,)).fetchall()
    began = rows[0][2] if rows else 0
    inside = {row[0]: row[1] for row in rows if row[-1]}
    if len(inside) == len(rows):  # nothing of the trace stands for anything
        inside = {}
    placed = {
        row[0]: _Placed(_outside(row[1], inside), _shape(row[:-2], began)) for row in rows if row[0] not in inside
    }
    _put_orphans_below_runs(placed, {row[0] for row in rows if row[-2] is not None})
    spans = _ordered(placed)
    return {"trace": summary, "spans": spans, "critical_path": critical_path(spans), "folded": len(inside)}


def _put_orphans_below_runs(placed: dict[int, _Placed], of_agents: set[int]) -> None:
    """What a coding agent says of a run stands below it, also where the spans between were lost."""
    runs = [number for number in placed if number in of_agents and placed[number].shape["kind"] == "agent"]
    for number in of_agents & placed.keys() if runs else ():
        span = placed[number]
        if span.parent in placed or number in runs:
            continue
        begun = [run for run in runs if placed[run].shape["offset_ms"] <= span.shape["offset_ms"]]
        span.parent = (begun or runs)[-1 if begun else 0]


def _outside(span_id: int, inside: dict[int, int]) -> int:
    """The nearest span at or above one that is no inside of a coding agent's program."""
    seen: set[int] = set()
    while span_id in inside and span_id not in seen:
        seen.add(span_id)
        span_id = inside[span_id]
    return span_id


def _ordered(placed: dict[int, _Placed]) -> list[SpanShape]:
    children: dict[int, list[int]] = {}
    roots: list[int] = []
    for span_id, span in placed.items():
        is_root = span.parent not in placed or span.parent == span_id
        (roots if is_root else children.setdefault(span.parent, [])).append(span_id)
    ordered: list[SpanShape] = []
    seen: set[int] = set()
    for root in (*roots, *placed):  # what hangs in a ring of parents is reached from its earliest span
        _append_below(root, placed, children, seen, ordered)
    return ordered


def _append_below(
    root: int, placed: dict[int, _Placed], children: dict[int, list[int]], seen: set[int], ordered: list[SpanShape]
) -> None:
    pending = [(root, 0)]
    while pending:
        span_id, depth = pending.pop()
        if span_id in seen:
            continue
        seen.add(span_id)
        shape = placed[span_id].shape
        shape["depth"] = depth
        ordered.append(shape)
        pending.extend((child, depth + 1) for child in reversed(children.get(span_id, [])))


def _shape(row: Any, began: int) -> SpanShape:
    (
        span_id,
        parent,
        start,
        end,
        status,
        name,
        service,
        failed,
        kind,
        label,
        model,
        provider,
        tool,
        agent,
        outcome,
        counted,
        spends,
        speaker,
        given,
        made,
        read,
        written,
        reasoned,
        reported,
    ) = row
    spent = (given or 0, made or 0, read or 0, written or 0)
    is_call = kind in {"model", "embedding"} and not (spends & PRICED_ELSEWHERE and reported is None)
    cost = cost_of(model, provider, reported, spent) if is_call else Cost(reported)
    return {
        "span_id": _hex(span_id),
        "parent_span_id": _hex(parent) if parent else None,
        "depth": 0,
        "name": name,
        "service": service,
        "kind": kind,
        "label": model or tool or (agent if kind == "agent" else None) or label,
        "model": model,
        "tool": tool,
        "agent": agent,
        "counted": bool(counted or (kind == USAGE and spends & ~PRICED_ELSEWHERE)) if kind else True,
        "repeats": _hex(speaker) if speaker is not None else None,
        "input_tokens": given,
        "output_tokens": made,
        "cache_read_tokens": read,
        "cache_write_tokens": written,
        "reasoning_tokens": reasoned,
        "cost_usd": cost.usd,
        "cost_is_estimate": cost.is_estimate,
        "status": shown_status(status, outcome),
        "error_type": error_type(Span.FromString(failed)) if failed is not None else None,
        "offset_ms": (start - began) / 1e6,
        "duration_ms": max(end - start, 0) / 1e6,
        "unfinished": not end,
    }


def _hex(number: int) -> str:
    return number.to_bytes(8, "big", signed=True).hex()
