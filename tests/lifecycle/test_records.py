"""What is told in one line when it is over."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.lifecycle.acme import Acme, Told, id_of, parent_of

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.lifecycle.acme import Operator


def test_a_tool_call(operator: Operator) -> None:
    """A tool call that is over is a span of its duration, below what is current, and fails with its error."""
    with operator.calls.agent("planner"):
        operator.calls.track_tool("read_file", duration_ms=250, error=PermissionError("a path"))
    call, planner = operator.spans
    assert ((call.end_time or 0) - (call.start_time or 0), parent_of(call)) == (250_000_000, id_of(planner))
    assert (call.name, dict(call.attributes or {})) == (
        "execute_tool read_file",
        {
            "agent.lifecycle": "tool",
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": "read_file",
            "error.type": "PermissionError",
            "agent.outcome": "error",
        },
    )


def test_its_event(acme: Acme) -> None:
    """It counts in the session around; without one it says itself whose it was."""
    calls = acme.telemetry
    with calls.session(agent="planner", id="s-1"):
        calls.track_tool("web_search", duration_ms=12.9)
    calls.track_tool("tool_of_ours", error="timeout", agent="planner", session_id="s-1")
    first, second = (each for each in acme.told if each.event == "tool.called")
    session = first.properties.pop("sessionId")
    assert second.properties.pop("sessionId") == session
    assert first == Told("tool.called", {"toolName": "web_search", "isSuccess": True, "agentName": "custom"})
    failed = {"toolName": "custom", "isSuccess": False, "errorCategory": "timeout", "agentName": "custom"}
    assert second == Told("tool.called", failed)
    [ended] = [each.properties for each in acme.told if each.event == "session.ended"]
    assert ended["toolCalls"] == 1


def test_its_duration(acme: Acme) -> None:
    """What is no duration is none; whole milliseconds leave."""
    for duration in (12.9, -1, float("nan"), 1e300):
        acme.telemetry.track_tool("web_search", duration_ms=duration)
    assert [json.loads(body)["properties"]["durationMs"] for body in acme.bodies] == [12, 0, 0, 0]


def test_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command leaves as it was declared, or as the group of commands that was, whatever the program is called."""
    monkeypatch.setenv("AGENT_TELEMETRY_ALLOW_IN_TESTS", "1")
    acme = Acme(tmp_path, public_commands=["run", "alias list"])
    given = (
        ("alias list", "acme"),
        ("run", "python -m acme"),
        ("run now", "a.py"),
        ("alias", "acme"),
        ("push", "acme"),
    )
    for command, program in given:
        acme.telemetry.command(command, program=program).start().end()
    acme.telemetry.track_command("alias list")
    left = [each.properties["command"] for each in acme.told]
    assert left == ["alias list", "run", "run", "custom", "custom", "alias list"]


def test_the_action_of_a_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the docker dialect the command is the action."""
    monkeypatch.setenv("AGENT_TELEMETRY_ALLOW_IN_TESTS", "1")
    acme = Acme(tmp_path, public_commands=["run"], dialect="docker")
    acme.telemetry.command("run", program="acme").start().end()
    acme.telemetry.command("push", program="acme").start().end()
    assert [json.loads(body)["records"][0]["properties"]["action"] for body in acme.bodies] == ["run", "custom"]
