"""An error of ours stays with us, in modules whose framework is in an environment of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.instrumentation.program import PROGRAMS as INSTRUMENTATION_PROGRAMS
from tests.instrumentation.program import Program, run_plainly
from tests.matrix.environments import made
from tests.matrix.run import PROGRAMS, variables_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.matrix.environments import Environment
    from tests.matrix.model import EveryProvider

pytestmark = pytest.mark.matrix


@pytest.mark.parametrize("scenario", ["ok", "tool error", "stream"])
@pytest.mark.parametrize(
    "framework",
    [
        "ag2",
        "agent-framework",
        "autogen",
        "dspy",
        "google-adk",
        "haystack",
        "pydantic-ai",
        "semantic-kernel",
        "smolagents",
        "strands",
    ],
)
def test_the_program_prints_what_it_prints_without_us(
    tmp_path: Path, model: EveryProvider, framework: str, scenario: str
) -> None:
    """Where every call that a module makes of us raises."""
    assert_same(framework, made(framework), model, tmp_path, scenario)


@pytest.mark.parametrize(
    ("framework", "environment"), [("beeai", "litellm"), ("browser_use", "browser-use"), ("livekit", "agents")]
)
def test_a_program_of_several_scenarios_prints_the_same(
    tmp_path: Path, model: EveryProvider, framework: str, environment: str
) -> None:
    """The same, of those that run together."""
    assert_same(framework, made(environment), model, tmp_path, "ok", "tool error", "stream")


def assert_same(framework: str, environment: Environment, model: EveryProvider, home: Path, *scenarios: str) -> None:
    """Where every call of a module raises, the program prints what it prints plainly."""
    variables = {
        **variables_for(environment, model),
        "PYTHONPATH": f"{INSTRUMENTATION_PROGRAMS}:{PROGRAMS}",
    }
    program, python = f"with_{framework.replace('-', '_')}", str(environment.python)
    with Program(home=home, python=python, variables=variables) as run:
        assert run.run("-m", "broken", program, *scenarios, timeout=90) == 0
        plainly = run_plainly(program, *scenarios, home=home, python=python, variables=variables, timeout=90)
        assert run.printed() == plainly
