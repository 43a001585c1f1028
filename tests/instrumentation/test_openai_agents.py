"""The OpenAI Agents SDK on the scripted model server."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.instrumentation.program import Program, needs, run_plainly, tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from examples.scripted_model import ModelServer

needs("openai-agents")

WITH_TOOL = """\
session assistant ok
  invoke_agent assistant ok
    chat gpt-5-mini ok
    execute_tool get_weather ok
    chat gpt-5-mini ok"""
TREES = {
    **dict.fromkeys(("whole", "left", "right", "again"), WITH_TOOL),
    "streamed": """\
session assistant ok
  invoke_agent assistant ok
    chat gpt-5-mini ok
    execute_tool get_stock_price error
    chat gpt-5-mini ok""",
    "group": """\
session assistant ok
  invoke_agent assistant ok
    chat gpt-5-mini ok
  invoke_agent specialist ok
    chat gpt-5 ok""",
    "limited": "session assistant error\n  invoke_agent assistant error\n    chat gpt-5-mini error",
    "broken": "session assistant error\n  invoke_agent assistant error\n    chat gpt-5-mini error",
    "cancelled": "session assistant cancelled\n  invoke_agent assistant cancelled\n    chat gpt-5-mini cancelled",
    "left early": "session assistant cancelled",
    "sync": "session assistant ok\n  invoke_agent assistant ok\n    chat gpt-5-mini ok",
}


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory, model: ModelServer) -> Iterator[Program]:
    """A program that ran agents in each way that there is."""
    variables = {"OPENAI_BASE_URL": model.url, "MODEL_API_KEY": "none"}
    with Program(home=tmp_path_factory.mktemp("agents"), variables=variables) as program:
        assert program.run("-m", "agents_runs") == 0
        yield program


def conversation(story: Program, name: str) -> str:
    """The spans of one conversation as a tree."""
    return tree(span for span in story.spans if span.attributes.get("gen_ai.conversation.id") == name)


@pytest.mark.parametrize("name", TREES)
def test_a_run_is_a_tree(story: Program, name: str) -> None:
    """A run is a session with its agents, their model calls and tools, each with its outcome."""
    assert conversation(story, name) == TREES[name]


def test_tokens_are_those_that_the_server_handed_out(story: Program, model: ModelServer) -> None:
    """The usage of the model calls adds up to what the server handed out, streamed or not."""
    total: Counter[str] = Counter()
    for span in story.spans:
        total.update({key: value for key, value in span.attributes.items() if key.startswith("gen_ai.usage.")})
    handed_out = model.script.handed_out
    assert total == {
        "gen_ai.usage.input_tokens": handed_out.input_tokens,
        "gen_ai.usage.output_tokens": handed_out.output_tokens,
        "gen_ai.usage.cache_read.input_tokens": handed_out.cached_tokens,
        "gen_ai.usage.cache_write.input_tokens": 0,
        "gen_ai.usage.reasoning.output_tokens": handed_out.reasoning_tokens,
    }


def test_failures_have_the_class_of_the_exception(story: Program) -> None:
    """A failed model call says which exception ended it."""
    errors = [span.attributes.get("error.type") for span in story.spans if span.name.startswith("chat")]
    assert [error for error in errors if error] == ["openai.RateLimitError", "openai.InternalServerError"]


def test_events_follow(story: Program) -> None:
    """The maintainers are told of sessions, tools, tokens and failures."""
    assert story.counted() == {
        "session.started": 11,
        "session.ended": 11,
        "session.cost": 7,
        "session.failure": 2,
        "tool.called": 5,
        "token.usage": 11,
    }


def test_our_errors_stay_with_us(tmp_path: Path, model: ModelServer) -> None:
    """Where every call of ours raises, the program prints and returns what it does without us."""
    variables = {"OPENAI_BASE_URL": model.url, "MODEL_API_KEY": "none"}
    with Program(home=tmp_path, variables=variables) as program:
        assert program.run("-m", "broken", "agents_runs") == 0
        assert program.printed() == run_plainly("agents_runs", home=tmp_path, variables=variables)
