"""OTLP requests and responses as protobuf's own parsers read them: strictly, and quickly.

OTLP/JSON differs from protobuf's own JSON mapping in that ids are hex, enums are numbers, and unknown fields are
ignored (OTLP specification, "JSON Protobuf Encoding"). Ids in base64, as protobuf's own mapping has them, are read.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any, TypeVar, cast

from google.protobuf import json_format
from google.protobuf.message import Message

from otel_agent_telemetry.otlp._reading import MalformedError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MOST_LEVELS", "UNREADABLE", "from_document", "to_json"]

MOST_LEVELS = 100  # of messages in one another: what protobuf's parsers follow
# SystemError is what protobuf raises where half of a surrogate pair stands in a field's name
UNREADABLE = (
    json_format.ParseError,
    ValueError,
    TypeError,
    AttributeError,
    OverflowError,
    RecursionError,
    SystemError,
)

_Message = TypeVar("_Message", bound=Message)

_ID_KEYS = frozenset({"traceId", "spanId", "parentSpanId", "trace_id", "span_id", "parent_span_id"})
# values below these keys are the user's; a key that looks like an id's there is not one
_OPAQUE_KEYS = frozenset({"attributes", "body", "filteredAttributes", "filtered_attributes"})
_BASE64_LENGTHS = frozenset({11, 12, 22, 24})  # of eight and of sixteen bytes, padded or not


def from_document(kind: type[_Message], document: object, levels: int = MOST_LEVELS) -> _Message:
    """The message that a parsed OTLP/JSON document encodes. Raises one of :data:`UNREADABLE`."""
    ready = _convert_ids(document, _to_base64)
    return json_format.ParseDict(cast("Any", ready), kind(), ignore_unknown_fields=True, max_recursion_depth=levels)


def to_json(message: Message) -> dict[str, object]:
    """The message as an OTLP/JSON document; fields at their default are left out."""
    document = json_format.MessageToDict(message, use_integers_for_enums=True)
    return cast("dict[str, object]", _convert_ids(document, _to_hex))


def _convert_ids(value: object, convert: Callable[[str, str], str]) -> object:
    if isinstance(value, list):
        return [_convert_ids(item, convert) for item in cast("list[object]", value)]
    if not isinstance(value, dict):
        return value
    converted: dict[str, object] = {}
    for key, item in cast("dict[str, object]", value).items():
        if key in _ID_KEYS and isinstance(item, str):
            converted[key] = convert(key, item)
        else:
            converted[key] = item if key in _OPAQUE_KEYS else _convert_ids(item, convert)
    return converted


def _to_base64(key: str, text: str) -> str:
    if len(text) in _BASE64_LENGTHS:
        return text
    try:
        return base64.b64encode(bytes.fromhex(text)).decode()
    except ValueError as error:
        msg = f"{key} is {text[:40]!r}, expected hex digits"
        raise MalformedError(msg) from error


def _to_hex(_key: str, text: str) -> str:
    return binascii.hexlify(base64.b64decode(text)).decode()
