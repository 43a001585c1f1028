"""An agent of smolagents that writes code, in smolagents' own environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.instrumentation.program import Program, run_plainly
from tests.matrix.environments import made
from tests.matrix.run import tree

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.matrix

TREES = {
    "1": """\
invoke_agent first ok
  invoke_agent second ok
    execute_tool add_one ok
  execute_tool add_one ok""",
    "13": """\
invoke_agent first ok
  invoke_agent second ok
    execute_tool add_one ok
  execute_tool add_one error""",
}
EVENTS = {"session.started": 1, "tool.called": 2, "session.ended": 1}


@pytest.mark.parametrize("number", TREES)
def test_what_generated_code_calls_belongs_to_the_run(tmp_path: Path, number: str) -> None:
    """Tools and agents that the code calls, in a thread of its own, are below the agent that wrote it."""
    with Program(home=tmp_path, python=str(made("smolagents").python)) as program:
        assert program.run("-m", "with_smolagents_code", number) == 0
        assert tree(program.spans) == TREES[number]
        assert program.counted() == EVENTS


def test_the_end_of_a_run_is_no_tool(tmp_path: Path) -> None:
    """An agent ends by a tool of the framework's, which is not counted."""
    with Program(home=tmp_path, python=str(made("smolagents").python)) as program:
        assert program.run("-m", "with_smolagents_code", "1") == 0
        assert {span.attributes.get("gen_ai.tool.name") for span in program.spans} == {None, "add_one"}


@pytest.mark.parametrize("number", TREES)
def test_our_errors_stay_with_us(tmp_path: Path, number: str) -> None:
    """Where every call of ours raises, the program prints and returns what it does without us."""
    python = str(made("smolagents").python)
    with Program(home=tmp_path, python=python) as program:
        assert program.run("-m", "broken", "with_smolagents_code", number) == 0
        assert program.printed() == run_plainly("with_smolagents_code", number, home=tmp_path, python=python)
