"""Values that nobody should pass: dropped and counted, never an exception, never half an event."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

import pytest
from jsonschema import Draft202012Validator
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from otel_agent_telemetry import Telemetry, _losses
from otel_agent_telemetry._folder import ledger_file
from otel_agent_telemetry.contract._text import json_schema
from otel_agent_telemetry.lifecycle import Lifecycle
from otel_agent_telemetry.lifecycle._spans import Spans
from otel_agent_telemetry.pipeline.sending.ledger import Ledger
from tests.wire.vectors import PRODUCT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.recorder import Recorder


class Hostile:
    """A value that refuses everything."""

    def __str__(self) -> str:
        raise ValueError

    __repr__ = __str__

    def __eq__(self, other: object) -> bool:
        raise ValueError

    def __hash__(self) -> int:
        raise ValueError

    def __bool__(self) -> bool:
        raise ValueError


HOSTILE: dict[str, Any] = {
    "minus one": -1,
    "NaN": float("nan"),
    "infinity": float("inf"),
    "minus infinity": float("-inf"),
    "a huge integer": 10**400,
    "a huge negative integer": -(10**400),
    "a huge float": 1e308,
    "ten megabytes": "x" * 10_000_000,
    "a lone surrogate": "task \ud800",
    "a null character": "a\0b",
    "an empty text": "",
    "bytes": b"\xff\xfe",
    "a dictionary": {"a": {"b": 1}},
    "a list": [1, "\ud800", None],
    "a nested list": [[["deep"]]],
    "a long list": ["x"] * 100_000,
    "a set": {1},
    "a flag": True,
    "a class": Hostile,
    "an exception": ValueError("\ud800"),
    "an object that refuses": Hostile(),
}
VALUE = pytest.mark.parametrize("what", HOSTILE)


@pytest.fixture
def acme(tmp_path: Path) -> Iterator[Telemetry]:
    """A product's telemetry, whose losses are counted from zero."""
    _losses.take()
    telemetry = Telemetry(product=PRODUCT, state_dir=tmp_path, notice=False)
    yield telemetry
    telemetry.shutdown(0)


def bodies(telemetry: Telemetry, folder: Path) -> list[Any]:
    """What the ledger holds."""
    telemetry.flush(0)
    return [json.loads(entry.body) for entry in Ledger(ledger_file(str(folder), PRODUCT)).events()]


def drops(telemetry: Telemetry, folder: Path) -> dict[str, int]:
    """What the ledger counted, once an event that is right made it write."""
    telemetry.track("server.started")
    telemetry.flush(0)
    return Ledger(ledger_file(str(folder), PRODUCT)).drops()


def call_everything(calls: Lifecycle, value: Any) -> None:
    """Every call with that value in every place."""
    for handle in (
        calls.session(agent=value, id=value, agent_id=value, harness_provider=value, role=value, model=value),
        calls.task(value, id=value, source=value, priority=value, agent=value, agent_id=value, has_parent=value),
        calls.run_task(value, name=value, claimed=value, agent=value, agent_id=value),
        calls.run_task({"task_id": value, "traceparent": value, "task_created_at": value, "session_id": value}),
        calls.tool(value, call_id=value),
        calls.agent(value, id=value),
        calls.model_call(value, provider=value, operation=value),
        calls.command(value),
        calls.workflow(value, id=value, node_count=value, trigger=value),
    ):
        with handle:
            handle.set(model=value, exit_code=value, unheard_of=value)
            handle.record(input=value, output=value, cost_usd=value, response_model=value, response_id=value)
            handle.fail(value)
    calls.record_tokens(value, input=value, output=value, cache_read=value, cost_usd=value, provider=value)
    calls.create_task(value, id=value, source=value, priority=value, provider=value, has_parent=value)
    calls.cancel_task(value, previous_status=value, source=value, agent_id=value)
    calls.fail_task({"task_id": "t-1"}, value, source=value)
    calls.supersede_task({"task_id": value}, reason=value)
    calls.track(value, port=value)
    calls.track_command(value, is_success=value, duration_ms=value, exit_code=value, error=value)
    calls.server_shutdown(sessions_processed=value)
    calls.server_shutdown(signal=value, uptime_ms=value, sessions_processed=value)


@VALUE
def test_no_call_raises(acme: Telemetry, tmp_path: Path, what: str) -> None:
    """Whatever stands in whatever place of whatever call: nothing is raised, and every event that leaves is valid."""
    call_everything(acme, HOSTILE[what])
    validator = cast("Any", Draft202012Validator(cast("Any", json_schema())))
    wrong = [error.message for body in bodies(acme, tmp_path) for error in validator.iter_errors(body)]
    assert (wrong, len(bodies(acme, tmp_path)) > 0) == ([], True)


@VALUE
def test_the_operators_batch_is_valid(recorder: Recorder, what: str) -> None:
    """The same calls give the operator's OTLP exporter a batch that it can send, with every span in it."""
    provider = TracerProvider(shutdown_on_exit=False)
    kept = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{recorder.url}/v1/traces")))
    calls = Lifecycle(isolated=True)
    calls.use(Spans(provider))
    with calls.tool("before"):
        pass
    call_everything(calls, HOSTILE[what])
    provider.shutdown()
    names = [span.name for request in recorder.requests for span in spans(request.body)]
    assert names == [span.name for span in kept.get_finished_spans()]
    assert names[0] == "execute_tool before"


def spans(body: bytes) -> list[Any]:
    """The spans of an OTLP request."""
    request = ExportTraceServiceRequest.FromString(body)
    return [span for resource in request.resource_spans for scope in resource.scope_spans for span in scope.spans]


@pytest.mark.parametrize("value", [float("nan"), "80", b"80", {"sessionsProcessed": 80}, [80], True], ids=repr)
def test_a_wrong_value_is_dropped_and_counted(acme: Telemetry, tmp_path: Path, value: Any) -> None:
    """A value of the wrong type is left out of its event and counted; text is not turned into a number."""
    acme.track("server.shutdown", uptimeMs=value, signal="SIGTERM")
    (body,) = bodies(acme, tmp_path)
    assert (body["properties"], drops(acme, tmp_path)) == ({"signal": "SIGTERM"}, {"wrong_type": 1})


def test_an_undeclared_event_is_dropped_and_counted(acme: Telemetry, tmp_path: Path) -> None:
    """An event that nobody declared is not there, and counted."""
    acme.track("prompt.sent", text="hello")
    assert (drops(acme, tmp_path), len(bodies(acme, tmp_path))) == ({"undeclared_event": 1}, 1)


def test_an_undeclared_property_is_dropped_and_counted(acme: Telemetry, tmp_path: Path) -> None:
    """A property that nobody declared is left out of its event, and counted."""
    acme.track("server.shutdown", sessionsProcessed=8080, host="payroll.acme.example", **{"": 1, "\ud800": 2})
    (body,) = bodies(acme, tmp_path)
    assert (body["properties"], drops(acme, tmp_path)) == ({"sessionsProcessed": 8080}, {"undeclared_property": 3})


def test_negative_counts(acme: Telemetry, tmp_path: Path) -> None:
    """A negative count is zero in an event, and a negative number of tokens is none at all."""
    acme.track("server.shutdown", sessionsProcessed=-1)
    acme.record_tokens("gpt-5.2", input=-5, output=7, cost_usd=0.5)
    started, usage = (body["properties"] for body in bodies(acme, tmp_path))
    assert started == {"sessionsProcessed": 0}
    counted = {"outputTokens": 7, "totalTokens": 7, "modelCalls": 1, "modelErrors": 0}
    assert usage == {"model": "gpt-5.2", "costUsd": 0.5, **counted}


def test_a_text_of_ten_megabytes(acme: Telemetry, tmp_path: Path) -> None:
    """Long text leaves no trace but its kind: an enum's ``other``, a name's ``custom``, an id's reference."""
    text = "a secret " * 1_000_000
    acme.track("task.started", taskId=text, source=text)
    acme.track("tool.called", toolName=text)
    started, called = (body["properties"] for body in bodies(acme, tmp_path))
    assert (len(started.pop("taskId")), started, called) == (16, {"source": "other"}, {"toolName": "custom"})


def test_the_event_before_and_after(acme: Telemetry, tmp_path: Path) -> None:
    """A call that cannot be made an event of costs neither the one before nor the one after."""
    acme.track("server.shutdown", sessionsProcessed=1)
    acme.track("server.shutdown", sessionsProcessed=Hostile())
    acme.track("server.shutdown", sessionsProcessed=3)
    assert [body["properties"] for body in bodies(acme, tmp_path)] == [
        {"sessionsProcessed": 1},
        {},
        {"sessionsProcessed": 3},
    ]
