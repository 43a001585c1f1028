"""The load of the local store's benchmark: spans as agents make them, and a client that posts them."""

from __future__ import annotations

import random
import time
from http.client import HTTPConnection

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

BATCH = 512
HEADERS = {"Content-Type": "application/x-protobuf"}
_TRACE = 20


def warm_up(_number: int) -> None:
    """Import what a client needs before the clock runs."""
    made_batch(random.Random(0))  # noqa: S311 - a repeatable load, no secret


def post_batches(address: str, batches: int, seed: int, is_plain: bool) -> tuple[float, float, list[float]]:  # noqa: FBT001 - a pool passes by position
    """Post batches over one connection: when it began, when it ended, and how long each took."""
    source = random.Random(seed * 7919 + time.time_ns())  # noqa: S311 - a load, no secret
    connection = HTTPConnection(address, timeout=120)
    times: list[float] = []
    began = 0.0
    left = batches
    while left:
        portion = [
            made_batch(source, is_plain=is_plain).SerializeToString() for _ in range(min(left, 100))
        ]  # made while the clock stands
        paused = time.time() - (began + sum(times)) if began else 0.0
        began = began + paused if began else time.time()
        for body in portion:
            sent = time.perf_counter()
            connection.request("POST", "/v1/traces", body, HEADERS)
            answer = connection.getresponse()
            answer.read()
            times.append(time.perf_counter() - sent)
            if answer.status != 200:
                raise RuntimeError(f"the server answered {answer.status}")
        left -= len(portion)
    return began, time.time(), times


def made_batch(
    source: random.Random, spans: int = BATCH, trace: int = _TRACE, *, is_plain: bool = False
) -> ExportTraceServiceRequest:
    """Spans as agents make them: one in five a model call, one in five a tool call, one in twenty a run."""
    request = ExportTraceServiceRequest()
    of_resource = request.resource_spans.add()
    of_resource.resource.attributes.append(_text("service.name", "bench"))
    of_scope = of_resource.scope_spans.add()
    of_scope.scope.name = "benchmark"
    now = time.time_ns()
    trace_id, parent = b"", b""
    for number in range(spans):
        if number % trace == 0:
            trace_id, parent = source.randbytes(16), b""
        made = of_scope.spans.add(
            trace_id=trace_id, span_id=source.randbytes(8), parent_span_id=parent, name=f"step {number % trace}", kind=1
        )
        parent = made.span_id if number % 4 == 0 else parent
        made.start_time_unix_nano = now + number * 10**6
        made.end_time_unix_nano = now + (number + source.randrange(1, 50)) * 10**6
        made.status.code = Status.STATUS_CODE_ERROR if source.random() < 0.02 else Status.STATUS_CODE_UNSET
        _fill(made, number % trace, source, is_plain=is_plain)
    return request


def _fill(span: Span, place: int, source: random.Random, *, is_plain: bool) -> None:
    """Ten attributes, GenAI's among them where the span is a step of an agent."""
    order = KeyValue(key="shop.order", value=AnyValue(int_value=source.randrange(1_000_000)))
    span.attributes.extend(
        [
            order,
            _text("http.request.method", "GET"),
            _text("url.path", f"/orders/{place}"),
            _text("code.function.name", "handle"),
        ]
    )
    if is_plain:
        span.attributes.extend(_text(f"app.tag.{number}", "web") for number in range(3))
    elif place % 20 == 0:
        span.attributes.extend([_text("gen_ai.operation.name", "invoke_agent"), _text("gen_ai.agent.name", "shopper")])
        span.attributes.append(_text("gen_ai.conversation.id", f"talk-{source.randrange(5000)}"))
    elif place % 5 == 1:
        span.attributes.extend(
            [
                _text("gen_ai.operation.name", "chat"),
                _text("gen_ai.request.model", source.choice(("gpt-bench", "claude-bench"))),
            ]
        )
        for key in ("gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"):
            span.attributes.append(KeyValue(key=key, value=AnyValue(int_value=source.randrange(5000))))
    elif place % 5 == 2:
        span.attributes.extend(
            [
                _text("gen_ai.operation.name", "execute_tool"),
                _text("gen_ai.tool.name", source.choice(("search", "order"))),
            ]
        )
    span.attributes.extend(_text(f"app.note.{number}", "x" * 40) for number in range(4))


def _text(key: str, value: str) -> KeyValue:
    """A text attribute."""
    return KeyValue(key=key, value=AnyValue(string_value=value))
