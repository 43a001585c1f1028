"""CrewAI in an environment of its own, on the scripted model server."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from examples.scripted_model import TEXT, Answer
from tests.instrumentation.program import Program, run_plainly, tree
from tests.instrumentation.test_modules import methods
from tests.matrix.environments import made

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from examples.scripted_model import ModelServer

pytestmark = [pytest.mark.matrix, pytest.mark.timeout(300)]

SECONDS = 240
TREES = {
    "two": """\
session two ok
  invoke_workflow two ok
    invoke_agent reader ok
      chat gpt-5-mini ok
      execute_tool get_weather ok
      chat gpt-5-mini ok
    invoke_agent broker ok
      chat gpt-5-mini ok
      execute_tool get_stock_price error
      chat gpt-5-mini ok""",
    "retried": """\
session retried error
  invoke_workflow retried error
    invoke_agent writer error
      chat gpt-5-mini error
    invoke_agent writer error
      chat gpt-5-mini error""",
    "limited": """\
session limited error
  invoke_workflow limited error
    invoke_agent a ok
      chat gpt-5-mini ok
    invoke_agent b error
      chat gpt-5-mini error
      chat gpt-5-mini error
      chat gpt-5-mini error""",
    "guarded": """\
session guarded ok
  invoke_workflow guarded ok
    invoke_agent writer ok
      chat gpt-5-mini ok
    invoke_agent writer ok
      chat gpt-5-mini ok""",
    "each": """\
session each ok
  invoke_workflow each ok
    invoke_agent w ok
      chat gpt-5-mini ok
session each ok
  invoke_workflow each ok
    invoke_agent w ok
      chat gpt-5-mini ok""",
    "aside": """\
session aside ok
  invoke_workflow aside ok
    invoke_agent a ok
      chat gpt-5-mini ok
    invoke_agent b ok
      chat gpt-5-mini ok""",
    "native": """\
session native ok
  invoke_workflow native ok
    invoke_agent w ok
      chat gpt-5-mini ok
      execute_tool get_weather ok
      chat gpt-5-mini ok""",
    "interrupted": """\
session interrupted cancelled
  invoke_workflow interrupted cancelled
    invoke_agent writer cancelled
      chat gpt-5-mini cancelled""",
    "Chain": """\
session Chain ok
  invoke_workflow Chain ok
    invoke_workflow inner ok
      invoke_agent writer ok
        chat gpt-5-mini ok""",
    "Failing": "session Failing error\n  invoke_workflow Failing error",
    "alone": """\
session alone ok
  invoke_agent alone ok
    chat gpt-5-mini ok
    execute_tool get_weather ok
    chat gpt-5-mini ok""",
}
STEPS = {
    "two": (2, 0),
    "retried": (0, 1),
    "limited": (1, 1),
    "guarded": (1, 0),
    "each": (1, 0),
    "aside": (2, 0),
    "native": (1, 0),
    "interrupted": (0, 0),
    "Chain": (2, 0),
    "inner": (1, 0),
    "Failing": (0, 1),
}
ERRORS = {
    "session retried": "openai.InternalServerError",
    "invoke_workflow retried": "openai.InternalServerError",
    "invoke_agent writer": "openai.InternalServerError",
    "session limited": "openai.RateLimitError",
    "invoke_workflow limited": "openai.RateLimitError",
    "invoke_agent b": "openai.RateLimitError",
    "execute_tool get_stock_price": "ConnectionError",
    "session Failing": "LookupError",
    "invoke_workflow Failing": "LookupError",
}
CHANGED = [
    *methods("crewai.events.event_bus:CrewAIEventsBus", "emit"),
    *methods("crewai:Crew", "kickoff", "akickoff"),
    *methods("crewai:Agent", "kickoff", "kickoff_async"),
    "crewai:Flow.kickoff_async",
]


@pytest.fixture(scope="module")
def python() -> str:
    """The interpreter of CrewAI's environment."""
    return str(made("crewai").python)


@pytest.fixture(scope="module")
def variables(model: ModelServer) -> dict[str, str]:
    """The model server, and nothing for CrewAI's vendor."""
    keys = {"OPENAI_BASE_URL": model.url, "OPENAI_API_KEY": "none"}
    return {**keys, "CREWAI_DISABLE_TELEMETRY": "true", "CREWAI_TRACING_ENABLED": "false"}


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory, python: str, variables: dict[str, str]) -> Iterator[Program]:
    """A program that ran crews, flows and a lone agent."""
    with Program(home=tmp_path_factory.mktemp("crewai"), variables=variables, python=python) as program:
        assert program.run("-m", "crewai_runs", timeout=SECONDS) == 0
        yield program


@pytest.mark.parametrize("name", TREES)
def test_a_run_is_a_tree(story: Program, name: str) -> None:
    """The outermost crew, flow or agent is a session; each attempt of an agent is a run of it."""
    assert tree(story.spans, f"session {name}") == TREES[name]


def test_a_model_call_alone_has_no_session(story: Program) -> None:
    """A program that asks CrewAI's client itself is seen to ask a model."""
    assert tree(story.spans, "chat") == "chat gpt-5-mini ok"


def test_tasks_and_methods_are_the_steps(story: Program) -> None:
    """A workflow counts the tasks, or the methods of a flow, that were done and that failed."""
    steps = {
        span.attributes["gen_ai.workflow.name"]: (
            span.attributes["agent.workflow.steps_completed"],
            span.attributes["agent.workflow.steps_failed"],
        )
        for span in story.spans
        if "gen_ai.workflow.name" in span.attributes
    }
    assert steps == STEPS


def test_a_failure_has_the_class_of_its_exception(story: Program) -> None:
    """It is the exception's own, also where CrewAI tells of its text alone."""
    failed = (span for span in story.spans if "error.type" in span.attributes and not span.name.startswith("chat"))
    assert {span.name: span.attributes["error.type"] for span in failed} == ERRORS


def test_tokens_are_those_that_the_server_handed_out(story: Program, model: ModelServer) -> None:
    """They add up, but for the answer that came after its crew was cancelled."""
    total: Counter[str] = Counter()
    for span in story.spans:
        total.update({key: value for key, value in span.attributes.items() if key.startswith("gen_ai.usage.")})
    handed_out, late = model.script.handed_out, Answer(text=TEXT, output_tokens=50)
    assert total == {
        "gen_ai.usage.input_tokens": handed_out.input_tokens - late.input_tokens,
        "gen_ai.usage.output_tokens": handed_out.output_tokens - late.output_tokens,
        "gen_ai.usage.cache_read.input_tokens": handed_out.cached_tokens - late.cached_tokens,
        "gen_ai.usage.reasoning.output_tokens": handed_out.reasoning_tokens - late.reasoning_tokens,
    }


def test_events_follow(story: Program) -> None:
    """The maintainers are told of sessions, workflows, tools and failures."""
    assert story.counted("token.", "session.cost") == {
        "session.started": 12,
        "session.ended": 12,
        "session.failure": 3,
        "workflow.started": 12,
        "workflow.completed": 8,
        "workflow.failed": 4,
        "tool.called": 4,
    }
    failures = [event["properties"]["errorCategory"] for event in story.events if event["event"] == "session.failure"]
    assert failures == ["api_error", "rate_limit", "internal"]


def test_our_errors_stay_with_us(tmp_path: Path, python: str, variables: dict[str, str]) -> None:
    """Where every call of ours raises, the program prints what it does without us."""
    with Program(home=tmp_path, variables=variables, python=python) as program:
        assert program.run("-m", "broken", "crewai_runs", timeout=SECONDS) == 0
        assert program.printed() == run_plainly(
            "crewai_runs", home=tmp_path, variables=variables, python=python, timeout=SECONDS
        )


def test_uninstrumenting_puts_the_same_objects_back(tmp_path: Path, python: str, variables: dict[str, str]) -> None:
    """Instrumented, each is another object; uninstrumented, the very same; and so a second time."""
    printed = run_plainly("hooked", "crewai", *CHANGED, home=tmp_path, variables=variables, python=python, timeout=120)
    assert json.loads(printed) == [True, True, True, True]
