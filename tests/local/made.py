"""Traces made by hand, with ids that read well."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

MS = 10**6
START = 1_795_298_968 * 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A span to be: ids are numbers, times milliseconds after :data:`START`."""

    name: str = "work"
    id: int = 1
    parent: int = 0
    start: float = 0
    end: float = 100
    error: bool = False
    attributes: dict[str, object] = field(default_factory=dict[str, object])


def request(*spans: Made, trace: int = 1, service: str = "shop", start_ns: int = START) -> ExportTraceServiceRequest:
    """A request with the spans, all of one trace and service."""
    made = ExportTraceServiceRequest()
    of_resource = made.resource_spans.add()
    of_resource.resource.attributes.append(KeyValue(key="service.name", value=AnyValue(string_value=service)))
    of_scope = of_resource.scope_spans.add()
    of_scope.scope.name = "made"
    of_scope.spans.extend(_span(span, trace, start_ns) for span in spans)
    return made


def recent(*spans: Made, trace: int = 1, service: str = "shop") -> ExportTraceServiceRequest:
    """The same, of just now."""
    return request(*spans, trace=trace, service=service, start_ns=time.time_ns() - 10**9)


def trace_id(number: int = 1) -> str:
    """The id of trace ``number`` as text."""
    return number.to_bytes(16, "big").hex()


def span_id(number: int = 1) -> str:
    """The id of span ``number`` as text."""
    return number.to_bytes(8, "big").hex()


def chat(model: str = "gpt-fake", given: int = 100, made: int = 10, **more: object) -> dict[str, object]:
    """Attributes of a model call, as the GenAI conventions name them."""
    tokens: dict[str, object] = {"gen_ai.usage.input_tokens": given, "gen_ai.usage.output_tokens": made}
    return {"gen_ai.operation.name": "chat", "gen_ai.request.model": model, **tokens, **more}


def tool(name: str = "search") -> dict[str, object]:
    """Attributes of a tool call."""
    return {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": name}


def agent(name: str = "helper") -> dict[str, object]:
    """Attributes of an agent's run."""
    return {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": name}


def any_value(value: object) -> AnyValue:
    """The value as OTLP carries it."""
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    return AnyValue(string_value=str(value))


def _span(span: Made, trace: int, start_ns: int) -> Span:
    made = Span(
        trace_id=trace.to_bytes(16, "big"),
        span_id=span.id.to_bytes(8, "big"),
        parent_span_id=span.parent.to_bytes(8, "big") if span.parent else b"",
        name=span.name,
        start_time_unix_nano=start_ns + int(span.start * MS),
        end_time_unix_nano=start_ns + int(span.end * MS),
        attributes=[KeyValue(key=key, value=any_value(value)) for key, value in span.attributes.items()],
    )
    if span.error:
        made.status.code = made.status.STATUS_CODE_ERROR
    return made
