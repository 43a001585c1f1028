"""OTLP attribute values as Python values."""

from __future__ import annotations

import base64
from math import isfinite
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

__all__ = ["attributes", "plain"]


def plain(value: AnyValue) -> object:
    """The value as JSON can hold it: bytes become base64 text, an empty value and a number that is none become None."""
    which = value.WhichOneof("value")
    if which == "string_value":
        return value.string_value
    if which == "array_value":
        return [plain(item) for item in value.array_value.values]
    if which == "kvlist_value":
        return {pair.key: plain(pair.value) for pair in value.kvlist_value.values}
    if which == "bytes_value":
        return base64.b64encode(value.bytes_value).decode()
    number = getattr(value, which) if which else None
    return number if number is None or isfinite(number) else None


def attributes(pairs: Iterable[KeyValue]) -> dict[str, object]:
    """Attributes by key; of a key that comes twice the last value stays."""
    return {pair.key: plain(pair.value) for pair in pairs}
