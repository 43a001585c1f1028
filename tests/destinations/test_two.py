"""Two destinations that never mix: the operator's collector and the maintainers' proxy."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from tests.destinations.programs import (
    CONFIGURED,
    EVENTS,
    METRICS,
    SPANS,
    alike,
    events_of,
    metrics_of,
    service,
    settings,
    spans_of,
)
from tests.lifecycle.acme import stored
from tests.lifecycle.programs import allowed, environment, result, run
from tests.recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def proxy() -> Iterator[Recorder]:
    """The maintainers' event proxy."""
    with Recorder() as server:
        yield server


@pytest.fixture
def collector() -> Iterator[Recorder]:
    """The operator's collector."""
    with Recorder() as server:
        yield server


@pytest.mark.parametrize("events", [True, False], ids=["events on", "events off"])
@pytest.mark.parametrize("otlp", [True, False], ids=["OTLP on", "OTLP off"])
def test_two_by_two(tmp_path: Path, proxy: Recorder, collector: Recorder, *, events: bool, otlp: bool) -> None:
    """Each destination gets everything when it is on and nothing when it is off, whatever the other one is."""
    run(CONFIGURED, variables=settings(tmp_path, proxy if events else None, collector if otlp else None))
    received = events_of(proxy), [span.name for span in spans_of(collector)], metrics_of(collector)
    assert received == (EVENTS if events else [], SPANS if otlp else [], METRICS if otlp else [])


GLOBALS = """
    import sys
    before = {*sys.modules}  # what measures coverage uses a database
    telemetry.configure()
    serve()

    import json, os, sys, threading
    providers = []
    if "opentelemetry" in sys.modules:
        from opentelemetry import metrics, trace
        providers = [type(trace.get_tracer_provider()).__name__, type(metrics.get_meter_provider()).__name__]
    ours = {"opentelemetry", "opentelemetry.sdk", "requests", "sqlite3", "urllib3"}
    loaded = sorted(ours & ({*sys.modules} - before))
    print(json.dumps([providers, loaded, threading.active_count(), os.listdir(os.environ["STATE"])]))
"""


def test_nothing_is_built_for_nobody(tmp_path: Path) -> None:
    """With telemetry off and nothing configured there is no SDK, no provider, no thread and no file."""
    variables = {**settings(tmp_path, None, None), "STATE": tmp_path}
    assert result(service(GLOBALS), variables=variables) == [[], [], 1, []]


def test_off_leaves_the_proxy_provider(tmp_path: Path) -> None:
    """Where the host imports OpenTelemetry itself, the global providers stay the API's proxies."""
    variables = {**settings(tmp_path, None, None), "STATE": tmp_path}
    providers, _, threads, files = result("import opentelemetry.trace\n" + service(GLOBALS), variables=variables)
    assert (providers, threads, files) == (["ProxyTracerProvider", "_ProxyMeterProvider"], 1, [])


def test_the_operator_alone(tmp_path: Path, collector: Recorder) -> None:
    """With events off and OTLP on, the operator's providers are built and nothing of the events: no file is there."""
    variables = {**settings(tmp_path, None, collector), "STATE": tmp_path}
    providers, _, _, files = result(service(GLOBALS), variables=variables)
    assert (providers, files) == (["TracerProvider", "MeterProvider"], [])


@pytest.mark.parametrize("value", ["true", "TRUE"])
def test_otel_sdk_disabled(tmp_path: Path, proxy: Recorder, collector: Recorder, value: str) -> None:
    """OTEL_SDK_DISABLED=true switches both off."""
    run(CONFIGURED, variables={**settings(tmp_path, proxy, collector), "OTEL_SDK_DISABLED": value})
    assert (proxy.requests, collector.requests, stored_files(tmp_path)) == ([], [], [])


def stored_files(folder: Path) -> list[str]:
    """What lies in a folder."""
    return [path.name for path in folder.iterdir()]


OTEL = {
    "OTEL_SERVICE_NAME": "payroll",
    "OTEL_RESOURCE_ATTRIBUTES": "host.name=secret-host,service.version=9.9.9",
    "OTEL_TRACES_SAMPLER": "traceidratio",
    "OTEL_TRACES_SAMPLER_ARG": "0.0",
    "OTEL_ATTRIBUTE_COUNT_LIMIT": "64",
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "64",
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "300",
    "OTEL_PROPAGATORS": "b3",
    "OTEL_METRICS_EXEMPLAR_FILTER": "always_off",
    "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "delta",
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "1",
    "OTEL_METRIC_EXPORT_INTERVAL": "500",
}


def test_events_do_not_depend_on_the_operator(tmp_path: Path, collector: Recorder) -> None:
    """The bytes of the events are the same whatever OTEL_* variables the operator has set."""
    plain = allowed(tmp_path)
    run(CONFIGURED, variables=plain)
    run(CONFIGURED, variables={**plain, **OTEL, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url})
    bodies = [alike(body) for body in stored(tmp_path)]
    assert len(bodies) == 2 * len(EVENTS)
    assert bodies[len(EVENTS) :] == bodies[: len(EVENTS)]


@pytest.mark.parametrize("sampler", ["always_off", "parentbased_always_off", "traceidratio"])
def test_sampling_is_the_operators(tmp_path: Path, proxy: Recorder, collector: Recorder, sampler: str) -> None:
    """What the operator's sampler drops is not exported to him, and the events are complete all the same."""
    sampled = {"OTEL_TRACES_SAMPLER": sampler, "OTEL_TRACES_SAMPLER_ARG": "0"}
    run(CONFIGURED, variables={**settings(tmp_path, proxy, collector), **sampled})
    assert (events_of(proxy), spans_of(collector), metrics_of(collector)) == (EVENTS, [], METRICS)


def test_the_operators_names(tmp_path: Path, proxy: Recorder, collector: Recorder) -> None:
    """The operator's variables name his service, else the product does; no event has any of it."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    run(CONFIGURED, variables=settings(tmp_path, proxy, collector))
    run(CONFIGURED, variables={**settings(tmp_path, proxy, collector), **OTEL, "OTEL_TRACES_SAMPLER": "always_on"})
    traces = [request.body for request in collector.requests if request.path == "/v1/traces"]
    resources = [
        ExportTraceServiceRequest.FromString(body).resource_spans[0].resource for body in (traces[0], traces[-1])
    ]
    ours, theirs = ({each.key: each.value.string_value for each in resource.attributes} for resource in resources)
    assert (ours["service.name"], ours["service.version"]) == ("acme-agents", "2.3.0")
    assert (theirs["service.name"], theirs["host.name"]) == ("payroll", "secret-host")
    assert not any(b"payroll" in request.body or b"secret-host" in request.body for request in proxy.requests)


HOST = """
    import json
    from opentelemetry import metrics, trace
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    spans, reader = InMemorySpanExporter(), InMemoryMetricReader()
    provider, meters = TracerProvider(), MeterProvider([reader])
    provider.add_span_processor(SimpleSpanProcessor(spans))
    trace.set_tracer_provider(provider)
    metrics.set_meter_provider(meters)
    telemetry.configure(version="2.3.0")
    kept = trace.get_tracer_provider() is provider, metrics.get_meter_provider() is meters
    with trace.get_tracer("host").start_as_current_span("request"):
        serve()
    telemetry.flush(10)
    telemetry.shutdown()
    with trace.get_tracer("host").start_as_current_span("after"):
        serve()
    names = [span.name for span in spans.get_finished_spans()]
    data = [m.name for r in reader.get_metrics_data().resource_metrics for s in r.scope_metrics for m in s.metrics]
    print(json.dumps([kept, names, sorted(data)]))
"""


def test_a_host_with_providers_keeps_them(tmp_path: Path, proxy: Recorder) -> None:
    """We attach to the host's providers: its spans and metrics have ours in them, and they outlive our shutdown."""
    kept, names, metrics = result(service(HOST), variables=settings(tmp_path, proxy, None))
    assert (kept, names, metrics) == ([True, True], [*SPANS, "request", "after"], METRICS)
    assert events_of(proxy) == EVENTS


ISOLATED = """
    import json, os
    from opentelemetry import context, metrics, trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    before = trace.get_tracer_provider(), metrics.get_meter_provider()
    library = telemetry.Telemetry(product="acme-library", notice=False)
    untouched = before == (trace.get_tracer_provider(), metrics.get_meter_provider())
    spans, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    host = provider.get_tracer("host")
    with host.start_as_current_span("request") as request:
        with library.session(id="s-1") as session:
            inside = trace.get_current_span() is request
            with host.start_as_current_span("query"), library.tool("web_search") as tool:
                ours = tool.live().span
    query, outer = spans.get_finished_spans()
    trace_of = lambda span: span.get_span_context().trace_id
    library.flush(5)
    print(json.dumps({
        "globals untouched": untouched,
        "the host's span stays current": inside,
        "the host's parent is the host's": query.parent.span_id == outer.context.span_id,
        "our trace is another one": trace_of(ours) != trace_of(request),
        "ours is below ours": ours.parent.span_id == session.live().span.context.span_id,
        "our resource": dict(ours.resource.attributes),
        "the program's own calls": telemetry.active(),
    }))
"""


def test_a_library_touches_nothing(tmp_path: Path, proxy: Recorder, collector: Recorder) -> None:
    """A library's telemetry has providers and a context of its own; the operator's exporter gets none of its spans."""
    told = result(service(ISOLATED), variables=settings(tmp_path, proxy, collector))
    assert told == {
        "globals untouched": True,
        "the host's span stays current": True,
        "the host's parent is the host's": True,
        "our trace is another one": True,
        "ours is below ours": True,
        "our resource": {},
        "the program's own calls": True,
    }
    assert (events_of(proxy), collector.requests) == (["session.started", "tool.called", "session.ended"], [])


def test_a_library_ignores_the_caller(tmp_path: Path) -> None:
    """A TRACEPARENT in the environment is the program's, not the library's."""
    program = """
        import otel_agent_telemetry as telemetry
        library = telemetry.Telemetry(product="acme-library", notice=False)
        with library.tool("web_search") as tool:
            print(tool.live().span.parent)
    """
    variables = {**allowed(tmp_path), "TRACEPARENT": f"00-{'a' * 32}-{'b' * 16}-01"}
    assert run(program, variables=variables) == "None\n"


def test_configured_again(tmp_path: Path) -> None:
    """configure() called again takes the place of what it set up before: no event is there twice."""
    program = """
        telemetry.configure(version="1.0.0")
        serve()
        telemetry.configure(version="2.0.0")
        serve()
        telemetry.flush(0)
    """
    run(service(program), variables=allowed(tmp_path))
    versions = [body.partition(b'"version":"')[2][:5] for body in stored(tmp_path)]
    assert versions == [b"1.0.0"] * len(EVENTS) + [b"2.0.0"] * len(EVENTS)


def test_configured_again_with_an_operator(tmp_path: Path, proxy: Recorder, collector: Recorder) -> None:
    """configure() called again leaves the operator his exporters: every span and event of both lives arrives once."""
    program = """
        telemetry.configure()
        serve()
        telemetry.configure()
        serve()
        telemetry.flush(10)
    """
    run(service(program), variables=settings(tmp_path, proxy, collector))
    assert ([span.name for span in spans_of(collector)], events_of(proxy)) == (2 * SPANS, 2 * EVENTS)


def test_a_collector_that_is_down(tmp_path: Path, proxy: Recorder) -> None:
    """A collector that nobody listens at costs the maintainers' events nothing."""
    with ExitStack() as stack:
        gone = stack.enter_context(Recorder())
    variables: dict[str, Any] = {**settings(tmp_path, proxy, gone), "OTEL_EXPORTER_OTLP_TIMEOUT": "1"}
    program = "import logging\nlogging.disable()\n" + CONFIGURED
    assert environment(**variables)["OTEL_EXPORTER_OTLP_ENDPOINT"] == gone.url
    run(program, variables=variables)
    assert events_of(proxy) == EVENTS


RAISES = service("""
    telemetry.configure(version="2.3.0")
    from opentelemetry import trace
    try:
        with telemetry.session(agent="planner"), trace.get_tracer("some.client").start_as_current_span("GET /") as span:
            span.set_attribute("exception.message", "s-canary")
            raise ValueError("s-canary")
    except ValueError:
        pass
    telemetry.flush(10)
""")


@pytest.mark.parametrize(("exceptions", "told"), [("types", False), ("type", False), ("full", True), ("", True)])
def test_details_of_exceptions(tmp_path: Path, collector: Recorder, exceptions: str, *, told: bool) -> None:
    """AGENT_TELEMETRY_EXCEPTIONS=types leaves the type of an exception, and neither its message nor where it was."""
    variables = {**settings(tmp_path, None, collector), "AGENT_TELEMETRY_EXCEPTIONS": exceptions}
    run(RAISES, variables=variables)
    [span] = [span for span in spans_of(collector) if span.name == "GET /"]
    said = {pair.key: pair.value.string_value for event in span.events for pair in event.attributes}
    assert (said["exception.type"], "exception.stacktrace" in said) == ("ValueError", told)
    assert (b"s-canary" in b"".join(request.body for request in collector.requests), span.status.code) == (told, 2)
