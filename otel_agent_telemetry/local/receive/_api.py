"""What the page asks: JSON by GET, nothing that changes anything.

``traces`` ``sessions`` ``usage`` ``diff`` ``facets`` ``feedback``, ``sessions/ID``, ``diff/spans``, ``diff/sessions``;
below ``traces/ID`` nothing (the tree), ``spans/ID``, ``matching``, ``conversation``, ``conversation/SPAN``, ``left``.
The answers are the shapes of ``--json``.
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
from otel_agent_telemetry.local.read._conversation import PAGE, messages_of_call
from otel_agent_telemetry.local.read._diff import diff_trees
from otel_agent_telemetry.local.read._diff_said import diff_sessions, diff_spans
from otel_agent_telemetry.local.read._facets import facets
from otel_agent_telemetry.local.read._feedback import feedback, feedback_of_sessions, feedback_of_traces
from otel_agent_telemetry.local.read._left import left_machine
from otel_agent_telemetry.local.read._listing import SORTS, TraceFilter, find_trace, list_traces
from otel_agent_telemetry.local.read._moments import parse_duration_ns, parse_moment_ns
from otel_agent_telemetry.local.read._session import (
    shorten,
    shorten_message,
    talk_of_session,
    talk_of_trace,
    write_markdown,
)
from otel_agent_telemetry.local.read._sums import GROUPINGS, list_sessions, usage
from otel_agent_telemetry.local.read._tree import span_detail, trace_tree
from otel_agent_telemetry.local.receive._refusal import RefusalError

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_agent_telemetry.local.read._left import Outbox
    from otel_agent_telemetry.local.read._session import Talk
    from otel_agent_telemetry.local.store._store import Store

__all__ = ["Api"]

_MOST_ROWS = 1000
_MOST_CALLS = 200
_MOST_DIGITS = 9
_TEXTS = ("service", "name", "session", "model", "agent", "tool", "text")


class _Asked:
    """A query's parameters; an unusable one raises RefusalError(400)."""

    def __init__(self, query: str) -> None:
        pairs = parse_qsl(query)
        self._values = dict(pairs)
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

    def duration(self, key: str) -> int | None:
        given = self._values.get(key)
        return parse_duration_ns(given) if given else None


class Api:
    """Answers GET /api/..., each over a connection of its own."""

    def __init__(self, store: Store, outbox: Outbox) -> None:
        self._store = store
        self._outbox = outbox

    def answer(self, path: str, query: str) -> bytes:
        """The JSON for ``/api/PATH?QUERY``. Raises RefusalError (400, 404, 503)."""
        parts = [unquote(part) for part in path.strip("/").split("/")]
        try:
            with closing(self._store.reader()) as connection:
                value = self._value(connection, parts, _Asked(query))
            return json_text(value).encode()
        except InputError as error:
            raise RefusalError(404 if len(parts) > 1 else 400, str(error)) from error
        except sqlite3.OperationalError as error:
            raise RefusalError(503, f"the store cannot be read: {error}", retry_after=1) from error
        except sqlite3.DatabaseError as error:
            self._store.file.look_through()
            raise RefusalError(503, f"the store was broken: {error}; ask again", retry_after=1) from error

    def _value(self, connection: sqlite3.Connection, parts: list[str], asked: _Asked) -> object:
        match parts:
            case [name] if name in _OF_STORE:
                return _OF_STORE[name](connection, asked)
            case ["diff", kind] if kind in _DIFFS:
                return _DIFFS[kind](connection, asked)
            case ["sessions", session]:
                return _bounded(talk_of_session(connection, session, **_page(asked)), asked)
            case ["traces", given, *of_trace]:
                return self._of_trace(connection, find_trace(connection, given)[0], of_trace, asked)
            case _:
                raise RefusalError(404, f"there is no /api/{parts[0][:40]}; expected one of {', '.join(_OF_STORE)}")

    def _of_trace(self, connection: sqlite3.Connection, trace: int, parts: list[str], asked: _Asked) -> object:
        match parts:
            case []:
                return trace_tree(connection, trace)
            case ["spans", span]:
                detail = span_detail(connection, trace, span, content=asked.text("content") == "true")
                judged = [each for each in feedback(connection, [trace]) if each["span_id"] == detail["span_id"]]
                return {**detail, "feedback": judged}
            case ["matching"]:
                return {"spans": sorted(matching_spans(connection, trace, asked.text("text") or ""))}
            case ["conversation"]:
                return _bounded(talk_of_trace(connection, trace, **_page(asked, content=True)), asked)
            case ["conversation", span]:
                return {"messages": _messages(connection, trace, span)}
            case ["left"]:
                return left_machine(connection, trace, self._outbox)
            case _:
                raise RefusalError(404, "of a trace there are spans, matching, conversation and left")


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
    wanted = TraceFilter(
        **{key: asked.text(key) for key in _TEXTS},
        status=asked.choice("status", ("ok", "error", "cancelled")) if asked.text("status") else None,
        attributes=tuple((key, value) for key, _, value in (pair.partition("=") for pair in asked.attributes)),
        min_duration_ns=asked.duration("min_duration"),
        max_duration_ns=asked.duration("max_duration"),
        since_ns=asked.moment("since"),
        until_ns=asked.moment("until"),
    )
    sort = asked.choice("sort", tuple(SORTS))
    limit = min(asked.whole("limit", 50), _MOST_ROWS)
    return {"traces": list_traces(connection, wanted, sort=sort, limit=limit, offset=asked.whole("offset", 0))}


def _sessions(connection: sqlite3.Connection, asked: _Asked) -> object:
    limit = min(asked.whole("limit", 100), _MOST_ROWS)
    since, until = asked.moment("since"), asked.moment("until")
    return {"sessions": list_sessions(connection, since_ns=since, until_ns=until, limit=limit)}


def _usage(connection: sqlite3.Connection, asked: _Asked) -> object:
    by = asked.choice("by", tuple(GROUPINGS))
    return {"usage": usage(connection, by, since_ns=asked.moment("since"), until_ns=asked.moment("until"))}


def _diff(connection: sqlite3.Connection, asked: _Asked) -> object:
    a, b = (trace_tree(connection, find_trace(connection, asked.text(key) or "")[0]) for key in ("a", "b"))
    return diff_trees(a, b)


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
    "diff": _diff,
    "facets": _facets,
    "feedback": _feedback,
}
_DIFFS = {"spans": _diff_spans, "sessions": _diff_sessions}
