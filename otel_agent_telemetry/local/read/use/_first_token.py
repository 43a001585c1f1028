"""When the first token of an answer came, as dialects say it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

__all__ = ["first_token_ms", "may_tell"]

_SECONDS = 1000.0
_ATTRIBUTES = {
    "gen_ai.response.time_to_first_chunk": _SECONDS,  # GenAI conventions
    "gen_ai.client.operation.time_to_first_chunk": _SECONDS,  # Pydantic AI
    "gen_ai.server.time_to_first_token": _SECONDS,  # Strands gives whole milliseconds
    "ai.response.msToFirstChunk": 1.0,  # AI SDK
    "ttft_ms": 1.0,  # Claude Code, Qwen Code
}
"""Attribute -> how many milliseconds its unit has."""
_IN_MILLISECONDS_IF_WHOLE = frozenset({"gen_ai.server.time_to_first_token"})
_EVENTS = frozenset({"First Token Stream Event", "ai.stream.firstChunk"})
"""Events at that moment: OpenInference, AI SDK."""
_MARKS = tuple(name.encode() for name in (*_ATTRIBUTES, *_EVENTS))


def may_tell(body: bytes) -> bool:
    """Whether a span's protobuf bytes name one of them."""
    return any(mark in body for mark in _MARKS)


def first_token_ms(span: Span) -> float | None:
    """Milliseconds from the call's start to the first token or chunk of its answer; None where nothing says it."""
    for pair in span.attributes:
        if pair.key in _ATTRIBUTES and (value := _number(pair.value)) is not None:
            is_whole = pair.key in _IN_MILLISECONDS_IF_WHOLE and pair.value.WhichOneof("value") == "int_value"
            return value if is_whole else value * _ATTRIBUTES[pair.key]
    for event in span.events:
        if event.name in _EVENTS and event.time_unix_nano >= span.start_time_unix_nano:
            return (event.time_unix_nano - span.start_time_unix_nano) / 1e6
    return None


def _number(value: AnyValue) -> float | None:
    which = value.WhichOneof("value")
    if which not in {"int_value", "double_value"}:
        return None
    number = float(getattr(value, which))
    return number if 0 <= number < float("inf") else None
