"""What the mapping remembers, for how long, and what it forgets."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from otel_agent_telemetry.meaning import Meaning
from otel_agent_telemetry.meaning._ancestry import Tree
from tests.meaning.spans import AGENT, CHAT, EPOCH, SECOND, TOOL, USED, key, names, own, properties, span

if TYPE_CHECKING:
    from otel_agent_telemetry.meaning._records import Usage

_CONVERSATION = {**AGENT, "gen_ai.conversation.id": "c"}


def _opened(*parents: int) -> Meaning:
    """A mapping with open spans 1, 2, … under these parents."""
    mapping = Meaning()
    for number, parent in enumerate(parents, 1):
        mapping.link(key(number), key(parent))
    return mapping


def test_calls_wait_for_their_run() -> None:
    """A call below an open span is told with the session and the agent of the run that it turns out to belong to."""
    mapping = _opened(0, 1)
    assert mapping.end(span(3, USED, parent=2)) == []
    assert mapping.unlink(key(2)) == []
    out = mapping.end(span(1, _CONVERSATION))
    call = cast("Usage", out[1])
    assert (names(out), call.session_id, call.agent_name) == (
        ["session.started", "call", "session.ended", "session.cost"],
        "c",
        "planner",
    )


def test_calls_do_not_wait_for_ever() -> None:
    """A call is told after 30 seconds, and still counts in its session."""
    mapping = _opened(0)
    mapping.end(span(3, USED, parent=1))
    assert (mapping.expire(EPOCH + 33 * SECOND), names(mapping.expire(EPOCH + 34 * SECOND))) == ([], ["call"])
    assert properties(mapping.end(span(1, _CONVERSATION)), "session.ended")["modelCalls"] == 1


def test_release_tells_of_what_waits() -> None:
    """``release`` lets go of the calls that wait, once."""
    mapping = _opened(0)
    mapping.end(span(3, {**USED, "session.id": "c"}, parent=1))
    out = mapping.release()
    assert (cast("Usage", out[0]).session_id, mapping.release()) == ("c", [])


def test_a_run_below_a_span_that_stays_open() -> None:
    """A run is its own session after 15 minutes; what ends above it later adds nothing twice."""
    mapping = _opened(0, 1)
    mapping.end(span(3, USED, parent=2))
    assert mapping.end(span(2, AGENT, parent=1)) == []
    told = mapping.expire(EPOCH + 903 * SECOND)
    assert names(told) == ["session.started", "call", "session.ended", "session.cost"]
    assert mapping.unlink(key(1)) == []


def test_a_span_of_ours_that_never_ends() -> None:
    """A session without activity for a week ended as unknown; its real end says nothing more."""
    mapping = Meaning()
    session = own(1, "session", gen_ai__conversation__id="s")
    mapping.start(session)
    assert mapping.expire(EPOCH + 7 * 86_400 * SECOND) == []
    assert mapping.expire(EPOCH + (7 * 86_400 + 1) * SECOND) == []  # its end may be on its way
    out = mapping.expire(EPOCH + (7 * 86_400 + 2) * SECOND)
    assert (properties(out, "session.failure")["errorCategory"], mapping.end(session)) == ("unknown", [])


def test_closing_ends_what_is_open() -> None:
    """At the end of the process nothing waits, and tasks that are still open failed for an unknown reason."""
    mapping = Meaning()
    mapping.start(own(1, "task", agent__task__id="t"))
    mapping.link(key(2), key(1))
    mapping.end(span(3, USED, parent=2))
    out = mapping.close(EPOCH + 9 * SECOND)
    failed = {"taskId": "t", "durationMs": 8000, "errorCategory": "unknown"}
    assert (sorted(names(out)), properties(out, "task.failed"), mapping.is_open) == (
        ["call", "task.failed"],
        failed,
        False,
    )


def test_wrapper_that_ends_before_the_call_inside() -> None:
    """The call inside counts once also where its wrapper ended, and counted, before it."""
    mapping = _opened(0, 1)
    assert names(mapping.end(span(1, USED, start=1, end=5))) == ["call"]
    assert mapping.end(span(2, USED, parent=1, start=2, end=6)) == []


def test_call_below_a_call_that_had_ended() -> None:
    """A model call that began when the one above it was over is a call of its own."""
    mapping = _opened(0)
    mapping.end(span(1, USED, start=1, end=2))
    assert names(mapping.end(span(2, USED, parent=1, start=3, end=4))) == ["call"]


def test_one_span_from_two_sources() -> None:
    """A span that comes twice counts once."""
    mapping = Meaning()
    assert (names(mapping.end(span(1, USED))), mapping.end(span(1, USED))) == (["call"], [])


def test_spans_that_do_not_matter() -> None:
    """A span with nothing of interest below it is forgotten at once; one with something below it is asked for."""
    tree = Tree()
    for number, parent in ((1, 0), (2, 1), (3, 2)):
        tree.link(key(number), key(parent))
    tree.expect(key(2))
    assert [tree.leave(key(number)) for number in (3, 2, 1)] == [False, True, True]


def test_tools_of_one_name() -> None:
    """A tool call right around one of the same name is one call; with an agent between they are two."""
    mapping = _opened(0, 1, 2)
    mapping.end(span(3, TOOL, parent=2))
    mapping.end(span(2, TOOL, parent=1))
    assert names(mapping.end(span(1, CHAT))) == ["tool.called", "call"]
    mapping = _opened(0, 1, 2)
    mapping.end(span(3, TOOL, parent=2))
    mapping.end(span(2, AGENT, parent=1))
    out = mapping.end(span(1, TOOL))
    assert names(out).count("tool.called") == 2


def test_a_tool_call_that_ends_before_its_servers_part() -> None:
    """A cancelled tool call does not wait for the server that works on it; both are still one call."""
    mapping = _opened(1)
    called = {**TOOL, "gen_ai.tool.name": "mcp__web__search"}
    served = {**TOOL, "mcp.method.name": "tools/call"}
    mapping.link(key(2), key(1))
    mapping.link(key(3), key(2))
    out = mapping.end(span(2, {**called, "agent.outcome": "cancelled"}, parent=1))
    out += mapping.end(span(3, served, parent=2, end=9))
    out += mapping.end(span(1, AGENT, end=10))
    assert (names(out).count("tool.called"), properties(out, "tool.called")["isSuccess"]) == (1, False)


def test_batches_of_ended_spans() -> None:
    """Where spans come when they have ended, a call waits for a parent that has not been seen yet."""
    mapping = Meaning(tree=Tree(partial=True))
    assert mapping.end(span(2, USED, parent=1)) == []
    out = mapping.end(span(1, {**_CONVERSATION, "gen_ai.usage.input_tokens": 120}))
    assert properties(out, "session.ended")["inputTokens"] == 120


def test_a_session_outlives_many_other_spans() -> None:
    """However many spans begin, an open session of ours is not forgotten."""
    mapping = Meaning(tree=Tree(most_open=4))
    mapping.start(own(1, "session", gen_ai__conversation__id="s"))
    for number in range(2, 20):
        mapping.link(key(number), key(0))
    (call,) = mapping.end(span(50, USED, parent=1))
    assert cast("Usage", call).session_id == "s"


def test_memory_is_bounded() -> None:
    """Of the runs below a span that never ends a thousand wait; those before them are told."""
    mapping = _opened(0)
    out = [item for number in range(2, 3_002) for item in mapping.end(span(number, AGENT, parent=1))]
    assert names(out).count("session.ended") == 2_000
