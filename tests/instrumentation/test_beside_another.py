"""Our modules beside OpenTelemetry's own instrumentation of the OpenAI client."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from examples.scripted_model import ModelServer
from tests.instrumentation.program import Program, needs
from tests.matrix.model import serving

if TYPE_CHECKING:
    from pathlib import Path

USAGE = ("gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens")


@pytest.mark.parametrize(("program", "framework"), [("agents_runs", "openai-agents"), ("langgraph_runs", "langgraph")])
def test_each_model_call_is_shown_once(program: str, framework: str, tmp_path: Path) -> None:
    """Where the client's spans show the model calls, ours do not: tokens add up to what the server handed out."""
    needs(framework, "opentelemetry-instrumentation-genai-openai")
    server = ModelServer(slow_seconds=3)
    variables = {
        "OPENAI_BASE_URL": server.url,
        "MODEL_API_KEY": "none",
        "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "",
    }
    with serving(server), Program(home=tmp_path, variables=variables) as run:
        assert run.run("-m", program) == 0
        totals = [sum(span.attributes.get(key, 0) for span in run.spans) for key in USAGE]
    handed_out = server.script.handed_out
    assert totals == [handed_out.input_tokens, handed_out.output_tokens]
