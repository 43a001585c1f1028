"""Reading telemetry on the machine that made it: receiver, store, queries, page."""

from __future__ import annotations

from otel_agent_telemetry._sockets import is_loopback
from otel_agent_telemetry.local.read._answers import json_text
from otel_agent_telemetry.local.read._content import matching_spans, trace_content
from otel_agent_telemetry.local.read._moments import iso, parse_duration_ns, parse_moment_ns, parse_size
from otel_agent_telemetry.local.read._shapes import (
    SessionShape,
    SpanDetail,
    SpanShape,
    TraceShape,
    TraceTree,
    UsageShape,
)
from otel_agent_telemetry.local.read.left._left import Outbox
from otel_agent_telemetry.local.read.lists._listing import SORTS, TraceFilter, find_trace, list_traces
from otel_agent_telemetry.local.read.lists._query import Query, Term, parse_query, render_query
from otel_agent_telemetry.local.read.lists._recent import RecentShape, newest_span, recent_spans
from otel_agent_telemetry.local.read.lists._running import RunningShape, running
from otel_agent_telemetry.local.read.lists._sessions import SESSION_SORTS, list_sessions
from otel_agent_telemetry.local.read.signals._line import Step
from otel_agent_telemetry.local.read.signals._logs import SEVERITIES, LogFilter, LogShape, list_logs
from otel_agent_telemetry.local.read.signals._metrics import (
    InstrumentShape,
    LineShape,
    MetricShape,
    instruments,
    metric,
)
from otel_agent_telemetry.local.read.sql._sql import SQL_SECONDS, Answer, answer
from otel_agent_telemetry.local.read.sql._views import VIEWS, View
from otel_agent_telemetry.local.read.talk._conversation import Turn
from otel_agent_telemetry.local.read.talk._diff_said import (
    SaidDiff,
    SessionDiff,
    TurnPair,
    diff_sessions,
    diff_spans,
    diff_traces,
)
from otel_agent_telemetry.local.read.talk._feedback import Feedback
from otel_agent_telemetry.local.read.talk._pairs import Said
from otel_agent_telemetry.local.read.talk._session import JudgedTurn, SessionTalk, Talk, talk_of_session, talk_of_trace
from otel_agent_telemetry.local.read.talk._text_diff import Piece
from otel_agent_telemetry.local.read.trace._diff import DiffRow, DiffShape, diff_trees
from otel_agent_telemetry.local.read.trace._failures import failure_messages
from otel_agent_telemetry.local.read.trace._span import span_detail
from otel_agent_telemetry.local.read.trace._takeaway import FORMATS, csv_lines, formatted_lines
from otel_agent_telemetry.local.read.trace._tree import trace_tree
from otel_agent_telemetry.local.read.use._budget import Budget, BudgetShape, parse_budget, spent
from otel_agent_telemetry.local.read.use._errors import MOST_TRACES, ErrorShape, ErrorsShape, errors
from otel_agent_telemetry.local.read.use._latency import OPERATIONS, LatencyRow, LatencyShape, latency
from otel_agent_telemetry.local.read.use._sums import GROUPINGS, usage
from otel_agent_telemetry.local.receive._server import Server
from otel_agent_telemetry.local.store._keeper import Keeper
from otel_agent_telemetry.local.store._lines import (
    Imported,
    count_lines,
    export_all,
    export_trace,
    import_line,
    import_readings,
)
from otel_agent_telemetry.local.store._place import default_store
from otel_agent_telemetry.local.store._retention import Collected, Limits, collect
from otel_agent_telemetry.local.store._store import Store
from otel_agent_telemetry.local.store._tables import empty

__all__ = [
    "FORMATS",
    "GROUPINGS",
    "MOST_TRACES",
    "OPERATIONS",
    "SESSION_SORTS",
    "SEVERITIES",
    "SORTS",
    "SQL_SECONDS",
    "VIEWS",
    "Answer",
    "Budget",
    "BudgetShape",
    "Collected",
    "DiffRow",
    "DiffShape",
    "ErrorShape",
    "ErrorsShape",
    "Feedback",
    "Imported",
    "InstrumentShape",
    "JudgedTurn",
    "Keeper",
    "LatencyRow",
    "LatencyShape",
    "Limits",
    "LineShape",
    "LogFilter",
    "LogShape",
    "MetricShape",
    "Outbox",
    "Piece",
    "Query",
    "RecentShape",
    "RunningShape",
    "Said",
    "SaidDiff",
    "Server",
    "SessionDiff",
    "SessionShape",
    "SessionTalk",
    "SpanDetail",
    "SpanShape",
    "Step",
    "Store",
    "Talk",
    "Term",
    "TraceFilter",
    "TraceShape",
    "TraceTree",
    "Turn",
    "TurnPair",
    "UsageShape",
    "View",
    "answer",
    "collect",
    "count_lines",
    "csv_lines",
    "default_store",
    "diff_sessions",
    "diff_spans",
    "diff_traces",
    "diff_trees",
    "empty",
    "errors",
    "export_all",
    "export_trace",
    "failure_messages",
    "find_trace",
    "formatted_lines",
    "import_line",
    "import_readings",
    "instruments",
    "is_loopback",
    "iso",
    "json_text",
    "latency",
    "list_logs",
    "list_sessions",
    "list_traces",
    "matching_spans",
    "metric",
    "newest_span",
    "parse_budget",
    "parse_duration_ns",
    "parse_moment_ns",
    "parse_query",
    "parse_size",
    "recent_spans",
    "render_query",
    "running",
    "span_detail",
    "spent",
    "talk_of_session",
    "talk_of_trace",
    "trace_content",
    "trace_tree",
    "usage",
]
