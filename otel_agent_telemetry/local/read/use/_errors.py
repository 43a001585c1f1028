"""Failures by type and place: each counts once, where it began, however many spans around it repeat it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otel_agent_telemetry import semconv
from otel_agent_telemetry.local.read._moments import iso
from otel_agent_telemetry.local.read._outcomes import error_message, error_type
from otel_agent_telemetry.local.store._rows import for_each
from otel_agent_telemetry.meaning import kinds

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

__all__ = ["MOST_TRACES", "ErrorShape", "ErrorsShape", "FailedTrace", "errors"]

MOST_TRACES = 1000
_MOST_LINKS = 20
_LONGEST_TEXT = 500
_LATEST = 2**63 - 1
_FAILED_TRACES = """
SELECT id, errors FROM traces WHERE (errors > 0 OR id IN (
    SELECT trace FROM steps WHERE evidence IS NOT NULL AND counted AND outcome = 'error' AND start_ns >= ?1))
AND start_ns >= ?1 AND start_ns <= ?2 AND (?3 IS NULL OR EXISTS (
    SELECT 1 FROM visits WHERE trace = traces.id AND origin IN (SELECT id FROM origins WHERE service = ?3)))
ORDER BY start_ns DESC LIMIT ?4
"""
_IS_WRONG = f"""
CASE WHEN steps.evidence IS NOT NULL
     THEN coalesce(steps.kind = '{kinds.AGENT}' AND steps.outcome = '{semconv.OUTCOME_ERROR}', 0)
     WHEN steps.id IS NOT NULL THEN coalesce(steps.error != '{semconv.OUTCOME_CANCELLED}', 0)
     ELSE spans.status = 2 AND (SELECT harness FROM origins WHERE origins.id = spans.origin) IS NULL END
"""
_OF_AGENT = f"steps.evidence IS NOT NULL AND steps.counted AND steps.outcome = '{semconv.OUTCOME_ERROR}'"
_NODES = f"""
SELECT spans.trace, spans.id, spans.span_id, spans.parent_id, {_IS_WRONG} AS is_wrong,
       steps.evidence IS NULL AND coalesce(steps.counted, 1), coalesce({_OF_AGENT}, 0) AS is_of_agent, steps.kind
FROM spans LEFT JOIN steps ON steps.id = spans.id WHERE spans.trace IN ({{}}) AND (is_wrong OR is_of_agent)
"""
_ABOVE = """
WITH RECURSIVE above(trace, span_id) AS (
    SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?) UNION
    SELECT spans.trace, spans.parent_id FROM above JOIN spans USING (trace, span_id)
    WHERE spans.parent_id != spans.span_id
) SELECT trace, span_id FROM above
"""
_FAILED = """
SELECT spans.id, traces.trace_id, spans.span_id, spans.start_ns, spans.name, spans.body, origins.service,
       origins.harness, steps.error, traces.name
FROM spans JOIN traces ON traces.id = spans.trace JOIN origins ON origins.id = spans.origin
LEFT JOIN steps ON steps.id = spans.id WHERE spans.id IN ({})
"""


class FailedTrace(TypedDict):
    """A trace in which something failed, and the span where it did, the latest of them."""

    trace_id: str
    span_id: str
    name: str
    start: str


class ErrorShape(TypedDict):
    """Failures of one type at one place, a service's operation.

    ``type`` is what the span says (``error.type``, the exception's class), ``category`` that of the contract, where it
    has one. ``message`` is the latest one's, null where there is none or a coding agent wrote it. ``trace_links`` are
    the latest 20 traces.
    """

    type: str
    category: str | None
    service: str
    name: str
    message: str | None
    occurrences: int
    traces: int
    first_seen: str
    last_seen: str
    trace_links: list[FailedTrace]


class ErrorsShape(TypedDict):
    """The groups, the latest first; ``is_all`` is false where more than the latest 1,000 traces had failures."""

    is_all: bool
    errors: list[ErrorShape]


class _Node(NamedTuple):
    trace: int
    id: int
    span_id: int
    parent_id: int
    is_wrong: int
    may_count: int
    is_of_agent: int
    kind: str | None


@dataclass(slots=True)
class _Group:
    latest: Any
    first_ns: int
    occurrences: int = 0
    traces: dict[bytes, FailedTrace] = field(default_factory=dict[bytes, "FailedTrace"])


def errors(
    connection: sqlite3.Connection,
    *,
    since_ns: int | None = None,
    until_ns: int | None = None,
    service: str | None = None,
    most_traces: int = MOST_TRACES,
) -> ErrorsShape:
    """Failures in the latest ``most_traces`` traces that had any and began in the period, of all services or of one.

    Of one service, the traces are those that it took part in.
    """
    period = (since_ns or 0, _LATEST if until_ns is None else until_ns)
    traces = [row[0] for row in connection.execute(_FAILED_TRACES, (*period, service, most_traces + 1))]
    failed = [node.id for node in _failures(connection, traces[:most_traces])]
    rows = sorted(for_each(connection, _FAILED, failed), key=lambda row: (row[3], row[0]), reverse=True)
    groups: dict[tuple[str, str, str], _Group] = {}
    for row in rows:
        span = Span.FromString(row[5])
        if service is None or row[6] == service:
            _add(groups, row, span)
    return {"is_all": len(traces) <= most_traces, "errors": [_shape(key, group) for key, group in groups.items()]}


def _failures(connection: sqlite3.Connection, traces: list[int]) -> Iterator[_Node]:
    """Where something failed: errors with no error below them, and of coding agents the calls, else the runs."""
    found: dict[int, list[_Node]] = {}
    for row in for_each(connection, _NODES, traces):
        found.setdefault(row[0], []).append(_Node(*row))
    repeating = _repeating(connection, [node for nodes in found.values() if len(nodes) > 1 for node in nodes])
    for trace, nodes in found.items():
        yield from (
            node for node in nodes if node.is_wrong and node.may_count and (trace, node.span_id) not in repeating
        )
        of_agents = [node for node in nodes if node.is_of_agent]
        yield from [node for node in of_agents if node.kind != kinds.AGENT] or of_agents


def _repeating(connection: sqlite3.Connection, nodes: list[_Node]) -> set[tuple[int, int]]:
    """The spans around an error, by their traces: they repeat it, if they tell of one."""
    parents = [(node.trace, node.parent_id) for node in nodes if node.is_wrong and node.parent_id != node.span_id]
    return {(trace, span_id) for trace, span_id in connection.execute(_ABOVE, (json.dumps(parents),))}


def _add(groups: dict[tuple[str, str, str], _Group], row: Any, span: Span) -> None:
    _, trace_id, span_id, start, name, _, service, _, _, trace_name = row
    key = (_type(row, span), service, name)
    group = groups.get(key)
    if group is None:
        group = groups[key] = _Group((row, span), start)
    group.first_ns = start
    group.occurrences += 1
    if trace_id not in group.traces:
        group.traces[trace_id] = {
            "trace_id": trace_id.hex(),
            "span_id": span_id.to_bytes(8, "big", signed=True).hex(),
            "name": trace_name[:_LONGEST_TEXT],
            "start": iso(start),
        }


def _shape(key: tuple[str, str, str], group: _Group) -> ErrorShape:
    row, span = group.latest
    return {
        "type": key[0],
        "category": row[8],
        "service": key[1],
        "name": key[2][:_LONGEST_TEXT],
        "message": _message(row, span),
        "occurrences": group.occurrences,
        "traces": len(group.traces),
        "first_seen": iso(group.first_ns),
        "last_seen": iso(row[3]),
        "trace_links": [*group.traces.values()][:_MOST_LINKS],
    }


def _type(row: Any, span: Span) -> str:
    """What the span says of the kind of its failure; what coding agents say of it is content."""
    named = error_type(span) if row[7] is None else None
    return (named or row[8] or semconv.OUTCOME_ERROR)[:_LONGEST_TEXT]


def _message(row: Any, span: Span) -> str | None:
    said = error_message(span) if row[7] is None else None
    return said[:_LONGEST_TEXT] if said else None
