"""LangGraph beside OpenTelemetry's instrumentation of LangChain, which the extra ``langchain`` brings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.instrumentation.langgraph_told import EVENTS, TREES
from tests.instrumentation.program import Program, tree
from tests.matrix.environments import made
from tests.matrix.model import EveryProvider, serving
from tests.matrix.run import variables_for

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.matrix


@pytest.fixture(scope="module")
def model() -> Iterator[EveryProvider]:
    """A model whose slow answer outlasts the program's patience, and not by much."""
    with serving(EveryProvider(slow_seconds=3)) as server:
        yield server


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory, model: EveryProvider) -> Iterator[Program]:
    """The program that runs a graph in each way that there is."""
    environment = made("langgraph")
    variables = {**variables_for(environment, model), "MODEL_API_KEY": "none"}
    home, python = tmp_path_factory.mktemp("langchain"), str(environment.python)
    with Program(home=home, python=python, variables=variables) as program:
        assert program.run("-m", "langgraph_runs", timeout=50) == 0
        yield program


def test_sessions_and_runs_are_ours(story: Program) -> None:
    """Pauses, resumptions and cancellations are told as where the module is alone; calls and tools are not ours."""
    ours = [span for span in story.spans if span.name.startswith(("session", "invoke"))]
    expected = [line for lines in TREES.values() for line in lines.split("\n") if not line.startswith("    ")]
    assert sorted(tree(ours).split("\n")) == sorted(expected)


def test_nothing_counts_twice(story: Program, model: EveryProvider) -> None:
    """The events are those of the module alone, and their tokens what the server handed out."""
    used = [each["properties"] for each in story.events if each["event"] == "token.usage"]
    assert story.counted("token.", "session.cost") == EVENTS
    assert sum(each.get("inputTokens", 0) for each in used) == model.script.handed_out.input_tokens
    assert sum(each["modelCalls"] for each in used) == model.script.handed_out.requests
