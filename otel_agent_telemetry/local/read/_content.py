"""What was said: prompts, answers, tool arguments and results, wherever a dialect keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otel_agent_telemetry.local.read._answers import parsed
from otel_agent_telemetry.meaning.harnesses import hidden
from otel_agent_telemetry.otlp._values import attributes, plain

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

__all__ = ["content_of_log", "content_of_span", "gather", "is_content", "matching_spans", "trace_content"]

_KEYS = frozenset(
    {
        "gen_ai.system_instructions",
        "gen_ai.input.messages",
        "gen_ai.output.messages",
        "gen_ai.prompt",
        "gen_ai.completion",
        "gen_ai.tool.call.arguments",
        "gen_ai.tool.call.result",
        "gen_ai.tool.message",
        "gen_ai.evaluation.explanation",
        "gen_ai.retrieval.query.text",
        "gen_ai.retrieval.documents",
        "pydantic_ai.all_messages",
        "final_result",
        "input.value",
        "output.value",
        "tool.parameters",
        "traceloop.entity.input",
        "traceloop.entity.output",
        "gcp.vertex.agent.llm_request",
        "gcp.vertex.agent.llm_response",
        "gcp.vertex.agent.tool_call_args",
        "gcp.vertex.agent.tool_response",
        "tool_arguments",
        "tool_response",
    }
)
_SPANS = """
SELECT spans.body, origins.harness FROM spans JOIN origins ON origins.id = spans.origin
WHERE spans.trace = ? ORDER BY spans.start_ns
"""
_LOGS = """
SELECT body FROM logs WHERE trace_id IN (
    SELECT trace_id FROM traces WHERE id = ?1 UNION SELECT trace_id FROM homes WHERE trace = ?1) ORDER BY time_ns, id
"""
_PREFIXES = (
    *("llm.input_messages.", "llm.output_messages.", "gen_ai.prompt.", "gen_ai.completion.", "lmnr.span.input"),
    *("lmnr.span.output", "ai.prompt", "ai.response.object", "ai.response.reasoning", "ai.response.text"),
    *("ai.response.toolCalls", "ai.toolCall.args", "ai.toolCall.result", "retrieval.documents."),
    "embedding.embeddings.",
)
_EVENT_PREFIXES = ("gen_ai.", "exception", "tool.output")


def trace_content(connection: sqlite3.Connection, trace: int) -> dict[str, dict[str, object]]:
    """Content by span id, then by attribute; JSON text is parsed, events stand under their names."""
    found: dict[str, dict[str, object]] = {}
    for body, harness in connection.execute(_SPANS, (trace,)):
        span = Span.FromString(body)
        said = content_of_span(span, harness)
        if said:
            found[span.span_id.hex()] = said
    for (body,) in connection.execute(_LOGS, (trace,)):
        record = LogRecord.FromString(body)
        gather(found.setdefault(record.span_id.hex(), {}), record.event_name or "log", content_of_log(record))
    return found


def is_content(key: str) -> bool:
    """Whether an attribute of that key holds something that was said."""
    return key in _KEYS or key.startswith(_PREFIXES)


def content_of_span(span: Span, harness: str | None) -> dict[str, object]:
    """What one span says, by attribute and by event; of a coding agent's also all that it keeps to itself."""
    said = dict(_of_span(span))
    if harness is not None:
        said.update((key, parsed(value)) for key, value in hidden(attributes(span.attributes)).items())
    return said


def matching_spans(connection: sqlite3.Connection, trace: int, text: str) -> set[str]:
    """Ids of the trace's spans that contain the text in any of their names, attributes, events or messages."""
    lowered = text.lower()
    return {
        span_id.to_bytes(8, "big", signed=True).hex()
        for span_id, body in connection.execute("SELECT span_id, body FROM spans WHERE trace = ?", (trace,))
        if lowered in body.decode(errors="replace").lower()
    }


def _of_span(span: Span) -> Iterator[tuple[str, object]]:
    carried = attributes(span.attributes)
    for key, value in carried.items():
        if is_content(key):
            yield key, parsed(value)
    events: dict[str, object] = {}
    for event in span.events:
        if event.name.startswith(_EVENT_PREFIXES):
            gather(events, event.name, {key: parsed(item) for key, item in attributes(event.attributes).items()})
    yield from events.items()


def content_of_log(record: LogRecord) -> dict[str, object]:
    """What one log record says, by attribute, and its body under ``body``."""
    said = {key: parsed(value) for key, value in attributes(record.attributes).items()}
    return said if record.body.WhichOneof("value") is None else {**said, "body": parsed(plain(record.body))}


def gather(into: dict[str, object], name: str, value: object) -> None:
    """Put ``value`` under ``name``; what comes under it again makes a list."""
    if name not in into:
        into[name] = value
        return
    earlier = into[name]
    into[name] = [*cast("list[object]", earlier), value] if isinstance(earlier, list) else [earlier, value]
