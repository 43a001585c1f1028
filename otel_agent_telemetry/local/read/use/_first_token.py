"""When the first token of an answer came, as dialects say it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_agent_telemetry.meaning._first_chunk import ATTRIBUTES, EVENTS, first_chunk_seconds

if TYPE_CHECKING:
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

__all__ = ["first_token_ms", "may_tell"]

_MARKS = tuple(name.encode() for name in (*ATTRIBUTES, *EVENTS))


def may_tell(body: bytes) -> bool:
    """Whether a span's protobuf bytes name one of them."""
    return any(mark in body for mark in _MARKS)


def first_token_ms(span: Span) -> float | None:
    """Milliseconds from the call's start to the first token or chunk of its answer; None where nothing says it."""
    said = {pair.key: _number(pair.value) for pair in span.attributes if pair.key in ATTRIBUTES}
    seconds = first_chunk_seconds(said, said)
    if seconds is not None:
        return seconds * 1000
    for event in span.events:
        if event.name in EVENTS and event.time_unix_nano >= span.start_time_unix_nano:
            return (event.time_unix_nano - span.start_time_unix_nano) / 1e6
    return None


def _number(value: AnyValue) -> float | None:
    which = value.WhichOneof("value")
    return getattr(value, which) if which in {"int_value", "double_value"} else None
