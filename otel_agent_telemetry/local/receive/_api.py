"""What the page asks: JSON by GET, nothing that changes anything.

``traces`` ``sessions`` ``usage`` ``series`` ``budgets`` ``latency`` ``errors`` ``logs`` ``metrics`` ``metric``
``events`` ``diff`` ``facets`` ``feedback``, ``sessions/ID``, ``diff/spans``, ``diff/sessions``, and below
``traces/ID``: nothing (the tree), ``spans/ID``, ``spans/ID/otlp``, ``spans/ID/prompt``, ``matching``, ``conversation``,
``conversation/SPAN``, ``left``, ``export``. The answers are the shapes of ``--json``.
"""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, cast
from urllib.parse import parse_qsl, unquote

from otel_agent_telemetry.errors import InputError
from otel_agent_telemetry.local.read._answers import json_text
from otel_agent_telemetry.local.read._content import matching_spans
from otel_agent_telemetry.local.read._moments import parse_moment_ns
from otel_agent_telemetry.local.read.left._left import left_machine
from otel_agent_telemetry.local.read.left._received import received_events
from otel_agent_telemetry.local.read.lists._facets import facets
from otel_agent_telemetry.local.read.lists._listing import SORTS, TraceFilter, find_trace, list_traces
from otel_agent_telemetry.local.read.lists._query import ATTRIBUTE, Query, QueryError, Term, parse_query, render_query
from otel_agent_telemetry.local.read.lists._sessions import SESSION_SORTS, list_sessions
from otel_agent_telemetry.local.read.signals._logs import LogFilter, list_logs
from otel_agent_telemetry.local.read.signals._metrics import instruments, metric
from otel_agent_telemetry.local.read.talk._conversation import PAGE, messages_of_call
from otel_agent_telemetry.local.read.talk._diff_said import diff_sessions, diff_spans, diff_traces
from otel_agent_telemetry.local.read.talk._feedback import feedback, feedback_of_sessions, feedback_of_traces
from otel_agent_telemetry.local.read.talk._prompt import prompt_text
from otel_agent_telemetry.local.read.talk._session import (
    shorten,
    shorten_message,
    talk_of_session,
    talk_of_trace,
    write_markdown,
)
from otel_agent_telemetry.local.read.trace._span import span_detail
from otel_agent_telemetry.local.read.trace._takeaway import FORMATS, span_json, takeaway
from otel_agent_telemetry.local.read.trace._tree import trace_tree
from otel_agent_telemetry.local.read.use._budget import spent
from otel_agent_telemetry.local.read.use._errors import errors
from otel_agent_telemetry.local.read.use._latency import OPERATIONS, latency
from otel_agent_telemetry.local.read.use._series import STACKS, STEPS_NS, series
from otel_agent_telemetry.local.read.use._sums import GROUPINGS, usage
from otel_agent_telemetry.local.receive._refusal import RefusalError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from otel_agent_telemetry.local.read.left._left import Outbox
    from otel_agent_telemetry.local.read.talk._session import Talk
    from otel_agent_telemetry.local.read.use._budget import Budget, BudgetShape
    from otel_agent_telemetry.local.store._store import Store

__all__ = ["Api"]

_MOST_ROWS = 1000
_MOST_CALLS = 200
_MOST_DIGITS = 9
_EVERYTHING = 10**9 - 1
_TEXTS = ("service", "name", "session", "model", "agent", "tool", "user", "text")


class _Asked:
    """A query's parameters; an unusable one raises RefusalError(400)."""

    def __init__(self, query: str, api: Api) -> None:
        pairs = parse_qsl(query)
        self._values = dict(pairs)
        self.api = api
        self.attributes = [value for key, value in pairs if key == "attribute"]

    def text(self, key: str) -> str | None:
        return self._values.get(key)

    def texts(self, key: str) -> list[str]:
        """A list of texts in JSON; of more than a list of rows holds the first."""
        try:
            given = json.loads(self._values.get(key) or "[]")
        except (ValueError, RecursionError):
            given = None
        if not isinstance(given, list):
            raise RefusalError(400, f"{key}={self._values[key][:40]!r}; expected a list in JSON")
        return [each for each in cast("list[object]", given)[:_MOST_ROWS] if isinstance(each, str)]

    def choice(self, key: str, choices: tuple[str, ...]) -> str:
        given = self._values.get(key) or choices[0]
        if given not in choices:
            raise RefusalError(400, f"{key}={given[:40]!r}; expected one of {', '.join(choices)}")
        return given

    def whole(self, key: str, default: int) -> int:
        given = self._values.get(key) or str(default)
        if not (given.isascii() and given.isdigit() and len(given) <= _MOST_DIGITS):
            raise RefusalError(400, f"{key}={given[:40]!r}; expected a whole number")
        return int(given)

    def moment(self, key: str) -> int | None:
        given = self._values.get(key)
        return parse_moment_ns(given, time.time_ns()) if given else None


class Api:
    """Answers GET /api/..., each over a connection of its own."""

    def __init__(self, store: Store, outbox: Outbox, budgets: Sequence[Budget] = ()) -> None:
        self._store = store
        self._budgets = budgets
        self._outbox = outbox

    def answer(self, path: str, query: str) -> bytes:
        """The JSON for ``/api/PATH?QUERY``. Raises RefusalError (400, 404, 503)."""
        parts = [unquote(part) for part in path.strip("/").split("/")]
        try:
            with closing(self._store.reader()) as connection:
                value = self._value(connection, parts, _Asked(query, self))
            return json_text(value).encode()
        except InputError as error:
            raise RefusalError(404 if len(parts) > 1 else 400, str(error)) from error
        except sqlite3.OperationalError as error:
            raise RefusalError(503, f"the store cannot be read: {error}", retry_after=1) from error
        except sqlite3.DatabaseError as error:
            self._store.file.look_through()
            raise RefusalError(503, f"the store was broken: {error}; ask again", retry_after=1) from error

    def budgets(self, connection: sqlite3.Connection) -> list[BudgetShape]:
        """What is spent of each budget now."""
        now = time.time_ns()
        return [spent(connection, each, now) for each in self._budgets]

    def _value(self, connection: sqlite3.Connection, parts: list[str], asked: _Asked) -> object:
        if len(parts) == 1 and parts[0] in _OF_STORE:
            return _OF_STORE[parts[0]](connection, asked)
        if tuple(parts) in _DIFFS:
            return _DIFFS[parts[0], parts[1]](connection, asked)
        if parts[0] == "sessions":
            return _bounded(talk_of_session(connection, "/".join(parts[1:]), **_page(asked)), asked)
        if parts[0] != "traces" or len(parts) == 1:
            raise RefusalError(404, f"there is no /api/{parts[0][:40]}; expected one of {', '.join(_OF_STORE)}")
        trace, trace_id = find_trace(connection, parts[1])
        if parts[2:] == ["left"]:
            return left_machine(connection, trace, self._outbox)
        return _of_trace(connection, trace, trace_id, parts[2:], asked)


def _of_trace(connection: sqlite3.Connection, trace: int, trace_id: str, parts: list[str], asked: _Asked) -> object:
    has_content = asked.text("content") == "true"
    match parts:
        case []:
            return trace_tree(connection, trace)
        case ["spans", span, *rest]:
            return _of_span(connection, trace, span, rest, content=has_content)
        case ["export"]:
            wanted = asked.choice("format", tuple(FORMATS))
            return takeaway(connection, trace, trace_id, wanted, content=has_content)
        case ["matching"]:
            return {"spans": sorted(matching_spans(connection, trace, asked.text("text") or ""))}
        case ["conversation"]:
            return _bounded(talk_of_trace(connection, trace, **_page(asked, content=True)), asked)
        case ["conversation", span]:
            return {"messages": _messages(connection, trace, span)}
        case _:
            raise RefusalError(404, "of a trace there are spans, matching, conversation, left and export")


def _of_span(connection: sqlite3.Connection, trace: int, span: str, parts: list[str], *, content: bool) -> object:
    match parts:
        case []:
            detail = span_detail(connection, trace, span, content=content)
            judged = [each for each in feedback(connection, [trace]) if each["span_id"] == detail["span_id"]]
            return {**detail, "feedback": judged}
        case ["otlp"]:
            return {"text": span_json(connection, trace, span, content=content)}
        case ["prompt"]:
            return {"text": prompt_text(connection, trace, span)}
        case _:
            raise RefusalError(404, "of a span there are otlp and prompt")


def _query(asked: _Asked) -> Query:
    """What ``q`` says, and what the parameters say that were there before it."""
    named = [(key, asked.text(key)) for key in (*_TEXTS, "status", "since", "until")]
    pairs = [pair.partition("=") for pair in asked.attributes]
    limits = [(sign, asked.text(key)) for sign, key in ((">=", "min_duration"), ("<=", "max_duration"))]
    more = (
        *(Term(key, (value,)) for key, value in named if value),
        *(Term(ATTRIBUTE + key, (value,)) for key, _, value in pairs if key),
        *(Term("dur", (limit,), sign) for sign, limit in limits if limit),
    )
    return parse_query(asked.text("q") or "") + tuple(_checked(term) for term in more)


def _checked(term: Term) -> Term:
    try:
        parse_query(render_query([term]))
    except QueryError as error:
        raise RefusalError(400, f"{term.key}: {error.problem}") from error
    return term


def _page(asked: _Asked, *, content: bool = False) -> dict[str, int | bool]:
    limit = max(1, min(asked.whole("limit", PAGE), _MOST_CALLS))
    return {"offset": asked.whole("offset", 0), "limit": limit, "content": content or asked.text("content") == "true"}


def _bounded(talk: Talk, asked: _Asked) -> Talk:
    shorten(talk)
    if asked.text("markdown") == "true":
        write_markdown(talk)
    return talk


def _messages(connection: sqlite3.Connection, trace: int, span: str) -> object:
    detail = span_detail(connection, trace, span)  # refuses an id that is none
    messages = messages_of_call(connection, trace, detail["span_id"])
    for each in messages:
        shorten_message(each)
    return messages


def _feedback(connection: sqlite3.Connection, asked: _Asked) -> object:
    """Marks for rows of lists: ``traces`` or ``sessions`` are their ids, as a list in JSON."""
    if asked.text("sessions"):
        return {"feedback": feedback_of_sessions(connection, asked.texts("sessions"))}
    return {"feedback": feedback_of_traces(connection, asked.texts("traces"))}


def _traces(connection: sqlite3.Connection, asked: _Asked) -> object:
    query = _query(asked)
    sort = asked.choice("sort", tuple(SORTS))
    limit, offset = min(asked.whole("limit", 50), _MOST_ROWS), asked.whole("offset", 0)
    traces = list_traces(connection, TraceFilter(query=query), sort=sort, limit=limit, offset=offset)
    return {"traces": traces, "terms": [render_query([term]) for term in query]}


def _sessions(connection: sqlite3.Connection, asked: _Asked) -> object:
    query = _query(asked)
    sort = asked.choice("sort", tuple(SESSION_SORTS))
    limit = min(asked.whole("limit", 100), _MOST_ROWS)
    return {
        "sessions": list_sessions(connection, query=query, sort=sort, limit=limit),
        "terms": [render_query([term]) for term in query],
    }


def _usage(connection: sqlite3.Connection, asked: _Asked) -> object:
    by = asked.choice("by", tuple(GROUPINGS))
    limit = asked.whole("limit", _EVERYTHING)
    rows = usage(connection, by, since_ns=asked.moment("since"), until_ns=asked.moment("until"), limit=limit + 1)
    return {"usage": rows[:limit], "is_all": len(rows) <= limit}


def _series(connection: sqlite3.Connection, asked: _Asked) -> object:
    step, stack = asked.choice("step", tuple(STEPS_NS)), asked.choice("stack", STACKS)
    return series(connection, step, stack, since_ns=asked.moment("since"), until_ns=asked.moment("until"))


def _budgets(connection: sqlite3.Connection, asked: _Asked) -> object:
    return {"budgets": asked.api.budgets(connection)}


def _latency(connection: sqlite3.Connection, asked: _Asked) -> object:
    by = asked.choice("by", tuple(OPERATIONS))
    return latency(connection, by, since_ns=asked.moment("since"), until_ns=asked.moment("until"))


def _errors(connection: sqlite3.Connection, asked: _Asked) -> object:
    since, until = asked.moment("since"), asked.moment("until")
    return errors(connection, since_ns=since, until_ns=until, service=asked.text("service"))


def _logs(connection: sqlite3.Connection, asked: _Asked) -> object:
    named = {key: asked.text(key) for key in ("text", "severity", "service", "trace", "span")}
    wanted = LogFilter(**named, since_ns=asked.moment("since"), until_ns=asked.moment("until"))
    limit, offset = min(asked.whole("limit", 50), _MOST_ROWS), asked.whole("offset", 0)
    content = asked.text("content") == "true"
    return {"logs": list_logs(connection, wanted, limit=limit, offset=offset, content=content)}


def _metrics(connection: sqlite3.Connection, _asked: _Asked) -> object:
    return {"metrics": instruments(connection)}


def _metric(connection: sqlite3.Connection, asked: _Asked) -> object:
    since, until = asked.moment("since"), asked.moment("until")
    name, service, by = asked.text("name") or "", asked.text("service"), asked.text("by")
    return metric(connection, name, service=service, by=by, since_ns=since, until_ns=until)


def _events(connection: sqlite3.Connection, asked: _Asked) -> object:
    limit, offset = min(asked.whole("limit", 50), _MOST_ROWS), asked.whole("offset", 0)
    return {"events": received_events(connection, limit=limit, offset=offset)}


def _diff(connection: sqlite3.Connection, asked: _Asked) -> object:
    return diff_traces(connection, *(find_trace(connection, asked.text(key) or "")[0] for key in ("a", "b")))


def _diff_spans(connection: sqlite3.Connection, asked: _Asked) -> object:
    a, b = ((find_trace(connection, asked.text(key) or "")[0], asked.text(f"span_{key}") or "") for key in ("a", "b"))
    return {"said": diff_spans(connection, a, b)}


def _diff_sessions(connection: sqlite3.Connection, asked: _Asked) -> object:
    a, b = asked.text("a") or "", asked.text("b") or ""
    return diff_sessions(connection, a, b, content=asked.text("content") == "true")


def _facets(connection: sqlite3.Connection, _asked: _Asked) -> object:
    return facets(connection)


_OF_STORE: dict[str, Callable[[sqlite3.Connection, _Asked], object]] = {
    "traces": _traces,
    "sessions": _sessions,
    "usage": _usage,
    "series": _series,
    "budgets": _budgets,
    "latency": _latency,
    "errors": _errors,
    "logs": _logs,
    "metrics": _metrics,
    "metric": _metric,
    "events": _events,
    "diff": _diff,
    "facets": _facets,
    "feedback": _feedback,
}
_DIFFS = {("diff", "spans"): _diff_spans, ("diff", "sessions"): _diff_sessions}
