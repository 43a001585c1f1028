"""How long calls took: percentiles and a histogram, the first token, and tokens per second."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypedDict

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otel_agent_telemetry.local.read.use._first_token import first_token_ms, may_tell
from otel_agent_telemetry.meaning import undated

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

__all__ = ["OPERATIONS", "LatencyRow", "LatencyShape", "latency", "percentile"]

OPERATIONS = {
    "model": ("steps.model", "steps.kind IN ('model', 'embedding')"),
    "tool": ("steps.tool", "steps.kind = 'tool'"),
    "agent": ("steps.agent", "steps.kind = 'agent'"),
    "operation": ("(SELECT name FROM spans WHERE spans.id = steps.id)", "steps.kind != 'other'"),
}
"""What latency can be grouped by, and which of the counted steps that is about."""
MOST_CALLS = 50_000
_MOST_STREAMS = 2000
_LATEST = 2**63 - 1
_ROWS = """
SELECT {key}, steps.end_ns - steps.start_ns, steps.error IS NOT NULL,
       CASE WHEN steps.kind = 'model' AND steps.spends & 2 THEN steps.output END
FROM steps WHERE steps.counted AND {about} AND steps.start_ns >= ? AND steps.start_ns <= ?
AND steps.end_ns >= steps.start_ns ORDER BY steps.id DESC LIMIT ?
"""
_STREAMS = """
SELECT {key}, coalesce(steps.speaker, steps.id), spans.body FROM steps JOIN spans ON spans.id = steps.id
WHERE steps.kind = 'model' AND (steps.counted OR steps.speaker IS NOT NULL)
AND steps.start_ns >= ? AND steps.start_ns <= ? ORDER BY steps.id DESC LIMIT ?
"""


class LatencyRow(TypedDict):
    """Latency of one model, tool, agent or operation; ``counts`` are its calls between the answer's ``edges_ms``.

    The first token is that of the calls whose spans say when it came. Tokens per second are the median, over calls that
    made any, of output tokens by the whole duration.
    """

    key: str | None
    calls: int
    errors: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float
    first_token_calls: int
    first_token_p50_ms: float | None
    first_token_p95_ms: float | None
    output_tokens_per_second: float | None
    counts: list[int]


class LatencyShape(TypedDict):
    """Rows, most calls first; ``calls`` is how many were read, ``is_all`` false where there are more than 50,000."""

    calls: int
    is_all: bool
    edges_ms: list[float]
    rows: list[LatencyRow]


@dataclass(slots=True)
class _Taken:
    """Durations in nanoseconds, rates in tokens per second, and first tokens in milliseconds."""

    durations: list[int] = field(default_factory=list[int])
    rates: list[float] = field(default_factory=list[float])
    firsts: list[float] = field(default_factory=list[float])
    errors: int = 0


def latency(
    connection: sqlite3.Connection, by: str, *, since_ns: int | None = None, until_ns: int | None = None
) -> LatencyShape:
    """Latency by one of :data:`OPERATIONS`, of the latest 50,000 counted calls that began in the period."""
    key, about = OPERATIONS[by]
    period = (since_ns or 0, _LATEST if until_ns is None else until_ns)
    found: dict[str | None, _Taken] = {}
    rows = connection.execute(_ROWS.format(key=key, about=about), (*period, MOST_CALLS + 1)).fetchall()
    for name, duration, failed, output in rows[:MOST_CALLS]:
        taken = found.get(name)
        if taken is None:
            taken = found[name] = _Taken()
        taken.durations.append(duration)
        taken.errors += failed
        if output and duration:
            taken.rates.append(output * 1e9 / duration)
    if by in {"model", "operation"}:
        _add_first_tokens(found, connection.execute(_STREAMS.format(key=key), (*period, _MOST_STREAMS)))
    if by == "model":
        found = _by_undated_name(found)
    edges = _edges([max(taken.durations) / 1e6 for taken in found.values()], _least(found))
    shapes = [_row(name, taken, edges) for name, taken in found.items()]
    return {
        "calls": min(len(rows), MOST_CALLS),
        "is_all": len(rows) <= MOST_CALLS,
        "edges_ms": edges,
        "rows": sorted(shapes, key=lambda row: (-row["calls"], row["key"] or "")),
    }


def percentile(ordered: Sequence[float], share: float) -> float:
    """The nearest rank of sorted figures: the least that ``share`` of them do not exceed."""
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]


def _add_first_tokens(found: dict[str | None, _Taken], rows: Any) -> None:
    told: set[int] = set()
    for name, call, body in rows:
        if call in told or name not in found or not may_tell(body):
            continue
        first = first_token_ms(Span.FromString(body))
        if first is not None:
            told.add(call)
            found[name].firsts.append(first)


def _by_undated_name(found: dict[str | None, _Taken]) -> dict[str | None, _Taken]:
    merged: dict[str | None, _Taken] = {}
    for name, taken in found.items():
        shown = undated(name) if name is not None and undated(name) in found else name
        known = merged.setdefault(shown, _Taken())
        known.durations += taken.durations
        known.rates += taken.rates
        known.firsts += taken.firsts
        known.errors += taken.errors
    return merged


def _least(found: dict[str | None, _Taken]) -> float:
    return min((min(taken.durations) / 1e6 for taken in found.values()), default=0.0)


def _edges(greatest: list[float], least: float) -> list[float]:
    """Edges of a histogram that hold all: 1, 2, 5, 10 and so on, in milliseconds."""
    if not greatest:
        return []
    most = max(greatest)
    decade = math.floor(math.log10(max(least, 0.001)))
    ladder = [step * 10.0**power for power in range(decade, 16) for step in (1, 2, 5)]
    first = max(bisect_right(ladder, max(least, 0.001)) - 1, 0)
    last = bisect_right(ladder, max(most, 0.001))
    return [float(f"{edge:.6g}") for edge in ladder[first : last + 1]]


def _row(name: str | None, taken: _Taken, edges: list[float]) -> LatencyRow:
    durations, firsts, rates = sorted(taken.durations), sorted(taken.firsts), sorted(taken.rates)
    below = [bisect_left(durations, round(edge * 1e6)) for edge in edges[1:-1]]
    return {
        "key": name,
        "calls": len(durations),
        "errors": taken.errors,
        "p50_ms": percentile(durations, 0.5) / 1e6,
        "p95_ms": percentile(durations, 0.95) / 1e6,
        "p99_ms": percentile(durations, 0.99) / 1e6,
        "max_ms": durations[-1] / 1e6,
        "first_token_calls": len(firsts),
        "first_token_p50_ms": percentile(firsts, 0.5) if firsts else None,
        "first_token_p95_ms": percentile(firsts, 0.95) if firsts else None,
        "output_tokens_per_second": percentile(rates, 0.5) if rates else None,
        "counts": [later - earlier for earlier, later in pairwise([0, *below, len(durations)])],
    }
