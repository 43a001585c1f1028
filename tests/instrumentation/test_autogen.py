"""AutoGen's teams on the scripted model server, in AutoGen's own environment."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.instrumentation.program import Program, run_plainly
from tests.matrix.environments import made
from tests.matrix.run import tree

if TYPE_CHECKING:
    from pathlib import Path

    from examples.scripted_model import ModelServer

pytestmark = pytest.mark.matrix

TEAM = """\
session writers ok
  invoke_agent author ok
    chat gpt-5-mini-2025-08-07 ok
  invoke_agent editor ok
    chat gpt-5-mini-2025-08-07 ok"""
TREES = {
    "twice": f"create_agent author ok\ncreate_agent editor ok\n{TEAM}\n{TEAM}",
    "nested": """\
create_agent author ok
session outer ok
  invoke_agent author ok
    chat gpt-5-mini-2025-08-07 ok""",
    "inside": """\
session own ok
  create_agent author ok
  invoke_agent author ok
    chat gpt-5-mini-2025-08-07 ok""",
    "failing": """\
create_agent author ok
session writers error
  invoke_agent author error
    chat gpt-5-mini-2025-08-07 error""",
}
SESSIONS = {"twice": 2, "nested": 1, "inside": 1, "failing": 1}


def team(home: Path, model: ModelServer, **variables: str) -> Program:
    """A place to run the program in."""
    python = str(made("autogen").python)
    given = {"OPENAI_BASE_URL": model.url, "OPENAI_API_KEY": "none", "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": ""}
    path = os.pathsep.join([str(made("autogen").python.parent), os.environ["PATH"]])
    return Program(home=home, python=python, variables={**given, "PATH": path, **variables})


@pytest.mark.parametrize("scenario", TREES)
def test_a_team_is_a_session(tmp_path: Path, model: ModelServer, scenario: str) -> None:
    """Its agents are in it, whoever runs it; inside another team or session it is part of that."""
    with team(tmp_path, model) as program:
        assert program.run("-m", "with_autogen_team", scenario) == 0
        assert tree(program.spans) == TREES[scenario]
        assert program.counted()["session.ended"] == SESSIONS[scenario]


def test_a_team_stays_the_same_conversation(tmp_path: Path, model: ModelServer) -> None:
    """Two runs of one team are two sessions of one id."""
    with team(tmp_path, model) as program:
        assert program.run("-m", "with_autogen_team", "twice") == 0
        started = [event["properties"] for event in program.events if event["event"] == "session.started"]
        assert len(started) == 2
        assert started[0] == started[1]


@pytest.mark.parametrize("asked_for", [False, True])
def test_messages_are_left_out_unless_asked_for(tmp_path: Path, model: ModelServer, *, asked_for: bool) -> None:
    """The runtime's spans say which message went where, not what it said."""
    wanted = {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY"} if asked_for else {}
    with team(tmp_path, model, **wanted) as program:
        assert program.run("-m", "with_autogen_team", "nested") == 0
        passed_on = [span for span in program.spans if span.scope.startswith("autogen ")]
        assert passed_on
        assert any("message" in span.attributes for span in passed_on) is asked_for


def test_our_errors_stay_with_us(tmp_path: Path, model: ModelServer) -> None:
    """Where every call of ours raises, the program prints and returns what it does without us."""
    with team(tmp_path, model) as program:
        assert program.run("-m", "broken", "with_autogen_team", "nested") == 0
        variables = {"OPENAI_BASE_URL": model.url, "OPENAI_API_KEY": "none"}
        plain = run_plainly(
            "with_autogen_team", "nested", home=tmp_path, variables=variables, python=str(made("autogen").python)
        )
        assert program.printed() == plain
