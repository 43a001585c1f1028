"""The Claude Agent SDK and the CLI that its wheel brings, on the scripted model server."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, uuid5

import pytest

from examples.scripted_model import Answer, Script
from tests.instrumentation.program import Program, run_plainly, tree
from tests.matrix.environments import made
from tests.matrix.model import EveryProvider, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.instrumentation.program import Span

pytestmark = [pytest.mark.matrix, pytest.mark.timeout(180)]

WITH_TOOL = """\
session ok
  invoke_agent ok
    chat claude-haiku-4-5 ok
    execute_tool mcp__tools__get_weather ok
    chat claude-haiku-4-5 ok"""
LEFT = """\
session cancelled
  invoke_agent cancelled
    chat claude-haiku-4-5 ok
    execute_tool mcp__tools__get_weather cancelled"""
TREES = {
    **dict.fromkeys(("left side", "right side"), WITH_TOOL),
    **dict.fromkeys(("left", "broken off", "interrupted tool"), LEFT),
    "turns": """\
session error
  invoke_agent ok
    chat claude-haiku-4-5 ok
    execute_tool mcp__tools__get_weather ok
    chat claude-haiku-4-5 ok
  invoke_agent ok
    chat claude-haiku-4-5 ok
  invoke_agent ok
    chat claude-haiku-4-5 ok
    execute_tool mcp__tools__get_stock_price error
    chat claude-haiku-4-5 ok
  invoke_agent error
    chat claude-haiku-4-5 error""",
    "interrupted": """\
session cancelled
  invoke_agent cancelled
    chat claude-haiku-4-5 cancelled""",
    "delegated": """\
session boss ok
  invoke_agent boss ok
    chat claude-haiku-4-5 ok
    execute_tool Agent ok
      invoke_agent weatherman ok
        chat claude-haiku-4-5 ok
        execute_tool mcp__tools__get_weather ok
        chat claude-haiku-4-5 ok
    chat claude-haiku-4-5 ok""",
    "resumed": f"""\
session ok
  invoke_agent ok
    chat claude-haiku-4-5 ok
{WITH_TOOL}""",
    "retried": """\
session error
  invoke_agent error
    chat claude-haiku-4-5 error
    chat claude-haiku-4-5 error""",
    "limited": """\
session error
  invoke_agent error
    chat claude-haiku-4-5 ok
    execute_tool mcp__tools__get_weather ok""",
}
USED = {
    "turns": (600, 210),
    "interrupted tool": (120, 30),
    "delegated": (480, 160),
    "left side": (240, 80),
    "right side": (240, 80),
    "resumed": (360, 130),
    "limited": (120, 30),
}
"""Conversation -> tokens that the server handed out: 120 in, and 30 out with a tool call, 50 with a text."""


class Delegating(Script):
    """Has an agent that is asked to delegate start a subagent, and wait for it."""

    def answer(self, question: str, offered: list[str], *, has_tool_result: bool) -> Answer | int:
        """The answer to a question."""
        if "delegate" in question and "Agent" in offered and not has_tool_result:
            asked = {"description": "ask", "prompt": "weather", "subagent_type": "weatherman"}
            return Answer(tool="Agent", arguments={**asked, "run_in_background": False})
        return super().answer(question, offered, has_tool_result=has_tool_result)


@pytest.fixture(scope="module")
def variables() -> Iterator[dict[str, str]]:
    """Where the CLI finds its model."""
    server = EveryProvider()
    server.script = Delegating(slow_seconds=20)
    with serving(server):
        yield {"ANTHROPIC_API_KEY": "none", "ANTHROPIC_BASE_URL": server.root}


@pytest.fixture(scope="module")
def python() -> str:
    """The interpreter that has the SDK."""
    return str(made("claude-agent-sdk").python)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory, python: str, variables: dict[str, str]) -> Iterator[Program]:
    """A program that had each kind of conversation."""
    with Program(home=tmp_path_factory.mktemp("claude"), python=python, variables=variables) as program:
        assert program.run("-m", "claude_runs", timeout=120) == 0
        yield program


def conversation(story: Program, name: str) -> list[Span]:
    """The spans of one conversation."""
    session_id = str(uuid5(NAMESPACE_URL, name))
    return [span for span in story.spans if span.attributes.get("gen_ai.conversation.id") == session_id]


def said(story: Program) -> dict[str, str]:
    """What the program printed of each conversation."""
    return dict(line.split(": ", 1) for line in story.printed().splitlines())


@pytest.mark.parametrize("name", TREES)
def test_a_conversation_is_a_tree(story: Program, name: str) -> None:
    """A conversation is a session with its turns and subagents, their model calls and tools, each with its outcome."""
    assert tree(conversation(story, name)) == TREES[name]


@pytest.mark.parametrize("name", USED)
def test_tokens_are_those_that_the_server_handed_out(story: Program, name: str) -> None:
    """The usage of the model calls adds up to what the server handed out."""
    attributes = [span.attributes for span in conversation(story, name)]
    keys = ("gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens")
    assert tuple(sum(each.get(key, 0) for each in attributes) for key in keys) == USED[name]


@pytest.mark.parametrize("name", ["turns", "interrupted tool", "delegated", "resumed"])
def test_costs_are_differences(story: Program, name: str) -> None:
    """What the model calls cost adds up to the running total of the last result, across turns and processes."""
    cost = sum(span.attributes.get("agent.cost.usd", 0) for span in conversation(story, name))
    assert cost == pytest.approx(float(said(story)[name].split()[-1]), abs=1e-6)


def test_failures_have_a_type(story: Program) -> None:
    """A failed turn says which HTTP status, or which limit, ended it."""
    runs = [span for span in story.spans if span.name == "invoke_agent" and span.is_error]
    assert [span.attributes["error.type"] for span in runs] == ["500", "429", "max_turns"]


def test_a_call_takes_the_time_that_the_model_took(story: Program) -> None:
    """What follows a model call begins after it, although the call's usage is told later."""
    turn = conversation(story, "left side")
    ends = {span.name: span.end for span in reversed(turn)}
    assert ends["chat claude-haiku-4-5"] <= next(span.start for span in turn if span.name.startswith("execute_tool"))


def test_events_follow(story: Program) -> None:
    """The maintainers are told of sessions, tools, tokens and failures, each once."""
    assert story.counted() == {
        "session.started": 13,
        "session.ended": 13,
        "session.cost": 11,
        "session.failure": 3,
        "tool.called": 11,
        "token.usage": 14,
    }


def test_a_tool_call_is_one_event(story: Program) -> None:
    """The span of the tool's server in the same process adds nothing, whichever of the two ends first."""
    tools = [event["properties"] for event in story.events if event["event"] == "tool.called"]
    assert Counter(each.get("errorCategory", "ok") for each in tools) == {"ok": 7, "cancelled": 3, "tool_error": 1}


def test_the_cli_learns_who_called_it(story: Program) -> None:
    """The SDK gives the CLI the trace context of the program's own span, and our session is below that too."""
    around = next(span for span in story.spans if span.name == "around")
    given = (story.output.parent / "cli.txt").read_text("utf-8")
    assert f"TRACEPARENT=00-{around.trace_id}-{around.id}-" in given
    assert conversation(story, "within")[0].parent_id == around.id


def test_another_instrumentation_has_the_word(tmp_path: Path, python: str, variables: dict[str, str]) -> None:
    """Where another instrumentation wraps the SDK, there are no spans of ours."""
    with Program(home=tmp_path, python=python, variables=variables) as program:
        assert program.run("-m", "claude_beside") == 0
        assert (program.spans, program.events) == ([], [])


def test_our_errors_stay_with_us(tmp_path: Path, python: str, variables: dict[str, str]) -> None:
    """Where every call of ours raises, the program prints and returns what it does without us."""
    command = ("claude_runs", "turns", "interrupted tool", "delegated", "limited")
    (tmp_path / "plain").mkdir()
    plain = run_plainly(*command, home=tmp_path / "plain", variables=variables, python=python, timeout=60)
    with Program(home=tmp_path, python=python, variables=variables) as program:
        assert program.run("-m", "broken", *command, timeout=60) == 0
        assert program.printed() == plain


def test_uninstrumenting_puts_the_same_objects_back(tmp_path: Path, python: str) -> None:
    """Instrumented, each is another object; uninstrumented, the very same; and so a second time."""
    changed = [
        "claude_agent_sdk._internal.query:vars(Query)['__init__']",
        "claude_agent_sdk._internal.query:vars(Query)['close']",
        "claude_agent_sdk._internal.sdk_mcp_bridge:vars(SdkMcpBridge)['handle']",
    ]
    printed = run_plainly("hooked", "claude_agent_sdk", *changed, home=tmp_path, python=python)
    assert json.loads(printed) == [True, True, True, True]
