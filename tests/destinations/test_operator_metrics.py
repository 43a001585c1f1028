"""What the operator's metrics say: each call, run, tool, task and session once, whether or not events are on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from tests.destinations.programs import events_of, service, settings, spans_of
from tests.lifecycle.programs import run
from tests.recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def collector() -> Iterator[Recorder]:
    """The operator's collector."""
    with Recorder() as server:
        yield server


def points(recorder: Recorder) -> dict[str, list[tuple[dict[str, Any], float]]]:
    """Metric -> its points as last told: attributes, and the sum or, for durations, how many."""
    told: dict[str, list[tuple[dict[str, Any], float]]] = {}
    for request in recorder.requests:
        if request.path != "/v1/metrics":
            continue
        for resource in ExportMetricsServiceRequest.FromString(request.body).resource_metrics:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    found = [*metric.histogram.data_points, *metric.sum.data_points]
                    told[metric.name] = [(attributes(point), number(point)) for point in found]
    return told


def attributes(point: Any) -> dict[str, Any]:
    """Those of a point, as plain values."""
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in point.attributes}


def number(point: Any) -> float:
    """What a point counts."""
    return point.count if hasattr(point, "bucket_counts") else point.as_int or point.as_double


SERVICE = service("""
    telemetry.configure(version="2.3.0")
    serve()
    from opentelemetry import trace
    tracer = trace.get_tracer("some.client")
    model = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-5-mini"}
    usage = {"gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 20,
             "gen_ai.usage.cache_read.input_tokens": 40, "gen_ai.usage.reasoning.output_tokens": 8}
    with tracer.start_as_current_span("run", attributes={"gen_ai.operation.name": "invoke_agent",
                                                         "gen_ai.agent.name": "helper"}):
        with tracer.start_as_current_span("wrapper", attributes={**model, **usage}):
            with tracer.start_as_current_span("call", attributes={**model, **usage,
                    "gen_ai.response.time_to_first_chunk": 0.25}):
                pass
        with tracer.start_as_current_span("failed", attributes={**model, "error.type": "RateLimitError"}) as span:
            span.set_status(trace.StatusCode.ERROR)
""")
MODEL = {"gen_ai.provider.name": "openai", "gen_ai.operation.name": "chat", "gen_ai.response.model": "gpt-5-mini"}
CALL = {**MODEL, "gen_ai.agent.name": "helper"}
OWN = {**MODEL, "gen_ai.response.model": "gpt-5.2", "gen_ai.agent.name": "planner"}
RIGHT = {
    "gen_ai.client.inference.duration": [(OWN, 1), (CALL, 1), ({**CALL, "error.type": "rate_limit"}, 1)],
    "gen_ai.client.inference.time_to_first_chunk": [(CALL, 1)],
    "gen_ai.client.inference.usage.input_tokens": [(OWN, 1200), (CALL, 100)],
    "gen_ai.client.inference.usage.output_tokens": [(OWN, 300), (CALL, 20)],
    "gen_ai.client.inference.usage.cache_read.input_tokens": [(CALL, 40)],
    "gen_ai.client.inference.usage.reasoning.output_tokens": [(CALL, 8)],
    "gen_ai.execute_tool.duration": [({"gen_ai.tool.name": "web_search", "gen_ai.agent.name": "planner"}, 1)],
    "gen_ai.invoke_agent.duration": [({"gen_ai.agent.name": "helper"}, 1)],
    "agent.task.duration": [({"agent.outcome": "ok", "agent.task.source": "slack"}, 1)],
    "agent.session.duration": [
        ({"gen_ai.agent.name": "planner", "agent.outcome": "ok"}, 1),
        ({"gen_ai.agent.name": "helper", "agent.outcome": "ok"}, 1),
    ],
}


def check(told: dict[str, list[tuple[dict[str, Any], float]]]) -> None:
    """All of it, once, and what it cost."""
    assert {name: told[name] for name in RIGHT if name in told} == RIGHT
    costs = {point["gen_ai.response.model"]: usd for point, usd in told["agent.client.inference.cost"]}
    assert costs == {"gpt-5.2": pytest.approx(0.0063), "gpt-5-mini": pytest.approx(0.000056)}
    assert {point["agent.cost.is_estimate"] for point, _ in told["agent.client.inference.cost"]} == {True}


@pytest.mark.parametrize("events", [True, False], ids=["events on", "events off"])
@pytest.mark.parametrize("end", ["telemetry.flush(10)", "", "telemetry.shutdown()"], ids=["flush", "exit", "shutdown"])
def test_each_is_counted_once(tmp_path: Path, collector: Recorder, end: str, *, events: bool) -> None:
    """Wrappers and repeats are not counted again; a program's end loses nothing."""
    with Recorder() as proxy:
        run(SERVICE + end, variables=settings(tmp_path, proxy if events else None, collector))
    check(points(collector))


@pytest.mark.parametrize("sampler", ["always_off", "parentbased_always_off"])
@pytest.mark.parametrize("events", [True, False], ids=["events on", "events off"])
def test_sampling_takes_nothing_away(tmp_path: Path, collector: Recorder, sampler: str, *, events: bool) -> None:
    """Metrics are of all spans, also of those that are not exported."""
    with Recorder() as proxy:
        variables = settings(tmp_path, proxy if events else None, collector)
        run(SERVICE, variables={**variables, "OTEL_TRACES_SAMPLER": sampler})
    check(points(collector))


def test_an_opt_out_while_running(tmp_path: Path, collector: Recorder) -> None:
    """Who opts out of the events goes on to have his metrics, and no event is sent of what came after."""
    program = SERVICE.replace("\nserve()\n", "\nimport os\nos.environ['DO_NOT_TRACK'] = '1'\nserve()\n")
    assert program != SERVICE
    with Recorder() as proxy:
        run(program, variables=settings(tmp_path, proxy, collector))
        assert proxy.requests == []
    check(points(collector))


@pytest.mark.parametrize("traces", ["otlp", "none"])
@pytest.mark.parametrize("events", ["on", "off", "opted out"])
def test_a_tracked_tool_call(tmp_path: Path, collector: Recorder, events: str, traces: str) -> None:
    """It counts once, whether it is a span, with what is said around it, or nobody would see that."""
    program = service("""
        telemetry.configure()
        import os
        if away:
            os.environ["DO_NOT_TRACK"] = "1"
        with telemetry.context(user="u-1"):
            telemetry.track("tool.called", toolName="search", isSuccess=True, durationMs=1)
        telemetry.flush(10)
    """)
    with Recorder() as proxy:
        variables = settings(tmp_path, None if events == "off" else proxy, collector)
        run(f"away = {events == 'opted out'}\n{program}", variables={**variables, "OTEL_TRACES_EXPORTER": traces})
        assert events_of(proxy) == (["tool.called"] if events == "on" else [])
    assert points(collector)["gen_ai.execute_tool.duration"] == [({"gen_ai.tool.name": "search"}, 1)]
    spans = [(span.name, attributes(span).get("user.id")) for span in spans_of(collector)]
    assert spans == ([("tool.called", "u-1")] if traces == "otlp" else [])


def test_configured_again(tmp_path: Path, collector: Recorder) -> None:
    """A program that configures twice counts once."""
    twice = 'telemetry.configure(version="2.3.0")\n'
    with Recorder() as proxy:
        run(SERVICE.replace(twice, 2 * twice), variables=settings(tmp_path, proxy, collector))
    check(points(collector))


def test_no_metrics_wanted(tmp_path: Path, collector: Recorder) -> None:
    """Where the operator has no exporter of metrics there is no thread that meters."""
    program = service("""
        telemetry.configure()
        serve()
        import threading
        print([thread.name for thread in threading.enumerate() if thread.name == "agent-telemetry"])
    """)
    variables = {**settings(tmp_path, None, collector), "OTEL_METRICS_EXPORTER": "none"}
    assert run(program, variables=variables) == "[]\n"
