"""What the page and ``show`` ask of conversations: one session, one trace, with feedback, bounded and with Markdown."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypedDict

from otel_agent_telemetry.local.read.lists._sessions import find_session
from otel_agent_telemetry.local.read.talk._conversation import Conversation, Turn, conversation
from otel_agent_telemetry.local.read.talk._feedback import Feedback, feedback
from otel_agent_telemetry.local.read.talk._markdown import has_markup, markdown_tree

if TYPE_CHECKING:
    import sqlite3

    from otel_agent_telemetry.local.read._shapes import SessionShape
    from otel_agent_telemetry.local.read.talk._pairs import Said

__all__ = [
    "JudgedTurn",
    "SessionTalk",
    "Talk",
    "shorten",
    "shorten_message",
    "talk_of_session",
    "talk_of_trace",
    "write_markdown",
]

_LONGEST = 20_000
_LONGEST_MARKDOWN, _MOST_MARKDOWN = 10_000, 100_000  # characters of a message and of a page


class JudgedTurn(Turn):
    """A turn with what was said of it."""

    feedback: list[Feedback]


class Talk(TypedDict):
    """A page of a conversation, as :class:`Conversation`; ``feedback`` is what was said of none of its turns."""

    turns: list[JudgedTurn]
    calls: int
    offset: int
    next: int | None
    previous: int | None
    feedback: list[Feedback]


class SessionTalk(Talk):
    """A page of a session, and what the session was in all."""

    session: SessionShape


def talk_of_trace(connection: sqlite3.Connection, trace: int, **how: Any) -> Talk:
    """A page of one trace's conversation; ``how`` are offset, limit and content of :func:`conversation`."""
    return _judged(connection, conversation(connection, trace=trace, **how), [trace], content=how.get("content", True))


def talk_of_session(connection: sqlite3.Connection, given: str, **how: Any) -> SessionTalk:
    """A page of the session whose id is or begins with ``given``. Raises InputError where there is none."""
    shape = find_session(connection, given)
    page = conversation(connection, session=shape["session"], **how)
    traces = _row_ids(connection, {turn["trace_id"] for turn in page["turns"]})
    return {"session": shape, **_judged(connection, page, traces, content=how.get("content", True))}


def shorten(page: Talk, longest: int = _LONGEST) -> None:
    """Cut what is long in every message; ``cut`` says how much is missing."""
    for turn in page["turns"]:
        for each in turn["messages"]:
            shorten_message(each, longest)


def shorten_message(each: Said, longest: int = _LONGEST) -> None:
    """Cut one message and its result."""
    each["cut"] = max(0, len(each["text"]) - longest)
    each["text"] = each["text"][:longest]
    result = each["result"]
    if result is not None and result["text"] is not None:
        result["cut"] = max(0, len(result["text"]) - longest)
        result["text"] = result["text"][:longest]


def write_markdown(page: Talk) -> None:
    """Give texts of people and models their elements, as long as a page's are not too many."""
    left = _MOST_MARKDOWN
    for turn in page["turns"]:
        for each in turn["messages"]:
            if _is_markdown(each) and len(each["text"]) <= left:
                left -= len(each["text"])
                each["markdown"] = _tree(each["text"])


def _is_markdown(each: Said) -> bool:
    is_prose = each["kind"] == "text" and each["role"] in {"user", "assistant"} and not each["cut"]
    return is_prose and len(each["text"]) <= _LONGEST_MARKDOWN and has_markup(each["text"])


@lru_cache(maxsize=256)
def _tree(text: str) -> list[Any] | None:
    return markdown_tree(text)


def _row_ids(connection: sqlite3.Connection, trace_ids: set[str]) -> list[int]:
    query = f"SELECT id FROM traces WHERE trace_id IN ({', '.join('?' * len(trace_ids))})"
    return [row[0] for row in connection.execute(query, [bytes.fromhex(each) for each in trace_ids])]


def _judged(connection: sqlite3.Connection, page: Conversation, traces: list[int], *, content: bool) -> Talk:
    turns: list[JudgedTurn] = [{**turn, "feedback": []} for turn in page["turns"]]
    owners = {(turn["trace_id"], span): turn for turn in turns for span in _spans(turn)}
    loose: list[Feedback] = []
    for each in feedback(connection, traces, content=content):
        owner = owners.get((each["trace_id"], each["span_id"] or ""))
        (loose if owner is None else owner["feedback"]).append(each)
    return {**page, "turns": turns, "feedback": loose}


def _spans(turn: Turn) -> list[str]:
    """The spans that a turn stands for, those of its tools among them."""
    tools = [each["result"]["span_id"] for each in turn["messages"] if each["result"]]
    return [*turn["spans"], *(span for span in tools if span)]
