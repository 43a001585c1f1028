"""The fields of a message, each with the way to it, and what the message holds in numbers."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, cast

from google.protobuf.message import DecodeError

from otel_agent_telemetry.otlp._requests import to_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.protobuf.message import Message as Parsed

    from otel_agent_telemetry.proof._sink import Message

__all__ = ["contents", "event_names", "fields"]


def fields(message: Message) -> Iterator[tuple[str, bytes]]:
    """Each header and each text or number of the body; a body that nobody can read is one field."""
    lines = message.head.rstrip(b"\r\n").split(b"\r\n") if message.head else []
    if lines:
        yield "request line", lines[0]
    for line in lines[1:]:
        yield "header " + line.partition(b":")[0].decode("latin-1"), line
    documents = _documents(message)
    if documents is None:
        yield "body", message.content
        return
    for document in documents:
        for way, text in _leaves(document, ""):
            yield way, text.encode("utf-8", "surrogatepass")


def contents(message: Message) -> Counter[str]:
    """How many events, spans, metrics and log records it holds."""
    found: Counter[str] = Counter(events=len(event_names(message)))
    for document in _documents(message) or []:
        found.update(_counted(document))
    return +found


def event_names(message: Message) -> list[str]:
    """The anonymous events in it, by name."""
    names: list[str] = []
    for document in _documents(message) or []:
        known = cast("dict[str, Any]", document) if isinstance(document, dict) else {}
        given: list[dict[str, Any]] = known.get("records", [known])
        names += [str(each["event"]) for each in given if "event" in each]
    return names


def _documents(message: Message) -> list[Any] | None:
    """The body as JSON, one document a line where it is many; OTLP in protobuf read as its JSON; None for all else."""
    content = message.content
    kind = _otlp_kind(message.path)
    if kind is not None and not content.lstrip().startswith(b"{"):
        try:
            return [to_json(kind.FromString(content))]
        except (DecodeError, ValueError):
            return None
    try:
        return [json.loads(line) for line in content.splitlines() if line.strip()]
    except ValueError:
        try:
            return [json.loads(content)]
        except ValueError:
            return None


def _otlp_kind(path: str) -> type[Parsed] | None:
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    kinds: dict[str, type[Parsed]] = {
        "/v1/traces": ExportTraceServiceRequest,
        "/v1/metrics": ExportMetricsServiceRequest,
        "/v1/logs": ExportLogsServiceRequest,
    }
    return kinds.get(path)


def _leaves(value: Any, way: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        known = cast("dict[str, Any]", value)
        if "key" in known and set(known) <= {"key", "value"}:  # an attribute of OTLP
            yield f"{way}.{known['key']} (the name)", str(known["key"])
            yield from _leaves(known.get("value"), f"{way}.{known['key']}")
            return
        for key, child in known.items():
            yield f"{way}.{key} (the name)".lstrip("."), key
            plain = key.endswith("Value") or key == "attributes"
            yield from _leaves(child, way if plain else f"{way}.{key}".lstrip("."))
    elif isinstance(value, list):
        for child in cast("list[Any]", value):
            yield from _leaves(child, way)
    elif value is not None:
        yield way, str(value)


def _counted(value: Any) -> Counter[str]:
    """Spans, metrics and log records of an OTLP document."""
    found: Counter[str] = Counter()
    if isinstance(value, dict):
        for key, child in cast("dict[str, Any]", value).items():
            if key in {"spans", "metrics", "logRecords"} and isinstance(child, list):
                found[{"logRecords": "log records"}.get(key, key)] += len(cast("list[Any]", child))
            else:
                found.update(_counted(child))
    elif isinstance(value, list):
        for child in cast("list[Any]", value):
            found.update(_counted(child))
    return found
