"""What was said in two runs, compared as text: two spans of two traces, or two sessions turn by turn."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING, TypedDict

from otel_agent_telemetry.local.read._answers import json_text
from otel_agent_telemetry.local.read._content import trace_content
from otel_agent_telemetry.local.read.lists._sessions import find_session
from otel_agent_telemetry.local.read.talk._conversation import Turn, conversation, messages_of_call
from otel_agent_telemetry.local.read.talk._text_diff import Piece, diff_texts
from otel_agent_telemetry.local.read.trace._diff import diff_trees
from otel_agent_telemetry.local.read.trace._span import span_detail
from otel_agent_telemetry.local.read.trace._tree import trace_tree

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from otel_agent_telemetry.local.read._shapes import SessionShape
    from otel_agent_telemetry.local.read.talk._pairs import Said
    from otel_agent_telemetry.local.read.trace._diff import DiffShape

__all__ = ["SaidDiff", "SessionDiff", "TurnPair", "diff_sessions", "diff_spans", "diff_traces"]

_MOST_CALLS = 400
_LONGEST = 50_000


class SaidDiff(TypedDict):
    """One thing that both spans, or one of them, say: ``what`` is ``messages`` or the attribute."""

    what: str
    pieces: list[Piece]


class TurnPair(TypedDict):
    """A turn of both sessions, or of one; ``pieces`` are empty where content was not asked for.

    ``change`` is ``same``, ``changed``, ``added`` (only in the second) or ``removed``.
    """

    change: str
    a: Turn | None
    b: Turn | None
    pieces: list[Piece]


class SessionDiff(TypedDict):
    """``diff --session A B``: both sessions, and their turns side by side; of long ones the first 400 calls."""

    a: SessionShape
    b: SessionShape
    rows: list[TurnPair]


def diff_traces(connection: sqlite3.Connection, a: int, b: int) -> DiffShape:
    """Two traces, given by row id, side by side; calls that say different things have ``text`` in ``changes``."""
    compared = diff_trees(*(trace_tree(connection, trace) for trace in (a, b)))
    before, after = (_said_in(connection, trace) for trace in (a, b))
    for row in compared["rows"]:
        one, other = row["a"], row["b"]
        if one and other and before.get(one["span_id"]) != after.get(other["span_id"]):
            row["change"] = "changed"
            row["changes"].append("text")
    return compared


def _said_in(connection: sqlite3.Connection, trace: int) -> dict[str, str]:
    turns = conversation(connection, trace=trace, limit=_MOST_CALLS)["turns"]
    return {turn["span_id"]: said for turn in turns if (said := transcript(turn["messages"]))}


def diff_spans(connection: sqlite3.Connection, a: tuple[int, str], b: tuple[int, str]) -> list[SaidDiff]:
    """What two spans, each given as (trace's row id, span id), say: messages of calls, then attributes that differ.

    Raises InputError where a trace has no such span.
    """
    details = [span_detail(connection, trace, span) for trace, span in (a, b)]
    texts = [transcript(messages_of_call(connection, trace, span)) for trace, span in (a, b)]
    found: list[SaidDiff] = []
    if any(texts):
        found.append({"what": "messages", "pieces": diff_texts(*(text[:_LONGEST] for text in texts))})
    content = [trace_content(connection, trace).get(span, {}) for trace, span in (a, b)]
    before, after = (
        {key: value for key, value in detail["attributes"].items() if not texts[n] or key not in content[n]}
        for n, detail in enumerate(details)
    )
    for key in sorted(before.keys() | after.keys()):
        old, new = (_text(side.get(key)) for side in (before, after))
        if old != new:
            found.append({"what": key, "pieces": diff_texts(old[:_LONGEST], new[:_LONGEST])})
    return found


def diff_sessions(connection: sqlite3.Connection, a: str, b: str, *, content: bool = False) -> SessionDiff:
    """Two sessions, given by id or its beginning, turn by turn. Raises InputError where there is no such session."""
    shapes = [find_session(connection, given) for given in (a, b)]
    before, after = (conversation(connection, session=shape["session"], limit=_MOST_CALLS)["turns"] for shape in shapes)
    rows = [_pair(one, other, content=content) for one, other in _aligned(before, after)]
    return {"a": shapes[0], "b": shapes[1], "rows": rows}


def transcript(messages: Sequence[Said]) -> str:
    """Messages as text, who said each above it."""
    return "\n".join(line for each in messages for line in _lines(each))


def _lines(each: Said) -> Iterator[str]:
    words = {"tool_call": "calls", "tool_result": "gives back", "thinking": "thinks"}
    yield f"[{' '.join(part for part in (each['role'], words.get(each['kind']), each['name']) if part)}]"
    yield each["media"]["type"] if each["media"] else each["text"]
    if each["result"] is not None:
        yield f"[{each['name'] or 'tool'} gives back]"
        yield each["result"]["text"] or ""


def _text(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else json_text(value, indent=2)


def _aligned(before: Sequence[Turn], after: Sequence[Turn]) -> Iterator[tuple[Turn | None, Turn | None]]:
    """Turns of one kind that ask for the same tools belong together, in order."""
    matcher = SequenceMatcher(None, [*map(_key, before)], [*map(_key, after)], autojunk=False)
    for _, i, j, k, n in matcher.get_opcodes():
        both = min(j - i, n - k)
        yield from zip(before[i : i + both], after[k : k + both], strict=True)
        yield from ((turn, None) for turn in before[i + both : j])
        yield from ((None, turn) for turn in after[k + both : n])


def _key(turn: Turn) -> tuple[str, ...]:
    return turn["kind"], *(each["name"] or "" for each in turn["messages"] if each["kind"] == "tool_call")


def _pair(a: Turn | None, b: Turn | None, *, content: bool) -> TurnPair:
    texts = ["" if turn is None else transcript(turn["messages"])[:_LONGEST] for turn in (a, b)]
    is_same = a is not None and b is not None and texts[0] == texts[1] and a["about"] == b["about"]
    change = "added" if a is None else "removed" if b is None else "same" if is_same else "changed"
    pieces = diff_texts(*texts) if content else []
    return {"change": change, "a": _named(a), "b": _named(b), "pieces": pieces}


def _named(turn: Turn | None) -> Turn | None:
    """A turn without its messages, which the pieces have."""
    return None if turn is None else {**turn, "messages": []}
