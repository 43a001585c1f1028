"""Lifecycle spans of ours: what is told when they begin, and what when they end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from otel_agent_telemetry.meaning import Meaning
from otel_agent_telemetry.meaning._records import Fact
from tests.meaning.spans import AGENT, EPOCH, SECOND, TOOL, USED, key, names, own, properties, span

if TYPE_CHECKING:
    from otel_agent_telemetry.meaning._records import SpanRecord

_SESSION = own(
    1,
    "session",
    end=9,
    gen_ai__conversation__id="s",
    gen_ai__agent__name="root",
    gen_ai__agent__id="a1",
    gen_ai__request__model="m",
    agent__session__harness_provider="claude",
    agent__session__role="worker",
)
_WHO = {"agentId": "a1", "sessionId": "s", "agentName": "root"}


def _task(number: int = 2, *, parent: int = 0, **attributes: Any) -> SpanRecord:
    return own(number, "task", parent=parent, agent__task__id="t", agent__task__source="slack", **attributes)


def test_session_started() -> None:
    """A session is told when it begins, with who works in it."""
    who = {**_WHO, "harnessProvider": "claude", "model": "m", "role": "worker"}
    assert Meaning().start(_SESSION) == [Fact("session.started", who, EPOCH + SECOND)]


def test_session_ended() -> None:
    """When it ends, it tells what everything inside adds up to."""
    mapping = Meaning()
    mapping.start(_SESSION)
    mapping.end(span(2, USED, parent=1))
    mapping.end(span(3, {**TOOL, "error.type": "TimeoutError"}, parent=1, is_error=True))
    mapping.end(span(4, AGENT, parent=1))
    out = mapping.end(_SESSION)
    assert (names(out), properties(out, "session.ended")) == (
        ["session.ended", "session.cost"],
        {
            **_WHO,
            "durationMs": 8000,
            "tasksProcessed": 0,
            "isSuccess": True,
            "agentRuns": 1,
            "toolCalls": 1,
            "modelCalls": 1,
            "errorCount": 1,
            "inputTokens": 120,
            "outputTokens": 30,
            "totalTokens": 150,
            "errors": ["timeout"],
        },
    )


def test_session_failure() -> None:
    """A session that an error ended says of what kind; where its own error says little, the last call's tells more."""
    mapping = Meaning()
    mapping.start(own(1, "session", gen_ai__conversation__id="s"))
    mapping.end(span(2, USED, parent=1, is_error=True, exception="openai.RateLimitError"))
    failed = span(
        1, {"agent.lifecycle": "session", "gen_ai.conversation.id": "s"}, is_error=True, exception="RuntimeError"
    )
    failure = properties(mapping.end(failed), "session.failure")
    assert (failure["errorCategory"], failure["wasRateLimited"]) == ("rate_limit", True)


def test_task_of_another_process() -> None:
    """A task that was created elsewhere is claimed and started here, and its time counts from its creation."""
    mapping = Meaning()
    task = _task(agent__task__claimed=True, agent__task__created_at=(EPOCH // 1_000_000), gen_ai__agent__name="w")
    begun = {"taskId": "t", "source": "slack", "agentId": "w"}
    assert mapping.start(task) == [
        Fact("task.claimed", begun, EPOCH + 2 * SECOND),
        Fact("task.started", begun, EPOCH + 2 * SECOND),
    ]
    ended = EPOCH + 2 * SECOND + SECOND // 2
    assert mapping.end(task) == [Fact("task.completed", {**begun, "durationMs": 2500}, ended)]


def test_task_that_runs_at_once() -> None:
    """A task that is created by the span that runs it says so first."""
    out = Meaning().start(_task(agent__task__created=True, agent__task__priority=3, agent__task__has_parent=False))
    assert (names(out), properties(out, "task.created")) == (
        ["task.created", "task.started"],
        {"taskId": "t", "source": "slack", "hasParent": False, "priority": 3},
    )


def test_the_session_of_a_task() -> None:
    """A session below a task tells the task when it begins and ends, and the task the session's agent."""
    mapping = Meaning()
    mapping.start(_task())
    session = own(3, "session", parent=2, gen_ai__conversation__id="s", gen_ai__agent__name="planner")
    started = properties(mapping.start(session), "session.started")
    ended = mapping.end(session)
    completed = properties(mapping.end(_task(end=9)), "task.completed")
    session_completed = properties(ended, "task.session_completed")
    assert [started["taskId"], properties(ended, "session.ended")["taskId"], session_completed["taskId"]] == ["t"] * 3
    assert (completed["agentId"], session_completed["agentId"]) == ("planner", "planner")


def test_a_session_that_names_its_task() -> None:
    """So does a session that only says which task it works on: that one runs elsewhere."""
    session = own(1, "session", gen_ai__conversation__id="s", agent__task__id="t")
    mapping = Meaning()
    assert properties(mapping.start(session), "session.started")["taskId"] == "t"
    assert properties(mapping.end(session), "task.session_completed")["taskId"] == "t"


@pytest.mark.parametrize(("end", "told"), [({}, "task.completed"), ({"agent__outcome": "cancelled"}, "task.cancelled")])
def test_the_agent_of_a_task(end: dict[str, Any], told: str) -> None:
    """Of a task that names no agent the one that ran below it is known when it ends; the first of several."""
    mapping = Meaning()
    assert "agentId" not in properties(mapping.start(_task()), "task.started")
    mapping.end(span(3, AGENT, parent=2))
    mapping.end(span(4, {**AGENT, "gen_ai.agent.name": "writer"}, parent=2))
    assert properties(mapping.end(_task(end=9, **end)), told)["agentId"] == "planner"


def test_a_task_within_a_session() -> None:
    """A task is its session's agent's from the start, and the session works on no one task."""
    mapping = Meaning()
    started = properties(mapping.start(_SESSION), "session.started")
    assert "taskId" not in started
    assert properties(mapping.start(_task(parent=1)), "task.started")["agentId"] == "a1"


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        ("error", ["task.failed"]),
        ("cancelled", ["task.cancelled"]),
        ("superseded", ["task.superseded"]),
        ("retried", []),
        ("abandoned", []),
    ],
)
def test_task_outcomes(outcome: str, told: list[str]) -> None:
    """Each outcome has its event; a task that another run or process will tell of has none."""
    mapping = Meaning()
    mapping.start(_task())
    assert names(mapping.end(_task(agent__outcome=outcome))) == told


def test_session_inside_a_task() -> None:
    """A session that works on a task tells so when it ends, and the task counts in a session around it."""
    mapping = Meaning()
    for record in (_SESSION, _task(2, parent=1), own(3, "session", parent=2, gen_ai__conversation__id="inner")):
        mapping.start(record)
    inner = mapping.end(own(3, "session", parent=2, gen_ai__conversation__id="inner", agent__exit_code=0))
    mapping.end(_task(2, parent=1))
    outer = properties(mapping.end(_SESSION), "session.ended")
    assert (properties(inner, "task.session_completed"), outer["tasksProcessed"]) == (
        {"taskId": "t", "agentId": "a1", "exitCode": 0, "isError": False, "durationMs": 500},
        1,
    )


def test_agent_run_inside_a_task() -> None:
    """An agent run in a task without a session of ours is a session by itself, and tells the task."""
    mapping = Meaning()
    mapping.start(_task())
    out = mapping.end(span(3, AGENT, parent=2))
    assert names(out) == ["session.started", "session.ended", "task.session_completed"]


def test_tool_call_inside_a_session() -> None:
    """A tool call is told at once where its session is known."""
    mapping = Meaning()
    mapping.start(_SESSION)
    (out,) = mapping.end(span(2, TOOL, parent=1))
    told = {"toolName": "search", "isSuccess": True, "durationMs": 500, "sessionId": "s", "agentName": "root"}
    assert out == Fact("tool.called", told, EPOCH + 2 * SECOND + SECOND // 2)


def test_cancelled_tool_call() -> None:
    """A tool call of ours that was cancelled did not succeed, although its span has no error."""
    out = Meaning().end(own(2, "tool", gen_ai__operation__name="execute_tool", agent__outcome="cancelled"))
    assert properties(out, "tool.called") == {"isSuccess": False, "durationMs": 500, "errorCategory": "cancelled"}


def test_command() -> None:
    """A command is told when it ends."""
    mapping = Meaning()
    mapping.start(own(1, "command", agent__command__name="run"))
    out = mapping.end(own(1, "command", agent__command__name="run", agent__exit_code=2, agent__outcome="error"))
    assert properties(out, "command.executed") == {
        "command": "run",
        "isSuccess": False,
        "durationMs": 500,
        "exitCode": 2,
        "errorCategory": "unknown",
    }


def test_workflow() -> None:
    """A workflow of ours is told when it begins and when it ends."""
    mapping = Meaning()
    given: dict[str, Any] = {"gen_ai__operation__name": "invoke_workflow", "agent__workflow__id": "w"}
    given["agent__workflow__node_count"] = 3
    started = mapping.start(own(1, "workflow", **given))
    ended = mapping.end(own(1, "workflow", **given, agent__workflow__steps_completed=3))
    assert (started[0], properties(ended, "workflow.completed")) == (
        Fact("workflow.started", {"workflowId": "w", "nodeCount": 3}, EPOCH + SECOND),
        {"workflowId": "w", "durationMs": 500, "stepsCompleted": 3},
    )


def _event(number: int, name: str, *, parent: int = 0, **given: object) -> SpanRecord:
    prefixed = {f"agent.event.property.{key}": value for key, value in given.items()}
    return span(number, {"agent.lifecycle": "event", "agent.event.name": name, **prefixed}, parent=parent)


def test_direct_event() -> None:
    """An event span is told with its properties at its time; an error type becomes a category."""
    record = _event(1, "task.failed", taskId="t", errorType="TimeoutError")
    assert Meaning().end(record) == [Fact("task.failed", {"taskId": "t", "errorCategory": "timeout"}, EPOCH + SECOND)]


def test_direct_tool_call_counts_in_its_session() -> None:
    """A tool call that is recorded as an event counts in the session around it."""
    mapping = Meaning()
    mapping.start(_SESSION)
    told = properties(mapping.end(_event(2, "tool.called", parent=1, toolName="x", isSuccess=False)), "tool.called")
    ended = properties(mapping.end(_SESSION), "session.ended")
    assert (told, ended["toolCalls"], ended["errors"]) == (
        {"toolName": "x", "isSuccess": False, "agentName": "root", "sessionId": "s"},
        1,
        ["tool_error"],
    )


def test_foreign_run_with_the_conversation_of_an_open_session() -> None:
    """A run in another trace that names the conversation of an open session of ours belongs to that session."""
    mapping = Meaning()
    mapping.start(_SESSION)
    assert mapping.end(span(5, {**AGENT, "gen_ai.conversation.id": "s"}, trace=2)) == []
    assert properties(mapping.end(_SESSION), "session.ended")["agentRuns"] == 1


def test_session_of_ours_inside_a_foreign_run() -> None:
    """A run around a session of ours that did nothing beside it is not a second session."""
    mapping = Meaning()
    mapping.link(key(1), key(0))
    mapping.start(own(2, "session", parent=1, gen_ai__conversation__id="s"))
    mapping.end(span(3, USED, parent=2))
    mapping.end(own(2, "session", parent=1, gen_ai__conversation__id="s"))
    assert mapping.end(span(1, AGENT)) == []
