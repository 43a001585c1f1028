"""Which traces are settled together, as one call may stand in two.

An instrumentation that is called back starts a trace of its own where no span is current.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

__all__ = ["together"]

_SAME_RESPONSE = """
SELECT DISTINCT others.trace FROM steps AS mine JOIN steps AS others
ON others.response_id = mine.response_id AND others.trace != mine.trace
AND others.start_ns <= mine.end_ns AND others.end_ns >= mine.start_ns
WHERE mine.trace = ? AND mine.response_id IS NOT NULL LIMIT 64
"""
_ROOTS_NEARBY = """
SELECT DISTINCT theirs.id FROM steps AS mine
JOIN traces AS theirs ON theirs.start_ns BETWEEN mine.start_ns - 120000000000 AND mine.end_ns
    AND theirs.end_ns >= mine.start_ns AND theirs.id != mine.trace
JOIN steps AS others ON others.trace = theirs.id AND others.said_kind = mine.said_kind
    AND others.start_ns <= mine.end_ns AND others.end_ns >= mine.start_ns
JOIN spans AS my_span ON my_span.id = mine.id
JOIN spans AS their_span ON their_span.id = others.id AND their_span.origin != my_span.origin
WHERE mine.trace = ? AND mine.said_kind IN ('model', 'embedding', 'tool')
    AND (my_span.parent_id = 0 OR their_span.parent_id = 0) LIMIT 64
"""
_MOST = 64


def together(connection: sqlite3.Connection, trace: int) -> list[int]:
    """The row ids of a trace and of those that may tell of the same calls; at most 64."""
    found, waiting = [trace], [trace]
    while waiting and len(found) < _MOST:
        each = waiting.pop(0)
        for query in (_SAME_RESPONSE, _ROOTS_NEARBY):
            near = [row[0] for row in connection.execute(query, (each,)) if row[0] not in found]
            found += near
            waiting += near
    return found[:_MOST]
