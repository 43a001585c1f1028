"""The two exporters behind stock parts of the SDK, and chosen by the standard variables."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from tests.destinations.programs import CONFIGURED, EVENTS, SPANS, alike, events_of, service, settings, spans_of
from tests.lifecycle.acme import stored
from tests.lifecycle.programs import allowed, environment, run
from tests.recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.recorder import Request


@pytest.fixture
def collector() -> Iterator[Recorder]:
    """The operator's collector."""
    with Recorder() as server:
        yield server


def of_run(folder: Path) -> Counter[str]:
    """The events of a ledger, whatever their order, without what differs from run to run."""
    return Counter(alike(body) for body in stored(folder))


def live(folder: Path) -> Counter[str]:
    """The events of the same service as configure() gives them."""
    run(CONFIGURED, variables=allowed(folder))
    return of_run(folder)


def same_installation(left: Path, right: Path) -> None:
    """Gives the second folder the identity of the first, so that the bodies can be the same."""
    for file in (left / "acme-agents").glob("telemetry_*"):
        (right / "acme-agents").mkdir(parents=True, exist_ok=True)
        (right / "acme-agents" / file.name).write_bytes(file.read_bytes())


BEHIND_STOCK_PARTS = """
    from opentelemetry import metrics, trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from otel_agent_telemetry.pipeline.exporter import ProxyEventExporter

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(ProxyEventExporter()))
    trace.set_tracer_provider(provider)
    serve()
    provider.shutdown()
"""


def test_the_span_exporter_behind_a_batch_processor(tmp_path: Path) -> None:
    """Behind a stock BatchSpanProcessor it gives the very events that the live processor gives."""
    expected = live(tmp_path / "live")
    same_installation(tmp_path / "live", tmp_path / "batch")
    variables = {**allowed(tmp_path / "batch"), "AGENT_TELEMETRY_VERSION": "2.3.0"}
    run(service(BEHIND_STOCK_PARTS), variables=variables)
    assert of_run(tmp_path / "batch") == expected


def test_a_session_in_several_batches(tmp_path: Path) -> None:
    """Where a session arrives in several batches, children first, its events are the same."""
    expected = live(tmp_path / "live")
    same_installation(tmp_path / "live", tmp_path / "batches")
    variables = {**allowed(tmp_path / "batches"), "AGENT_TELEMETRY_VERSION": "2.3.0"}
    run(service(BEHIND_STOCK_PARTS), variables={**variables, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "1"})
    assert of_run(tmp_path / "batches") == expected


def test_the_span_exporter_without_consent(tmp_path: Path) -> None:
    """Without consent it takes the spans and makes nothing of them: no file."""
    run(service(BEHIND_STOCK_PARTS), variables={**allowed(tmp_path), "DO_NOT_TRACK": "1"})
    assert list(tmp_path.iterdir()) == []


METRICS_ALONE = """
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from otel_agent_telemetry.pipeline.exporter import ProxyMetricExporter

    provider = MeterProvider([PeriodicExportingMetricReader(ProxyMetricExporter())])
    usage = provider.get_meter("some.instrumentation").create_histogram("gen_ai.client.token.usage", unit="{token}")
    about = {"gen_ai.request.model": "gpt-5.2", "gen_ai.provider.name": "openai", "secret": "prompt"}
    for token_type, tokens in (("input", 1200), ("output", 300), ("input", 800)):
        usage.record(tokens, {**about, "gen_ai.token.type": token_type})
    provider.get_meter("host").create_counter("requests").add(1, about)
    provider.shutdown()
"""


def test_the_metric_exporter_behind_a_periodic_reader(tmp_path: Path) -> None:
    """Behind a stock PeriodicExportingMetricReader it makes ``token.usage`` of the conventions' metric alone."""
    run(METRICS_ALONE, variables=allowed(tmp_path))
    (body,) = map(json.loads, stored(tmp_path))
    properties = {
        "model": "gpt-5.2",
        "provider": "openai",
        "inputTokens": 2000,
        "outputTokens": 300,
        "totalTokens": 2300,
    }
    assert (body["event"], body["properties"]) == ("token.usage", properties)


METRICS_TWICE = """
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from otel_agent_telemetry.pipeline.exporter import ProxyMetricExporter

    provider = MeterProvider([PeriodicExportingMetricReader(ProxyMetricExporter())])
    meter = provider.get_meter("some.instrumentation")
    usage = meter.create_histogram("gen_ai.client.token.usage", unit="{token}")
    about = {"gen_ai.response.model": "gpt-5.2", "gen_ai.system": "openai"}
    for tokens in (100, 20):
        usage.record(tokens, {**about, "gen_ai.token.type": "input"})
        provider.force_flush()
    meter.create_counter("gen_ai.client.inference.usage.input_tokens").add(7, about)
    usage.record(7, {**about, "gen_ai.token.type": "input"})
    provider.shutdown()
"""


def test_each_interval_tells_what_is_new(tmp_path: Path) -> None:
    """What an interval counted is told once, and what two generations of the metric say is the same."""
    run(METRICS_TWICE, variables=allowed(tmp_path))
    told = [json.loads(body)["properties"] for body in stored(tmp_path)]
    assert [(each["provider"], each["inputTokens"]) for each in told] == [
        ("openai", 100),
        ("openai", 20),
        ("openai", 7),
    ]


BOTH = """
    telemetry.configure(version="2.3.0")
    from opentelemetry import metrics, trace
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from otel_agent_telemetry.pipeline.exporter import ProxyEventExporter

    trace.get_tracer_provider().add_span_processor(BatchSpanProcessor(ProxyEventExporter()))
    serve()
    trace.get_tracer_provider().shutdown()
"""


def test_no_event_is_there_twice(tmp_path: Path) -> None:
    """Where the live processor sees the spans too, the exporter adds nothing."""
    expected = live(tmp_path / "live")
    same_installation(tmp_path / "live", tmp_path / "both")
    run(service(BOTH), variables=allowed(tmp_path / "both"))
    assert of_run(tmp_path / "both") == expected


METRICS_TOO = """
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry import metrics
    from otel_agent_telemetry.pipeline.exporter import ProxyMetricExporter

    metrics.set_meter_provider(MeterProvider([PeriodicExportingMetricReader(ProxyMetricExporter())]))
    telemetry.configure(version="2.3.0")
    serve()
    metrics.get_meter_provider().force_flush()
    telemetry.flush(0)
"""


def test_configured_after_the_exporter(tmp_path: Path) -> None:
    """Where configure() comes after the exporter was made, the live processor takes over: each event is there once."""
    expected = live(tmp_path / "live")
    same_installation(tmp_path / "live", tmp_path / "after")
    configured = BEHIND_STOCK_PARTS.replace("    serve()", '    telemetry.configure(version="2.3.0")\n    serve()')
    run(service(configured), variables=allowed(tmp_path / "after"))
    assert of_run(tmp_path / "after") == expected


def test_tokens_are_not_counted_twice(tmp_path: Path) -> None:
    """Where model calls are seen as spans, the exporter leaves the metric of the same calls alone."""
    run(service(METRICS_TOO), variables=allowed(tmp_path))
    usage = [json.loads(body)["properties"] for body in stored(tmp_path) if b'"token.usage"' in body]
    assert [(each["inputTokens"], each["outputTokens"]) for each in usage] == [(1200, 300)]


def instrumented(folder: Path, program: str, variables: dict[str, object]) -> subprocess.CompletedProcess[str]:
    """A program under ``opentelemetry-instrument``."""
    file = folder / "service.py"
    file.write_text(dedent(program), "utf-8")
    command = [str(Path(sys.executable).with_name("opentelemetry-instrument")), sys.executable, str(file)]
    return subprocess.run(command, env=environment(**variables), capture_output=True, text=True, timeout=45, check=True)


SERVED = service("serve()")
STOCK_CONFIGURATOR = """
from opentelemetry.sdk._configuration import _OTelSDKConfigurator

_OTelSDKConfigurator().configure()
"""


def by_variables(folder: Path, collector: Recorder, proxy: Recorder) -> dict[str, object]:
    """The settings of an operator who chose both exporters."""
    return {
        **settings(folder, proxy, collector),
        "AGENT_TELEMETRY_VERSION": "2.3.0",
        "OTEL_TRACES_EXPORTER": "otlp,agent_events",
        "OTEL_METRICS_EXPORTER": "otlp,agent_events",
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
    }


def test_chosen_by_variables(tmp_path: Path, recorder: Recorder, collector: Recorder) -> None:
    """With the SDK's own auto configuration, ``OTEL_TRACES_EXPORTER=otlp,agent_events`` serves both destinations."""
    run(STOCK_CONFIGURATOR + SERVED, variables=by_variables(tmp_path, collector, recorder))
    assert sorted(span.name for span in spans_of(collector)) == sorted(SPANS)
    assert sorted(json.loads(body)["event"] for body in stored(tmp_path)) == sorted(EVENTS)


def test_chosen_by_variables_under_our_configurator(tmp_path: Path, recorder: Recorder, collector: Recorder) -> None:
    """Under ``opentelemetry-instrument`` with our configurator the same variables give each event once, live."""
    variables = {
        **by_variables(tmp_path, collector, recorder),
        "OTEL_PYTHON_DISTRO": "agent_telemetry",
        "OTEL_PYTHON_CONFIGURATOR": "agent_telemetry",
    }
    instrumented(tmp_path, SERVED, variables)
    assert sorted(span.name for span in spans_of(collector)) == sorted(SPANS)
    assert sorted(json.loads(body)["event"] for body in stored(tmp_path)) == sorted(EVENTS)


def test_what_was_not_sent_goes_with_the_next_run(tmp_path: Path, recorder: Recorder, collector: Recorder) -> None:
    """What an exporter left in the ledger at exit is sent by the next run, each event once."""
    variables = by_variables(tmp_path, collector, recorder)
    run(STOCK_CONFIGURATOR + SERVED, variables=variables)
    run(service("telemetry.configure()\ntelemetry.server_started()\ntelemetry.flush(10)"), variables=variables)
    assert sorted(events_of(recorder)) == sorted([*EVENTS, "server.started"])
    assert len(set(map(key_of, recorder.requests))) == len(recorder.requests)


def key_of(request: Request) -> str | None:
    """The idempotency key of a request."""
    return request.header("Idempotency-Key")


BEHIND_A_CLIENT = """
    import os, sys
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context
    from otel_agent_telemetry.pipeline.exporter import ProxyEventExporter
    from otel_agent_telemetry.pipeline._program import stream_from_environment

    exporter = ProxyEventExporter()
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("shop")
    client = NonRecordingSpan(SpanContext(0xC11E17, 0x77, True, TraceFlags(1)))
    with tracer.start_as_current_span("POST", context=set_span_in_context(client)):
        run = {"gen_ai.operation.name": "invoke_agent", "gen_ai.conversation.id": "talk"}
        with tracer.start_as_current_span("run", attributes=run):
            for call in ({"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 3},
                         {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search"}):
                tracer.start_span("call", attributes=call).end()
    provider.force_flush()
    stream_from_environment().drain()
    os._exit(0)  # as a signal ends it, while the client's own span may still come
"""


def test_below_the_span_of_a_client(tmp_path: Path) -> None:
    """What happened in a request that another program traces is told with its session, though that span never comes."""
    run(BEHIND_A_CLIENT, variables={**allowed(tmp_path), "AGENT_TELEMETRY_VERSION": "2.3.0"})
    told = {(body := json.loads(text))["event"]: body["properties"] for text in stored(tmp_path)}
    assert sorted(told) == ["session.cost", "session.ended", "session.started", "token.usage", "tool.called"]
    assert len({properties["sessionId"] for properties in told.values()}) == 1
