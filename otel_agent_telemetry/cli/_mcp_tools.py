"""The tools that a coding agent is given: questions to the store, answered in the shapes of ``--json``."""

from __future__ import annotations

import time
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path  # noqa: TC003 - the SDK reads annotations
from typing import TYPE_CHECKING, Annotated, Any, Literal

import click
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations
from pydantic import Field

from otel_agent_telemetry.cli._mcp_answers import (
    LARGEST,
    Compared,
    Failed,
    Listed,
    Match,
    Matches,
    Shown,
    Table,
    Talks,
    Used,
    bounded,
    bounded_content,
    cut,
    more,
)
from otel_agent_telemetry.cli._opened import opened
from otel_agent_telemetry.errors import TelemetryError
from otel_agent_telemetry.local import (
    VIEWS,
    TraceFilter,
    answer,
    diff_traces,
    failure_messages,
    find_trace,
    list_sessions,
    list_traces,
    matching_spans,
    parse_duration_ns,
    parse_moment_ns,
    parse_query,
    trace_content,
    trace_tree,
)
from otel_agent_telemetry.local import usage as usage_of
from otel_agent_telemetry.local.read.use._errors import errors as errors_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Generator

__all__ = ["server"]

_MOST_MATCHES = 20
_INSTRUCTIONS = """Traces of LLM agents and services on this machine, as OpenTelemetry spans in a local store.
Begin with list_traces or errors; show_trace gives the tree of one. A trace is named by its id, the first digits of it,
or `latest`. Times are ISO 8601 in UTC or an age such as 2h. Tokens, calls, costs and errors count once, however many
spans tell of them. An answer that would be too long is cut and says how to get the rest."""

Moment = Annotated[str | None, Field(description="ISO 8601 time, or an age such as 2h or 7d")]
Trace = Annotated[str, Field(description="trace id, the first digits of one, or `latest`")]
Limit = Annotated[int, Field(ge=1, le=500, description="at most this many rows")]
Offset = Annotated[int, Field(ge=0, description="leave out this many rows, which an earlier answer gave")]


def server(db: Path | None, *, content: bool) -> MCPServer[Any]:
    """The server over the store at ``db``; tools give content only where it is asked for and ``content`` allows it."""
    made = MCPServer[Any](
        "agent-telemetry",
        title="Agent telemetry",
        instructions=_INSTRUCTIONS,
        version=version("otel-agent-telemetry"),
        log_level="WARNING",
    )
    tools = _Tools(db, content=content)
    read_only = ToolAnnotations(
        read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
    )
    for tool in tools.all():
        made.add_tool(tool, description=_description(tool), annotations=read_only, structured_output=True)
    return made


def _description(tool: Callable[..., object]) -> str:
    text = (tool.__doc__ or "").strip()
    views = "; ".join(f"{view.name}({', '.join(field.name for field in view.fields)})" for view in VIEWS)
    return text.replace("VIEWS", views)


class _Tools:
    def __init__(self, db: Path | None, *, content: bool) -> None:
        self._db = db
        self._content = content

    def all(self) -> list[Callable[..., Any]]:
        listing = [self.list_traces, self.search, self.show_trace, self.compare, self.usage]
        return [*listing, self.errors, self.sessions, self.sql]

    def list_traces(
        self,
        *,
        status: Literal["ok", "error", "cancelled"] | None = None,
        since: Moment = None,
        sort: Literal["start", "duration", "tokens", "spans", "errors", "cost"] = "start",
        limit: Limit = 20,
        offset: Offset = 0,
    ) -> Listed:
        """List traces, the latest first, or the highest of `sort`."""
        with self._asked() as connection:
            wanted = TraceFilter(status=status, since_ns=_moment(since))
            found = list_traces(connection, wanted, sort=sort, limit=limit + 1, offset=offset)
        kept = bounded(found[:limit])
        return {"traces": kept, "note": more(len(kept), len(found), offset)}

    def search(
        self,
        *,
        query: Annotated[
            str | None, Field(description='as on the page: model:gpt-5 tool:search dur:>2s cost:>0.01 -error "refund"')
        ] = None,
        text: Annotated[str | None, Field(description="text that a span contains anywhere")] = None,
        service: str | None = None,
        name: Annotated[str | None, Field(description="part of the trace's name")] = None,
        status: Literal["ok", "error", "cancelled"] | None = None,
        session: str | None = None,
        model: str | None = None,
        agent: str | None = None,
        tool: str | None = None,
        user: Annotated[str | None, Field(description="for whom a span worked, its user.id")] = None,
        attributes: Annotated[
            dict[str, str] | None, Field(description="attributes that one span has, such as {'http.route': '/buy'}")
        ] = None,
        min_duration: Annotated[str | None, Field(description="such as 500ms or 2s")] = None,
        max_duration: str | None = None,
        since: Moment = None,
        until: Moment = None,
        limit: Limit = 20,
        offset: Offset = 0,
    ) -> Matches:
        """Find traces by any of these, which all have to hold; for `text` also the spans that contain it."""
        with self._asked() as connection:
            wanted = TraceFilter(
                query=parse_query(query or ""),
                service=service,
                name=name,
                status=status,
                session=session,
                model=model,
                agent=agent,
                tool=tool,
                user=user,
                text=text,
                attributes=tuple((attributes or {}).items()),
                min_duration_ns=None if min_duration is None else parse_duration_ns(min_duration),
                max_duration_ns=None if max_duration is None else parse_duration_ns(max_duration),
                since_ns=_moment(since),
                until_ns=_moment(until),
            )
            found = list_traces(connection, wanted, limit=limit + 1, offset=offset)
            matches: list[Match] = [
                {"trace": trace, "span_ids": _matching(connection, trace["trace_id"], text)} for trace in found[:limit]
            ]
        kept = bounded(matches)
        return {"matches": kept, "note": more(len(kept), len(found), offset)}

    def show_trace(
        self,
        *,
        trace: Trace = "latest",
        content: Annotated[bool, Field(description="also prompts, answers, tool arguments and results")] = False,
        limit: Limit = 200,
        offset: Offset = 0,
    ) -> Shown:
        """Show one trace as a tree: its spans by depth, with model, tokens, cost, tool, status, and why it failed."""
        if content and not self._content:
            raise ToolError("content is not allowed: the user starts `agent-telemetry mcp --content` to allow it")
        with self._asked() as connection:
            row, _ = find_trace(connection, trace)
            tree = trace_tree(connection, row)
            failures = failure_messages(connection, row, tree["spans"])
            said = trace_content(connection, row) if content else None
        spans = tree["spans"][offset : offset + limit]
        kept = bounded(spans, LARGEST if said is None else LARGEST // 3)
        ids = {span["span_id"] for span in kept}
        texts, is_cut = bounded_content(said, ids) if said is not None else (None, False)
        note = more(len(kept), len(tree["spans"]) - offset, offset)
        if is_cut:
            note = f"{note or ''} Content is cut; ask for fewer spans with limit and offset.".strip()
        return {
            "trace": tree["trace"],
            "spans": kept,
            "failures": {span: cut(text) for span, text in failures.items() if span in ids},
            "content": texts,
            "note": note,
        }

    def compare(self, *, a: Trace, b: Trace, limit: Limit = 100, offset: Offset = 0) -> Compared:
        """Align two traces: what appeared in b, vanished from a, or changed in time, cost, model, status or text."""
        with self._asked() as connection:
            aligned = diff_traces(connection, *(find_trace(connection, given)[0] for given in (a, b)))
        changed = [row for row in aligned["rows"] if row["change"] != "same"][offset:]
        kept = bounded(changed[:limit])
        return {"a": aligned["a"], "b": aligned["b"], "rows": kept, "note": more(len(kept), len(changed), offset)}

    def usage(
        self,
        *,
        by: Literal["model", "agent", "tool", "session", "user", "hour", "day"] = "model",
        since: Moment = None,
        until: Moment = None,
        limit: Limit = 50,
        offset: Offset = 0,
    ) -> Used:
        """Add up tokens, calls, errors and cost."""
        with self._asked() as connection:
            rows = usage_of(connection, by, since_ns=_moment(since), until_ns=_moment(until))[offset:]
        kept = bounded(rows[:limit])
        return {"rows": kept, "note": more(len(kept), len(rows), offset)}

    def errors(self, *, since: Moment = None, until: Moment = None, limit: Limit = 20, offset: Offset = 0) -> Failed:
        """Group failures by type and place, with the latest message, first and last seen, and their traces."""
        with self._asked() as connection:
            rows = errors_of(connection, since_ns=_moment(since), until_ns=_moment(until))["errors"][offset:]
        kept = bounded(rows[:limit])
        return {"errors": kept, "note": more(len(kept), len(rows), offset)}

    def sessions(self, *, since: Moment = None, until: Moment = None, limit: Limit = 20, offset: Offset = 0) -> Talks:
        """List sessions, the latest first; search(session=...) lists the traces of one."""
        with self._asked() as connection:
            most = offset + limit + 1
            rows = list_sessions(connection, since_ns=_moment(since), until_ns=_moment(until), limit=most)[offset:]
        kept = bounded(rows[:limit])
        return {"sessions": kept, "note": more(len(kept), len(rows), offset)}

    def sql(
        self,
        *,
        query: Annotated[str, Field(description="one SELECT of SQLite's")],
        content: Annotated[bool, Field(description="attributes and bodies also with what was said")] = False,
        limit: Limit = 100,
    ) -> Table:
        """Answer a SELECT over these views: VIEWS.

        Sums are right, as each figure stands once; count calls with sum(calls). attribute(attributes, 'http.route')
        reads one attribute.
        """
        if content and not self._content:
            raise ToolError("content is not allowed: the user starts `agent-telemetry mcp --content` to allow it")
        with self._asked() as connection:
            found = answer(connection, query, limit=limit, content=content)
        kept = bounded([[cut(value) for value in row] for row in found.rows])
        is_cut = found.truncated or len(kept) < len(found.rows)
        note = (
            f"These are the first {len(kept)} rows; narrow the question down, or use LIMIT and OFFSET."
            if is_cut
            else None
        )
        return {"columns": found.columns, "rows": kept, "note": note}

    @contextmanager
    def _asked(self) -> Generator[sqlite3.Connection]:
        try:
            with opened(self._db) as connection:
                yield connection
        except click.ClickException as error:
            raise ToolError(error.message) from error
        except TelemetryError as error:
            raise ToolError(str(error)) from error


def _moment(text: str | None) -> int | None:
    return None if text is None else parse_moment_ns(text, time.time_ns())


def _matching(connection: sqlite3.Connection, trace: str, text: str | None) -> list[str]:
    if text is None:
        return []
    return sorted(matching_spans(connection, find_trace(connection, trace)[0], text))[:_MOST_MATCHES]
