from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HTTPExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from tests.collector import fetch
from tests.collector.fleet import send
from tests.collector.made import model_call, request, trace_id
from tests.collector.running import Collector, lines, plain, spans, wait_until
from tests.network import reserved_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.trace.export import SpanExporter

pytestmark = pytest.mark.collector

HERE = Path(__file__).parent
PROGRAM = [sys.executable, "-m", "otel_agent_telemetry"]
TREE = [
    (0, "session support", None),
    (1, "task answer", None),
    (2, "invoke_agent support", None),
    (3, "chat gpt-4o", 120),
    (3, "execute_tool search", None),
]


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Collector]:
    """local.yaml, running."""
    with Collector(tmp_path / "collector", "local.yaml") as running:
        yield running


def written(collector: Collector, count: int) -> list[dict[str, Any]]:
    """The spans in the file, once there are that many."""
    path = collector.files / "traces.jsonl"
    wait_until(lambda: len([*spans(*lines(path))]) >= count, f"{count} spans")
    return [*spans(*lines(path))]


def emit(exporter: SpanExporter) -> int:
    """One run of an agent with a model call in it, through the OpenTelemetry SDK; its trace id."""
    provider = TracerProvider(resource=Resource.create({"service.name": "support-agent"}))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("tests")
    with tracer.start_as_current_span("invoke_agent support") as run:
        tracer.start_span("chat gpt-4o", attributes={"gen_ai.usage.input_tokens": 120}).end()
    provider.shutdown()
    return run.get_span_context().trace_id


def assert_written(collector: Collector, trace: str) -> None:
    """That the file holds exactly the two spans that a client sent."""
    call, run = sorted(written(collector, 2), key=lambda span: span["name"])
    assert {call["traceId"], run["traceId"]} == {trace}
    assert call["parentSpanId"] == run["spanId"]
    assert plain(call["attributes"])["gen_ai.usage.input_tokens"] == 120


def test_the_sdk_writes_protobuf_over_http(collector: Collector) -> None:
    """Spans of the OpenTelemetry SDK arrive by OTLP http/protobuf."""
    trace = emit(HTTPExporter(endpoint=f"http://127.0.0.1:{collector.http}/v1/traces"))
    assert_written(collector, f"{trace:032x}")


def test_the_sdk_writes_grpc(collector: Collector) -> None:
    """Spans of the OpenTelemetry SDK arrive by OTLP grpc."""
    grpc = pytest.importorskip("opentelemetry.exporter.otlp.proto.grpc.trace_exporter")
    trace = emit(grpc.OTLPSpanExporter(endpoint=f"http://127.0.0.1:{collector.grpc}", insecure=True))
    assert_written(collector, f"{trace:032x}")


def test_a_node_service_writes_json_over_http(collector: Collector) -> None:
    """Spans of the OpenTelemetry SDK for Node arrive by OTLP http/json."""
    address = f"http://127.0.0.1:{collector.http}/v1/traces"
    client = subprocess.run(
        ["node", fetch.node() / "client.mjs", address], check=True, stdout=subprocess.PIPE, text=True
    )
    assert_written(collector, client.stdout.strip())


def run_app(collector: Collector, protocol: str, port: int) -> None:
    """Run the small agent service with no configuration but the environment."""
    settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}", "OTEL_EXPORTER_OTLP_PROTOCOL": protocol}
    environment = {**os.environ, **settings, "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "*"}
    app = [*PROGRAM, "run", "--", sys.executable, str(HERE / "app.py")]
    subprocess.run(app, check=True, env=environment, cwd=collector.state)


def tree(database: Path, *more: str) -> dict[str, Any]:
    """The newest trace of a store as `show --json` gives it."""
    show = [*PROGRAM, "show", "--json", "--db", str(database), *more, "latest"]
    return json.loads(subprocess.run(show, check=True, stdout=subprocess.PIPE).stdout)


def imported(collector: Collector) -> dict[str, Any]:
    """The newest trace of the Collector's file, after `agent-telemetry import`."""
    database = collector.state / "imported.sqlite"
    take = [*PROGRAM, "import", "--db", str(database), str(collector.files / "traces.jsonl")]
    subprocess.run(take, check=True, capture_output=True)
    return tree(database)


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_what_the_zero_code_path_sends_reads_back_as_the_same_tree(collector: Collector, protocol: str) -> None:
    """`agent-telemetry run` sends to the Collector; `import` of its file gives the tree of the program."""
    run_app(collector, protocol, collector.grpc if protocol == "grpc" else collector.http)
    written(collector, len(TREE))
    found = [(span["depth"], span["name"], span["input_tokens"]) for span in imported(collector)["spans"]]
    assert found == TREE


def test_a_file_reads_back_as_what_serve_receives(tmp_path: Path) -> None:
    """The tree from the Collector's file is that of `agent-telemetry serve` for the same spans, value by value."""
    port, database = reserved_port(), tmp_path / "received.sqlite"
    serve = subprocess.Popen([*PROGRAM, "serve", "--port", str(port), "--db", str(database)], stderr=subprocess.DEVNULL)
    try:
        with Collector(tmp_path / "collector", "local.yaml", HERE / "to-serve.yaml", SERVE_PORT=str(port)) as collector:
            run_app(collector, "http/protobuf", collector.http)
            written(collector, len(TREE))
            wait_until(lambda: is_whole(database), "the trace at serve")
            assert imported(collector) == tree(database)
    finally:
        serve.terminate()
        serve.wait(10)


def is_whole(database: Path) -> bool:
    """Whether a store has all spans of the small service."""
    listed = [*PROGRAM, "traces", "--json", "--db", str(database)]
    found = subprocess.run(listed, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout
    return b'"spans": 5' in found


def test_only_the_owner_can_look_into_the_folder(collector: Collector) -> None:
    """The folder with the files is closed to everybody else: prompts may be in it."""
    send(collector, "traces", request(model_call(trace_id())))
    written(collector, 1)
    assert stat.S_IMODE(collector.files.stat().st_mode) == 0o700
