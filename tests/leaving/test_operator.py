"""The operator's collector, dead or deaf, holds up nobody, and what it did not get is said."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from tests.lifecycle.programs import allowed, run, start
from tests.network import reserved_port
from tests.recorder import Answer, Recorder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BOUND_SECONDS = 6.0  # the exporter itself gives up after ten, and is asked for spans and for metrics

PROGRAM = """
    import sys, time
    import otel_agent_telemetry as telemetry

    telemetry.configure()
    with telemetry.session(), telemetry.tool("x"):
        telemetry.record_tokens("gpt-5.2", input=1)
    began = time.monotonic()
    print(eval(sys.argv[1]), time.monotonic() - began, time.time(), flush=True)
"""
SAID = (
    "the operator's exporters did not take everything before the end; lost: 3 spans, the last metrics. "
    "OTEL_EXPORTER_OTLP_ENDPOINT says where it goes, AGENT_TELEMETRY_EXIT_TIMEOUT how many seconds the end of the "
    "program may wait"
)


@pytest.fixture(params=["dead", "deaf"])
def collector(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a collector that is not there, or that takes a request and never answers."""
    if request.param == "dead":
        yield f"http://127.0.0.1:{reserved_port()}"
        return
    with Recorder(default=Answer(after=threading.Event())) as server:
        yield server.url


@pytest.mark.parametrize("step", ["None", "telemetry.flush(0.5)", "telemetry.shutdown(0.5)"])
def test_a_collector_that_takes_nothing(tmp_path: Path, collector: str, step: str) -> None:
    """The program's end, a flush and a shutdown keep to their time, and one line says what was lost."""
    variables = allowed(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=collector, AGENT_TELEMETRY_EXIT_TIMEOUT=0.5)
    with start(PROGRAM, step, variables=variables) as process:
        output, complaints = process.communicate(timeout=60)
    said, seconds, ended = output.split()
    assert (process.returncode, said) == (0, "False" if "flush" in step else "None")
    assert (float(seconds) < BOUND_SECONDS, time.time() - float(ended) < BOUND_SECONDS) == (True, True)
    assert complaints.splitlines().count(SAID) == 1


def test_a_collector_that_takes_everything(tmp_path: Path, recorder: Recorder) -> None:
    """Nothing is said where nothing was lost, and the end of the program brings the last spans and metrics."""
    run(PROGRAM, "None", variables=allowed(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=recorder.url))
    assert sorted(request.path for request in recorder.requests) == ["/v1/metrics", "/v1/traces"]


def test_a_collector_that_refuses(tmp_path: Path) -> None:
    """A flush is told that spans were not taken, and the end says how many were not in all the time."""
    with Recorder(default=Answer(400)) as refusing:
        variables = allowed(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=refusing.url, OTEL_METRICS_EXPORTER="none")
        with start(PROGRAM, "telemetry.flush(5)", variables=variables) as process:
            output, complaints = process.communicate(timeout=60)
    assert (output.split()[0], "end; lost: 3 spans. OTEL_" in complaints) == ("False", True)


def test_a_forked_child(tmp_path: Path, recorder: Recorder) -> None:
    """A forked child's own end brings its own spans."""
    program = """
        import os, sys
        import otel_agent_telemetry as telemetry

        telemetry.configure()
        child = os.fork()
        with telemetry.tool("x"):
            pass
        if child:
            os.waitpid(child, 0)
    """
    variables = allowed(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=recorder.url, OTEL_METRICS_EXPORTER="none")
    run(program, variables=variables)
    assert [request.path for request in recorder.requests] == ["/v1/traces", "/v1/traces"]


def test_a_provider_shut_down_by_its_host(tmp_path: Path) -> None:
    """Shutting down our providers never raises, whatever an exporter does, and a second time does nothing."""
    program = """
        import otel_agent_telemetry as telemetry
        from opentelemetry import metrics, trace
        from opentelemetry.sdk.trace import SpanProcessor

        class Broken(SpanProcessor):
            def shutdown(self):
                raise ValueError("broken")

        telemetry.configure()
        trace.get_tracer_provider().add_span_processor(Broken())
        trace.get_tracer_provider().shutdown()
        trace.get_tracer_provider().shutdown()
    """
    run(program, variables=allowed(tmp_path))


def test_a_host_that_shuts_our_provider_down(tmp_path: Path) -> None:
    """That keeps to the time of the program's end too, though it is the SDK's call, and says what was lost."""
    program = PROGRAM.replace("import sys, time", "import sys, time\n    from opentelemetry import trace")
    settings = {"OTEL_METRICS_EXPORTER": "none", "AGENT_TELEMETRY_EXIT_TIMEOUT": 0.5}
    with Recorder(default=Answer(after=threading.Event())) as deaf:
        variables = allowed(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=deaf.url, **settings)
        with start(program, "trace.get_tracer_provider().shutdown()", variables=variables) as process:
            output, complaints = process.communicate(timeout=60)
    said, seconds, ended = output.split()
    assert (process.returncode, said) == (0, "None")
    assert (float(seconds) < BOUND_SECONDS, time.time() - float(ended) < BOUND_SECONDS) == (True, True)
    assert complaints.splitlines().count(SAID.replace(", the last metrics", "")) == 1
