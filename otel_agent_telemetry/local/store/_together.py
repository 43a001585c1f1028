"""Which traces are settled together, as one call may stand in two.

An instrumentation that is called back starts a trace of its own where no span is current, so that its call is a root.
Of what ran at about that time the nearest are looked at: the work for a trace does not grow with the store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_agent_telemetry.local.store._steps import ROOT
from otel_agent_telemetry.local.store._tables import NOT_SETTLED

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

__all__ = ["together"]

_SAME_RESPONSE = """
SELECT DISTINCT others.trace FROM steps AS mine JOIN steps AS others
ON others.response_id = mine.response_id AND others.trace != mine.trace
AND others.start_ns <= mine.end_ns AND others.end_ns >= mine.start_ns
WHERE mine.trace = ? AND mine.response_id IS NOT NULL LIMIT 64
"""
_OF_AGENT = "SELECT 1 FROM steps WHERE trace = ? AND evidence IS NOT NULL LIMIT 1"
_SAME_SESSION = """
SELECT others.trace, max(others.start_ns) AS latest FROM steps AS others
WHERE others.evidence IS NOT NULL AND others.said_session IN (
    SELECT said_session FROM steps WHERE trace = ? AND evidence IS NOT NULL)
GROUP BY others.trace ORDER BY latest DESC LIMIT 64
"""
_SAME_TIME = """
SELECT DISTINCT others.trace FROM steps AS mine JOIN steps AS others
ON others.start_ns <= mine.end_ns + :slack AND others.end_ns + :slack >= mine.start_ns
WHERE mine.trace = :trace AND mine.evidence IS NOT NULL AND others.evidence IS NOT NULL AND others.trace != :trace
AND ((others.said_kind = 'usage' AND others.said_session IS NULL AND mine.said_kind IN ('agent', 'model'))
     OR (mine.said_kind = 'usage' AND mine.said_session IS NULL AND others.said_kind IN ('agent', 'model'))) LIMIT 64
"""
"""Metrics of a coding agent that name no session tell of whatever ran at the time, if nothing else does."""
_SLACK_NS = 5 * 10**9
_CALL = "steps.said_kind IN ('model', 'embedding', 'tool')"
_ROOTS = f"SELECT 1 FROM steps WHERE flags & {ROOT} LIMIT 1"
_CALLS = f"""
SELECT steps.said_kind, steps.start_ns, steps.end_ns, spans.origin, steps.flags & {ROOT}
FROM steps JOIN spans ON spans.id = steps.id WHERE steps.trace = ? AND {_CALL} LIMIT 256
"""
_BESIDE = f"""
SELECT near.trace FROM ({{}}) AS near
WHERE near.trace != :trace AND EXISTS (SELECT 1 FROM visits WHERE visits.trace = near.trace AND origin != :origin)
AND EXISTS (
    SELECT 1 FROM steps JOIN spans ON spans.id = steps.id WHERE steps.trace = near.trace AND {_CALL}
    AND steps.said_kind = :kind AND steps.start_ns <= :end AND steps.end_ns >= :start AND spans.origin != :origin
)
"""
_BESIDE_ANY = _BESIDE.format(
    f"SELECT trace FROM steps WHERE flags & {ROOT} AND start_ns <= :end ORDER BY start_ns DESC LIMIT 32"
)
_BESIDE_ROOT = _BESIDE.format("SELECT id AS trace FROM traces WHERE start_ns <= :end ORDER BY start_ns DESC LIMIT 32")
_CAN_BE_SETTLED = f"SELECT 1 FROM traces WHERE id = ? AND unsettled != {NOT_SETTLED}"
_MOST = 64


def together(connection: sqlite3.Connection, trace: int) -> list[int]:
    """The row ids of a trace and of those that may tell of the same calls; at most 64."""
    has_roots = connection.execute(_ROOTS).fetchone() is not None
    found, waiting = [trace], [trace]
    while waiting and len(found) < _MOST:
        for near in _near(connection, waiting.pop(0), has_roots=has_roots):
            if near not in found and connection.execute(_CAN_BE_SETTLED, (near,)).fetchone() is not None:
                found.append(near)
                waiting.append(near)
    return found[:_MOST]


def _near(connection: sqlite3.Connection, trace: int, *, has_roots: bool) -> Iterator[int]:
    if connection.execute(_OF_AGENT, (trace,)).fetchone() is not None:
        yield from (row[0] for row in connection.execute(_SAME_SESSION, (trace,)).fetchall())
        yield from (row[0] for row in connection.execute(_SAME_TIME, {"trace": trace, "slack": _SLACK_NS}).fetchall())
    yield from (row[0] for row in connection.execute(_SAME_RESPONSE, (trace,)).fetchall())
    for call in connection.execute(_CALLS, (trace,)).fetchall() if has_roots else ():
        yield from _beside(connection, trace, call)


def _beside(connection: sqlite3.Connection, trace: int, call: Any) -> Iterator[int]:
    """Traces with a call of that kind and time, by another instrumentation, where it or this one is a root."""
    kind, start, end, origin, is_root = call
    about = {"trace": trace, "kind": kind, "start": start, "end": end, "origin": origin}
    yield from (row[0] for row in connection.execute(_BESIDE_ROOT if is_root else _BESIDE_ANY, about).fetchall())
