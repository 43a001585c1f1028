"""What is changed in the spans that frameworks, and the instrumentations of our extras, emit by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.matrix.environments import made
from tests.matrix.run import PROGRAMS, SECRET, run, run_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.matrix.model import EveryProvider
    from tests.matrix.run import Run

    Runs = Callable[[str, str], Run]

pytestmark = pytest.mark.matrix

CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
SILENT = {CONTENT: ""}
SAID = b"Sunny in Lisbon"


@pytest.mark.parametrize(
    "framework",
    [
        "ag2",
        "agent-framework",
        "agno",
        "autogen",
        "google-genai",
        "litellm",
        "pydantic-ai",
        "semantic-kernel",
        "smolagents",
        "strands",
    ],
)
def test_content_is_left_out_unless_asked_for(framework: str, model: EveryProvider, tmp_path: Path) -> None:
    """Nothing that was said is in the operator's spans where the variable for content is not set."""
    quiet = run(made(framework), "ok", model, tmp_path, variables=SILENT)
    assert quiet.spans
    assert SAID not in quiet.bodies
    assert f"weather, says {SECRET}".encode() not in quiet.bodies


OLDER = {"ADK_TELEMETRY_SCHEMA_VERSION_OPT_IN": "1"}


@pytest.mark.parametrize(
    ("variables", "shown"),
    [
        (SILENT, [False, False]),
        ({**SILENT, "ADK_CAPTURE_MESSAGE_CONTENT_IN_SPANS": "true"}, [True, True]),
        ({"ADK_CAPTURE_MESSAGE_CONTENT_IN_SPANS": "false"}, [False, False]),
        ({}, [True, True]),
    ],
)
def test_content_in_the_older_spans_of_adk(
    variables: dict[str, str], shown: list[bool], model: EveryProvider, tmp_path: Path
) -> None:
    """What models and tools were given and gave is left out unless the operator asks for it, in either way."""
    told = run(made("google-adk"), "ok", model, tmp_path, variables={**OLDER, **variables})
    assert [SAID in told.bodies, f"weather, says {SECRET}".encode() in told.bodies] == shown


@pytest.mark.parametrize("framework", ["google-genai", "litellm"])
def test_the_variables_of_openinference_are_kept(framework: str, model: EveryProvider, tmp_path: Path) -> None:
    """Where the operator has one shown and says nothing of the other, what was asked is shown and no answer."""
    shown = run(made(framework), "ok", model, tmp_path, variables={**SILENT, "OPENINFERENCE_HIDE_INPUTS": "false"})
    said = [f"weather, says {SECRET}", "Here is what was asked for."]
    assert [each.encode() in shown.bodies for each in said] == [True, False]


@pytest.mark.parametrize(
    "framework", ["ag2", "agno", "google-genai", "litellm", "pydantic-ai", "semantic-kernel", "strands"]
)
def test_content_is_there_if_asked_for(runs: Runs, framework: str) -> None:
    """Where it is set, what a tool gave is in them."""
    assert SAID in runs(framework, "ok").bodies


def test_a_list_of_the_program_is_kept(model: EveryProvider, tmp_path: Path) -> None:
    """Strands: what the program's own list lets through stays, and the rest is redacted."""
    own = {"OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_unredacted_attributes=gen_ai.output.messages"}
    kept = run(made("strands"), "ok", model, tmp_path, variables={**SILENT, **own}).bodies
    assert b"Here is what was asked for." in kept
    assert f"weather, says {SECRET}".encode() not in kept


@pytest.mark.parametrize(
    ("framework", "scenario", "attribute"),
    [
        ("ag2", "ok", "gen_ai.conversation.id"),
        ("agent-framework", "ok", "gen_ai.conversation.id"),
        ("agent-framework", "stream", "gen_ai.conversation.id"),
        ("semantic-kernel", "ok", "gen_ai.conversation.id"),
        ("semantic-kernel", "stream", "gen_ai.conversation.id"),
        ("strands", "ok", "session.id"),
    ],
)
def test_a_run_has_its_session(runs: Runs, framework: str, scenario: str, attribute: str) -> None:
    """The agent's span carries the id of the framework's own session."""
    agents = [each for each in runs(framework, scenario).spans if each.name.startswith("invoke_agent")]
    assert [each.attributes.get(attribute) for each in agents] == [f"{SECRET}-{scenario}"]


def test_an_error_is_that_of_the_client(runs: Runs) -> None:
    """Agent Framework: not the one that the framework raises in its place."""
    failed = [each for each in runs("agent-framework", "rate limit").spans if each.is_error]
    assert [each.attributes["error.type"] for each in failed] == ["RateLimitError"] * 2


@pytest.mark.parametrize("scenario", ["ok", "stream"])
@pytest.mark.parametrize("framework", ["anthropic", "google-genai", "google-genai-direct", "litellm"])
def test_a_model_call_has_no_second_span(runs: Runs, framework: str, scenario: str) -> None:
    """Where HTTP clients have spans of their own, what the model's client sends has none."""
    assert runs(framework, scenario).requests == []


def test_what_a_tool_asks_is_below_it(model: EveryProvider, tmp_path: Path) -> None:
    """Also where it is the model's client that calls the tool."""
    file, address = PROGRAMS / "with_google_genai_asking.py", f"{model.root}/handed_out"
    told = run_file(made("google-genai"), file, model, tmp_path, address)
    assert told.requests == ["execute_tool get_weather: GET"]


@pytest.mark.parametrize("framework", ["anthropic", "langgraph", "litellm", "openai"])
def test_content_where_one_variable_asks_for_it(framework: str, model: EveryProvider, tmp_path: Path) -> None:
    """What was said is in the operator's spans where that variable says ``true``, whoever makes them."""
    told = run(made(framework), "ok", model, tmp_path, variables={CONTENT: "true"})
    assert SAID in told.bodies
