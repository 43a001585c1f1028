from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.local.made import Made, chat, request, trace_id
from tests.parts import absent

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.local.serving import Serving

_FETCH_SECONDS = 300
_CACHED = {
    name: os.environ[name]
    for name in ("HOME", "GOPATH", "GOCACHE", "GOPROXY", "NPM_CONFIG_CACHE")
    if name in os.environ
}

PYTHON = """
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
provider = TracerProvider(resource=Resource({"service.name": "from-python"}))
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
tracer = provider.get_tracer("t")
with tracer.start_as_current_span("outer"), tracer.start_as_current_span("chat m") as span:
    span.set_attributes({"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 7})
provider.shutdown()
"""

NODE = """
const { NodeTracerProvider, BatchSpanProcessor } = require('@opentelemetry/sdk-trace-node');
const { resourceFromAttributes } = require('@opentelemetry/resources');
const { OTLPTraceExporter } = require('@opentelemetry/exporter-trace-otlp-' + process.argv[2]);
const exporter = new OTLPTraceExporter({ url: process.argv[3] + '/v1/traces', compression: process.argv[4] });
const resource = resourceFromAttributes({ 'service.name': 'from-node' });
const provider = new NodeTracerProvider({ resource, spanProcessors: [new BatchSpanProcessor(exporter)] });
provider.register();
provider.getTracer('t').startActiveSpan('outer', (outer) => {
  const attributes = { 'gen_ai.operation.name': 'chat', 'gen_ai.request.model': 'm', 'gen_ai.usage.input_tokens': 7 };
  provider.getTracer('t').startSpan('chat m', { attributes }).end();
  outer.end();
});
provider.shutdown();
"""

GO = """package main

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
)

func main() {
	ctx := context.Background()
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		panic(err)
	}
	service := resource.NewSchemaless(attribute.String("service.name", "from-go"))
	provider := trace.NewTracerProvider(trace.WithBatcher(exporter), trace.WithResource(service))
	ctx, outer := provider.Tracer("t").Start(ctx, "outer")
	_, call := provider.Tracer("t").Start(ctx, "chat m")
	call.SetAttributes(attribute.String("gen_ai.operation.name", "chat"), attribute.String("gen_ai.request.model", "m"))
	call.SetAttributes(attribute.Int("gen_ai.usage.input_tokens", 7))
	call.End()
	outer.End()
	if err := provider.Shutdown(ctx); err != nil {
		panic(err)
	}
}
"""


@pytest.fixture(scope="session")
def node_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the Node SDK in it."""
    npm = shutil.which("npm") or absent("clients", "a machine with npm, and its registry in reach")
    folder = tmp_path_factory.mktemp("node")
    exporters = [f"@opentelemetry/exporter-trace-otlp-{form}" for form in ("http", "proto")]
    packages = ["@opentelemetry/sdk-trace-node@2", "@opentelemetry/resources@2", *exporters]
    run_or_absent(
        [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", *packages], folder, "npm's registry in reach"
    )
    (folder / "client.js").write_text(NODE)
    return folder


@pytest.fixture(scope="session")
def go_binary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A client that the Go SDK is built into."""
    go = shutil.which("go") or absent("clients", "a machine with Go 1.24 or newer, and its module proxy in reach")
    folder = tmp_path_factory.mktemp("go")
    (folder / "main.go").write_text(GO)
    for command in (["mod", "init", "client"], ["mod", "tidy"], ["build", "-o", "client", "."]):
        run_or_absent([go, *command], folder, "the Go module proxy in reach")
    return folder / "client"


def run_or_absent(command: list[str], folder: Path, needs: str) -> None:
    """Run a command that fetches packages; where they cannot be had, the test ends with what it needs."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **_CACHED},
        capture_output=True,
        text=True,
        timeout=_FETCH_SECONDS,
        check=False,
    )
    if done.returncode:
        absent("clients", f"{needs} ({done.stderr.strip().splitlines()[-1][:200] if done.stderr.strip() else command})")


def run(command: list[str], variables: Mapping[str, str]) -> None:
    """Run a client to its end; it must not complain."""
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **variables}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def arrived(server: Serving) -> list[tuple[str, str, int, str | None, int | None]]:
    """Service, name, depth, model and input tokens of the spans of the only trace."""
    server.settled()
    (trace,) = server.get("/api/traces")["traces"]
    spans = server.get(f"/api/traces/{trace['trace_id']}")["spans"]
    return [(it["service"], it["name"], it["depth"], it["model"], it["input_tokens"]) for it in spans]


def expected(service: str) -> list[tuple[str, str, int, str | None, int | None]]:
    """What each client sends."""
    return [(service, "outer", 0, None, None), (service, "chat m", 1, "m", 7)]


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_the_python_sdk(server: Serving, compression: str) -> None:
    """The OpenTelemetry SDK for Python writes over HTTP, packed or not."""
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": server.url, "OTEL_EXPORTER_OTLP_COMPRESSION": compression}
    run([sys.executable, "-c", PYTHON], variables)
    assert arrived(server) == expected("from-python")


@pytest.mark.timeout(400)
@pytest.mark.parametrize("compression", ["none", "gzip"])
@pytest.mark.parametrize("form", ["http", "proto"])
def test_the_node_sdk(server: Serving, node_folder: Path, form: str, compression: str) -> None:
    """The OpenTelemetry SDK for Node writes JSON and protobuf, packed or not."""
    run(["node", str(node_folder / "client.js"), form, server.url, compression], {})
    assert arrived(server) == expected("from-node")


@pytest.mark.timeout(400)
@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_the_go_sdk(server: Serving, go_binary: Path, compression: str) -> None:
    """The OpenTelemetry SDK for Go writes protobuf, packed or not."""
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": server.url, "OTEL_EXPORTER_OTLP_COMPRESSION": compression}
    run([str(go_binary)], variables)
    assert arrived(server) == expected("from-go")


@pytest.mark.parametrize("size", [1, 2000])
def test_curl(server: Serving, tmp_path: Path, size: int) -> None:
    """Curl posts JSON, also a body so large that it asks first."""
    curl = shutil.which("curl") or absent("curl", "apt-get install curl")
    spans = [
        {
            "traceId": trace_id(),
            "spanId": f"{number:016x}",
            "name": "x" * 900,
            "startTimeUnixNano": "1",
            "endTimeUnixNano": "2",
        }
        for number in range(1, size + 1)
    ]
    (tmp_path / "body.json").write_text(json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}))
    command = [curl, "--silent", "--show-error", "--fail", "--header", "Content-Type: application/json"]
    run([*command, "--data-binary", f"@{tmp_path / 'body.json'}", f"{server.url}/v1/traces"], {})
    assert server.count("spans") == size


def test_requests_of_one_program_and_of_another_make_one_trace(server: Serving) -> None:
    """Two services that share a trace id are one tree."""
    for made in (
        request(Made(name="api", id=1), service="a"),
        request(Made(name="w", id=2, parent=1, attributes=chat()), service="b"),
    ):
        server.post("/v1/traces", made.SerializeToString())
    assert [row[:3] for row in arrived(server)] == [("a", "api", 0), ("b", "w", 1)]
