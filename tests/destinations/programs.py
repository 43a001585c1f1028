"""An agent service in a process of its own, and what its two destinations received."""

from __future__ import annotations

import re
from textwrap import dedent
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.lifecycle.programs import allowed

if TYPE_CHECKING:
    from pathlib import Path

    from tests.recorder import Recorder

_SERVICE = """
import otel_agent_telemetry as telemetry

def serve():
    with telemetry.session(agent="planner", id="s-1"), telemetry.task("research", id="t-1", source="slack"):
        with telemetry.tool("web_search"):
            pass
        telemetry.record_tokens("gpt-5.2", input=1200, output=300, provider="openai")
"""


def service(program: str) -> str:
    """A program that can ``serve()``: a session with a task, a tool call and a model call."""
    return _SERVICE + dedent(program)


CONFIGURED = service("""
    telemetry.configure(version="2.3.0")
    serve()
    telemetry.flush(10)
""")

EVENTS = [
    "session.started",
    "task.created",
    "task.started",
    "tool.called",
    "task.completed",
    "session.ended",
    "session.cost",
    "token.usage",
]
SPANS = ["execute_tool web_search", "chat gpt-5.2", "task research", "session planner"]
METRICS = [
    "agent.client.inference.cost",
    "agent.session.duration",
    "agent.task.duration",
    "gen_ai.client.inference.duration",
    "gen_ai.client.inference.usage.input_tokens",
    "gen_ai.client.inference.usage.output_tokens",
    "gen_ai.client.operation.duration",
    "gen_ai.client.token.usage",
    "gen_ai.execute_tool.duration",
]


def settings(folder: Path, events: Recorder | None, otlp: Recorder | None) -> dict[str, object]:
    """Variables with which events go to one recorder, and traces and metrics to the other."""
    variables = allowed(folder)
    if events is None:
        variables["ANONYMIZED_TELEMETRY"] = "false"
    else:
        variables["AGENT_TELEMETRY_ENDPOINT"] = f"{events.url}/v1/events"
    if otlp is not None:
        variables["OTEL_EXPORTER_OTLP_ENDPOINT"] = otlp.url
    return variables


def events_of(recorder: Recorder) -> list[str]:
    """The names of the events that arrived, in that order."""
    return [request.json()["event"] for request in recorder.requests]


def spans_of(recorder: Recorder) -> list[Any]:
    """The spans that arrived by OTLP."""
    bodies = (request.body for request in recorder.requests if request.path == "/v1/traces")
    resources = (each for body in bodies for each in ExportTraceServiceRequest.FromString(body).resource_spans)
    return [span for resource in resources for scope in resource.scope_spans for span in scope.spans]


def metrics_of(recorder: Recorder) -> list[str]:
    """The names of the metrics that arrived by OTLP."""
    bodies = (request.body for request in recorder.requests if request.path == "/v1/metrics")
    resources = (each for body in bodies for each in ExportMetricsServiceRequest.FromString(body).resource_metrics)
    return sorted({each.name for resource in resources for scope in resource.scope_metrics for each in scope.metrics})


def alike(body: bytes) -> str:
    """A body without what differs from run to run: the moment, durations, and references to made-up ids."""
    text = re.sub(r'"occurred_at":"[^"]+"', '"occurred_at":""', body.decode())
    return re.sub(r'"durationMs":\d+', '"durationMs":0', text)
