"""LangGraph with a checkpointer, on the scripted model server."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.instrumentation.langgraph_told import EVENTS, TREES
from tests.instrumentation.program import Program, needs, run_plainly, tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from examples.scripted_model import ModelServer

needs("langgraph", "langchain-openai")


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory, model: ModelServer) -> Iterator[Program]:
    """A program that ran a graph in each way that there is."""
    variables = {"OPENAI_BASE_URL": model.url, "MODEL_API_KEY": "none"}
    with Program(home=tmp_path_factory.mktemp("langgraph"), variables=variables) as program:
        assert program.run("-m", "langgraph_runs") == 0
        yield program


@pytest.mark.parametrize("thread", TREES)
def test_a_run_is_a_tree(story: Program, thread: str) -> None:
    """A run is a session of its thread with a workflow, its model calls and tools; a pause is no end."""
    spans = (span for span in story.spans if span.attributes.get("gen_ai.conversation.id") == thread)
    assert tree(spans) == TREES[thread]


def test_tokens_are_those_that_the_server_handed_out(story: Program, model: ModelServer) -> None:
    """The usage of the model calls adds up to what the server handed out."""
    total: Counter[str] = Counter()
    for span in story.spans:
        total.update({key: value for key, value in span.attributes.items() if key.startswith("gen_ai.usage.")})
    handed_out = model.script.handed_out
    assert total == {
        "gen_ai.usage.input_tokens": handed_out.input_tokens,
        "gen_ai.usage.output_tokens": handed_out.output_tokens,
        "gen_ai.usage.cache_read.input_tokens": handed_out.cached_tokens,
        "gen_ai.usage.reasoning.output_tokens": handed_out.reasoning_tokens,
    }


def test_nodes_are_the_steps_of_the_workflow(story: Program) -> None:
    """A workflow counts the nodes that ran and that failed."""
    steps = [
        (span.attributes["agent.workflow.steps_completed"], span.attributes["agent.workflow.steps_failed"])
        for span in story.spans
        if span.name == "invoke_workflow helper"
        and span.attributes["gen_ai.conversation.id"] in {"whole", "tool error"}
    ]
    assert steps == [(3, 0), (1, 1)]


def test_events_follow(story: Program) -> None:
    """The maintainers are told of sessions, workflows, tools and failures."""
    assert story.counted("token.", "session.cost") == EVENTS


def test_our_errors_stay_with_us(tmp_path: Path, model: ModelServer) -> None:
    """Where every call of ours raises, the program prints what it does without us."""
    variables = {"OPENAI_BASE_URL": model.url, "MODEL_API_KEY": "none"}
    with Program(home=tmp_path, variables=variables) as program:
        assert program.run("-m", "broken", "langgraph_runs") == 0
        assert program.printed() == run_plainly("langgraph_runs", home=tmp_path, variables=variables)
