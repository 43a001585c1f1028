"""Spans of ours that the host gives more attributes than the SDK keeps."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.lifecycle.acme import stored
from tests.lifecycle.programs import allowed, start

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
    import json
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    import otel_agent_telemetry as telemetry

    exporter = InMemorySpanExporter()
    telemetry.configure()
    trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(exporter))

    def note():
        for number in range(130):
            trace.get_current_span().set_attribute(f"app.{number}", number)

    with telemetry.session(agent="a"), telemetry.task("research", source="api") as task:
        note()
        with telemetry.tool("web"):
            note()
        with telemetry.model_call("gpt-5.2") as call:
            note()
            call.record(input=3, output=4)
        task.cancel()
    telemetry.flush(50)
    print(json.dumps([dict(span.attributes) for span in exporter.get_finished_spans()]))
"""
KEPT = {  # by the order in which the spans end
    "agent.lifecycle": ["tool", "model_call", "task", "session"],
    "gen_ai.tool.name": ["web", None, None, None],
    "gen_ai.usage.input_tokens": [None, 3, None, None],
    "agent.outcome": [None, None, "cancelled", None],
}


def told(tmp_path: Path, **variables: object) -> tuple[list[dict[str, object]], list[str], dict[str, object]]:
    """The operator's spans, the events, and what the session's end says."""
    with start(PROGRAM, variables=allowed(tmp_path, **variables)) as process:
        output, _ = process.communicate(timeout=60)
    bodies = [json.loads(body) for body in stored(tmp_path)]
    ended = next(body["properties"] for body in bodies if body["event"] == "session.ended")
    sums = {name: ended.get(name) for name in ("tasksProcessed", "toolCalls", "modelCalls", "inputTokens")}
    return json.loads(output), sorted(body["event"] for body in bodies), sums


@pytest.mark.parametrize("limit", [128, 8, 1])
def test_the_events(tmp_path: Path, limit: int) -> None:
    """Every event is told, whatever the SDK keeps of the spans."""
    _, events, sums = told(tmp_path, OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT=limit)
    lifecycle = ["session.cost", "session.ended", "session.started", "task.cancelled", "task.created", "task.started"]
    assert events == [*lifecycle, "token.usage", "tool.called"]
    assert sums == {"tasksProcessed": 1, "toolCalls": 1, "modelCalls": 1, "inputTokens": 3}


@pytest.mark.parametrize("name", ["OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"])
def test_cut_values(tmp_path: Path, name: str) -> None:
    """Every event is told as it is, where the operator has the SDK keep no more than two characters of a value."""
    spans, events, sums = told(tmp_path, **{name: 2})
    assert (len(events), sums["inputTokens"], sums["modelCalls"], "tool.called" in events) == (8, 3, 1, True)
    assert {span["agent.lifecycle"] for span in spans} == {"to", "mo", "ta", "se"}


def test_the_operators_spans(tmp_path: Path) -> None:
    """Our own attributes are in the operator's spans, in place of others."""
    spans, _, _ = told(tmp_path)
    assert {name: [span.get(name) for span in spans] for name in KEPT} == KEPT
    assert [len(span) for span in spans[:3]] == [128, 128, 128]
