"""What ``--json`` prints and the page reads: the stable shapes.

Ids are lower-case hex, times ISO 8601 in UTC with microseconds, durations milliseconds, costs US dollars. A figure that
is not known is null, never 0. Keys are only ever added.
"""

from __future__ import annotations

from typing import TypedDict

__all__ = [
    "CriticalSection",
    "SessionShape",
    "SpanDetail",
    "SpanEvent",
    "SpanLink",
    "SpanShape",
    "TraceShape",
    "TraceTree",
    "UsageShape",
]


class TraceShape(TypedDict):
    """A row of ``traces``; ``status`` is ``ok``, ``error``, or ``cancelled`` where a coding agent's run was.

    It is ``cancelled``, too, where the task or other work that the trace began with says so.

    ``cost_is_estimate`` is true where some of it came from a price list; ``unpriced_calls`` are calls whose cost nobody
    knows: it is not in the sum.
    """

    trace_id: str
    name: str
    service: str
    start: str
    duration_ms: float
    spans: int
    errors: int
    status: str
    calls: int
    tools: int
    agent_runs: int
    input_tokens: int | None
    output_tokens: int | None
    models: list[str]
    agent: str | None
    session: str | None
    cost_usd: float | None
    cost_is_estimate: bool
    unpriced_calls: int


class SpanShape(TypedDict):
    """A row of ``show``. ``kind`` is null for a span that means nothing to an agent; ``label`` is what it is about.

    ``counted`` is false for a span that repeats what another one reports, and ``repeats`` is that one's id. ``status``
    is ``ok`` (also where none was set), ``error``, ``cancelled`` or ``superseded``. ``unfinished`` is true for a span
    that was sent when it began and has not ended; its duration is 0.
    """

    span_id: str
    parent_span_id: str | None
    depth: int
    name: str
    service: str
    kind: str | None
    label: str | None
    model: str | None
    tool: str | None
    agent: str | None
    counted: bool
    repeats: str | None
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    reasoning_tokens: int | None
    cost_usd: float | None
    cost_is_estimate: bool
    status: str
    error_type: str | None
    offset_ms: float
    duration_ms: float
    unfinished: bool


class CriticalSection(TypedDict):
    """A stretch of the critical path: for that long, the end of the trace waited for this span itself."""

    span_id: str
    offset_ms: float
    duration_ms: float


class TraceTree(TypedDict):
    """``show TRACE``: the trace and its spans, parents before children, siblings by start.

    ``folded`` are the spans of a coding agent's inside that are left out.
    """

    trace: TraceShape
    spans: list[SpanShape]
    critical_path: list[CriticalSection]
    folded: int


class SpanEvent(TypedDict):
    """Something that happened during a span."""

    name: str
    offset_ms: float
    attributes: dict[str, object]


class SpanLink(TypedDict):
    """Another span that a span points to; ``is_stored`` where the store has its trace."""

    trace_id: str
    span_id: str
    attributes: dict[str, object]
    is_stored: bool


class SpanDetail(TypedDict):
    """Everything about one span; ``hidden`` are the attributes of a coding agent's that are left out as content."""

    span_id: str
    name: str
    span_kind: str
    status_message: str
    attributes: dict[str, object]
    events: list[SpanEvent]
    links: list[SpanLink]
    resource: dict[str, object]
    scope: str
    scope_version: str
    dropped_attributes: int
    hidden: int


class SessionShape(TypedDict):
    """A row of ``sessions``: the traces that name one conversation."""

    session: str
    agent: str | None
    service: str
    start: str
    end: str
    traces: int
    errors: int
    calls: int
    tools: int
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None
    cost_is_estimate: bool
    unpriced_calls: int


class UsageShape(TypedDict):
    """A row of ``usage``; ``key`` is the model, agent, tool, session, hour or day."""

    key: str | None
    calls: int
    errors: int
    tool_calls: int
    agent_runs: int
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    reasoning_tokens: int | None
    cost_usd: float | None
    cost_is_estimate: bool
    unpriced_calls: int
