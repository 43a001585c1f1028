"""An attribute as a query names it, and whether a span has it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otel_agent_telemetry.otlp._values import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["has_attribute", "has_pair", "typed"]


def typed(text: str) -> Iterator[AnyValue]:
    """What the text may stand for: itself, a truth value, a number."""
    yield AnyValue(string_value=text)
    if text.lower() in {"true", "false"}:
        yield AnyValue(bool_value=text.lower() == "true")
    try:
        number = float(text)
        yield AnyValue(double_value=number)
        if number.is_integer():
            yield AnyValue(int_value=int(text) if text.lstrip("+-").isdigit() else int(number))
    except ValueError:  # no number, or none that an attribute can hold
        return


def has_pair(body: bytes, encoded: bytes) -> bool:
    """Whether a span has this attribute, and its key nowhere else: no later value of it can count."""
    key, pair = _pair(encoded)
    try:
        return body.count(key) == 1 and pair in Span.FromString(body).attributes
    except DecodeError:
        return False


@lru_cache(maxsize=64)
def _pair(encoded: bytes) -> tuple[bytes, KeyValue]:
    pair = KeyValue.FromString(encoded)
    return KeyValue(key=pair.key).SerializeToString(), pair


def has_attribute(body: bytes, key: str, value: str) -> bool:
    """Whether the attribute, or the last of several of that name, has this value as text, number or truth value."""
    try:
        named = [pair.value for pair in Span.FromString(body).attributes if pair.key == key]
    except DecodeError:
        return False
    found = plain(named[-1]) if named else None
    if isinstance(found, bool):
        return value.lower() == str(found).lower()
    if isinstance(found, (int, float)):
        return any(found == getattr(each, str(each.WhichOneof("value"))) for each in typed(value))
    return found == value
