"""OTLP requests and responses: protobuf and the OTLP flavour of JSON.

OTLP/JSON differs from protobuf's own JSON mapping in that ids are hex, enums are numbers, and unknown fields are
ignored (OTLP specification, "JSON Protobuf Encoding").
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, TypeVar, cast

from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_agent_telemetry.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "ExportLogsServiceRequest",
    "ExportMetricsServiceRequest",
    "ExportTraceServiceRequest",
    "MalformedError",
    "from_json",
    "from_protobuf",
    "to_json",
]

_Request = TypeVar("_Request", bound=Message)

_ID_KEYS = frozenset({"traceId", "spanId", "parentSpanId", "trace_id", "span_id", "parent_span_id"})
# values below these keys are the user's; a key that looks like an id's there is not one
_OPAQUE_KEYS = frozenset({"attributes", "body", "filteredAttributes", "filtered_attributes"})


class MalformedError(InputError):
    """A body that is not the OTLP message it should be."""


def from_protobuf(kind: type[_Request], body: bytes) -> _Request:
    """The request that the bytes encode. Raises MalformedError."""
    try:
        return kind.FromString(body)
    except DecodeError as error:
        msg = f"not an OTLP {kind.__name__} in protobuf: {error}"
        raise MalformedError(msg) from error


def from_json(kind: type[_Request], body: bytes | str) -> _Request:
    """The request that the OTLP/JSON text encodes. Raises MalformedError."""
    try:
        document = json.loads(body)
        return from_document(kind, document)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        msg = f"not an OTLP {kind.__name__} in JSON: {str(error)[:300]}"
        raise MalformedError(msg) from error


def from_document(kind: type[_Request], document: object) -> _Request:
    """The request that a parsed OTLP/JSON document encodes. Raises MalformedError."""
    if not isinstance(document, dict):
        msg = f"not an OTLP {kind.__name__} in JSON: expected an object, got {type(document).__name__}"
        raise MalformedError(msg)
    try:
        ready = cast("dict[str, object]", _convert_ids(cast("object", document), _hex_to_base64))
        return json_format.ParseDict(ready, kind(), ignore_unknown_fields=True)
    except (json_format.ParseError, ValueError, TypeError, AttributeError, RecursionError) as error:
        msg = f"not an OTLP {kind.__name__} in JSON: {str(error)[:300]}"
        raise MalformedError(msg) from error


def to_json(message: Message) -> dict[str, object]:
    """The message as an OTLP/JSON document; fields at their default are left out."""
    document = json_format.MessageToDict(message, use_integers_for_enums=True)
    return cast("dict[str, object]", _convert_ids(document, _base64_to_hex))


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


def _hex_to_base64(key: str, text: str) -> str:
    try:
        return base64.b64encode(bytes.fromhex(text)).decode()
    except ValueError as error:
        msg = f"{key} is {text[:40]!r}, expected hex digits"
        raise MalformedError(msg) from error


def _base64_to_hex(_key: str, text: str) -> str:
    return binascii.hexlify(base64.b64decode(text)).decode()
