"""Reading telemetry on the machine that made it: receiver, store, queries, page."""

from __future__ import annotations

from otel_agent_telemetry._sockets import is_loopback
from otel_agent_telemetry.local.read._answers import json_text
from otel_agent_telemetry.local.read._content import matching_spans, trace_content
from otel_agent_telemetry.local.read._conversation import Turn
from otel_agent_telemetry.local.read._diff import DiffRow, DiffShape, diff_trees
from otel_agent_telemetry.local.read._diff_said import SaidDiff, SessionDiff, TurnPair, diff_sessions, diff_spans
from otel_agent_telemetry.local.read._failures import failure_messages
from otel_agent_telemetry.local.read._feedback import Feedback
from otel_agent_telemetry.local.read._left import Outbox
from otel_agent_telemetry.local.read._listing import SORTS, TraceFilter, find_trace, list_traces
from otel_agent_telemetry.local.read._moments import iso, parse_duration_ns, parse_moment_ns, parse_size
from otel_agent_telemetry.local.read._pairs import Said
from otel_agent_telemetry.local.read._recent import RecentShape, newest_span, recent_spans
from otel_agent_telemetry.local.read._running import RunningShape, running
from otel_agent_telemetry.local.read._session import JudgedTurn, SessionTalk, Talk, talk_of_session, talk_of_trace
from otel_agent_telemetry.local.read._shapes import (
    SessionShape,
    SpanDetail,
    SpanShape,
    TraceShape,
    TraceTree,
    UsageShape,
)
from otel_agent_telemetry.local.read._sql import SQL_SECONDS, Answer, answer
from otel_agent_telemetry.local.read._sums import GROUPINGS, list_sessions, usage
from otel_agent_telemetry.local.read._text_diff import Piece
from otel_agent_telemetry.local.read._tree import span_detail, trace_tree
from otel_agent_telemetry.local.read._views import VIEWS, View
from otel_agent_telemetry.local.receive._server import Server
from otel_agent_telemetry.local.store._keeper import Keeper
from otel_agent_telemetry.local.store._lines import Imported, export_all, export_trace, import_line, import_readings
from otel_agent_telemetry.local.store._place import default_store
from otel_agent_telemetry.local.store._retention import Collected, Limits, collect
from otel_agent_telemetry.local.store._store import Store
from otel_agent_telemetry.local.store._tables import empty

__all__ = [
    "GROUPINGS",
    "SORTS",
    "SQL_SECONDS",
    "VIEWS",
    "Answer",
    "Collected",
    "DiffRow",
    "DiffShape",
    "Feedback",
    "Imported",
    "JudgedTurn",
    "Keeper",
    "Limits",
    "Outbox",
    "Piece",
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
    "Store",
    "Talk",
    "TraceFilter",
    "TraceShape",
    "TraceTree",
    "Turn",
    "TurnPair",
    "UsageShape",
    "View",
    "answer",
    "collect",
    "default_store",
    "diff_sessions",
    "diff_spans",
    "diff_trees",
    "empty",
    "export_all",
    "export_trace",
    "failure_messages",
    "find_trace",
    "import_line",
    "import_readings",
    "is_loopback",
    "iso",
    "json_text",
    "list_sessions",
    "list_traces",
    "matching_spans",
    "newest_span",
    "parse_duration_ns",
    "parse_moment_ns",
    "parse_size",
    "recent_spans",
    "running",
    "span_detail",
    "talk_of_session",
    "talk_of_trace",
    "trace_content",
    "trace_tree",
    "usage",
]
