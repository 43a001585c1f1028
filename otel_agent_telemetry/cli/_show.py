"""``show``: one trace as a tree, or a session as a conversation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from otel_agent_telemetry.cli._opened import db_option, json_option, opened, print_json
from otel_agent_telemetry.cli._table import (
    Column,
    amount,
    clean,
    counted,
    dollars,
    duration,
    print_table,
    styled,
    tokens,
)
from otel_agent_telemetry.cli._talk import has_content, print_session, print_talk
from otel_agent_telemetry.cli._when import local_time, zone
from otel_agent_telemetry.errors import InputError
from otel_agent_telemetry.local import (
    failure_messages,
    find_trace,
    matching_spans,
    talk_of_session,
    talk_of_trace,
    trace_content,
    trace_tree,
)

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    from otel_agent_telemetry.local import SpanShape, TraceTree

__all__ = ["show"]

_COLUMNS = [
    Column("SPAN", stretch=True, least=64),
    Column("KIND", 6),
    Column("ABOUT", 4, stretch=True),
    Column("SERVICE", 8, stretch=True),
    Column("IN", 2, right=True),
    Column("OUT", 2, right=True),
    Column("COST", 5, right=True),
    Column("STATUS"),
    Column("ERROR", 3, stretch=True),
    Column("DURATION", 1, right=True),
]


_NO_CONTENT = (
    "no prompts or answers were recorded; OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=true, set for"
    " `agent-telemetry run`, records them"
)


@click.command(short_help="Show one trace as a tree, or a session as a conversation.")
@click.argument("trace", required=False)
@click.option(
    "--search", help="Only spans whose name, kind, model, tool, agent or attributes contain this, and their ancestors."
)
@click.option("--session", metavar="ID", help="Show this session: its id, or the beginning of it.")
@click.option("--content", is_flag=True, help="Print what was said: prompts, answers, tool arguments and results.")
@db_option
@json_option
def show(
    *, trace: str | None, search: str | None, session: str | None, content: bool, db: Path | None, as_json: bool
) -> None:
    """Show TRACE as a tree: one row per span, with model, tokens, cost and tool.

    TRACE is an id, its first digits, or `latest`. With --content the conversation follows: each turn once, without what
    the model had been given before.
    """
    if (trace is None) == (session is None):
        msg = "name a TRACE, as `agent-telemetry traces` lists them, or a session: `agent-telemetry show --session ID`"
        raise click.UsageError(msg)
    if trace is None:
        _show_session(session or "", db, content=content, as_json=as_json)
        return
    with opened(db) as connection:
        row_id, _ = find_trace(connection, trace)
        tree = trace_tree(connection, row_id)
        matching = _matching(connection, row_id, tree, search)
        texts = trace_content(connection, row_id) if content and as_json else {}
        talk = talk_of_trace(connection, row_id, limit=None) if content else None
        failures = failure_messages(connection, row_id, tree["spans"])
    tree["spans"] = _with_ancestors(tree["spans"], matching)
    if as_json:
        print_json({**tree, "content": texts, "conversation": talk} if content else tree)
        return
    _print_heading(tree)
    _print_tree(tree["spans"], failures)
    if talk is not None:
        print_talk(talk)
        if not has_content(talk):
            click.echo(_NO_CONTENT, err=True)


def _show_session(session: str, db: Path | None, *, content: bool, as_json: bool) -> None:
    with opened(db) as connection:
        talk = talk_of_session(connection, session, limit=None, content=content)
    if as_json:
        print_json(talk)
        return
    print_session(talk)
    if not content:
        click.echo("\n--content prints what was said.", err=True)
    elif not has_content(talk):
        click.echo(_NO_CONTENT, err=True)


def _matching(connection: sqlite3.Connection, trace: int, tree: TraceTree, search: str | None) -> set[str]:
    if not search:
        return {span["span_id"] for span in tree["spans"]}
    inside = matching_spans(connection, trace, search)
    lowered = search.lower()
    about = {
        span["span_id"]
        for span in tree["spans"]
        if lowered in f"{span['kind']} {span['label']} {span['status']}".lower()
    }
    if not inside | about:
        msg = f"no span of this trace contains {search!r}; leave out --search to see all"
        raise InputError(msg)
    return inside | about


def _with_ancestors(spans: list[SpanShape], wanted: set[str]) -> list[SpanShape]:
    kept: set[int] = set()
    path: list[int] = []
    for index, span in enumerate(spans):
        del path[span["depth"] :]
        path.append(index)
        if span["span_id"] in wanted:
            kept.update(path)
    return [spans[index] for index in sorted(kept)]


def _prefixes(spans: list[SpanShape]) -> list[str]:
    """The branches before each name; walks backwards, where it is known which depths go on below."""
    prefixes: list[str] = []
    going_on: set[int] = set()
    for span in reversed(spans):
        depth = span["depth"]
        if depth:
            stems = "".join("│  " if level in going_on else "   " for level in range(1, depth))
            prefixes.append(stems + ("├─ " if depth in going_on else "└─ "))
        else:
            prefixes.append("")
        going_on = {level for level in going_on if level < depth} | {depth}
    return prefixes[::-1]


def _print_heading(tree: TraceTree) -> None:
    trace = tree["trace"]
    parts = [
        counted(trace["spans"], "span"),
        counted(trace["calls"], "model call"),
        counted(trace["tools"], "tool call"),
        tokens(trace),
        dollars(trace["cost_usd"], is_estimate=trace["cost_is_estimate"], unpriced=trace["unpriced_calls"]),
        duration(trace["duration_ms"]),
    ]
    click.echo(styled(f"trace {trace['trace_id']}  {clean(trace['name'])}", bold=True))
    parts.append(f"{local_time(trace['start'])} {zone(trace['start'])}")
    click.echo(" · ".join(part for part in parts if part))


def _print_tree(spans: list[SpanShape], failures: dict[str, str]) -> None:
    prefixes = _prefixes(spans)
    print_table(
        _COLUMNS,
        [_row(span, prefix) for span, prefix in zip(spans, prefixes, strict=True)],
        dim={index for index, span in enumerate(spans) if span["repeats"]},
        notes={
            index: f"{_beside(prefixes[index])}✗ {failures[span['span_id']]}"
            for index, span in enumerate(spans)
            if span["span_id"] in failures
        },
    )


def _beside(prefix: str) -> str:
    """The branches that go on beside a line below a span."""
    return prefix.replace("├─ ", "│  ").replace("└─ ", "   ") + "  "


def _row(span: SpanShape, prefix: str) -> list[str]:
    return [
        prefix + span["name"] + (" (repeats)" if span["repeats"] else ""),
        span["kind"] or "",
        span["label"] or "",
        span["service"],
        amount(span["input_tokens"]),
        amount(span["output_tokens"]),
        dollars(span["cost_usd"], is_estimate=span["cost_is_estimate"]),
        span["status"],
        span["error_type"] or "",
        duration(span["duration_ms"]),
    ]
