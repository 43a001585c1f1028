"""Spans from an OTLP JSON file: the Collector's file exporter (one object a line), one object, or a captured case.

OTLP/JSON: protobuf's JSON mapping with ids in hex (opentelemetry-proto, "JSON Protobuf Encoding"). Of a span only what
the mapping may read is taken out.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING, Any

from otel_agent_telemetry import semconv
from otel_agent_telemetry.errors import InputError
from otel_agent_telemetry.pipeline._records import SpanRecord

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Broken", "Replay", "read"]

_STATUS_ERROR = (2, "2", "STATUS_CODE_ERROR")
_HEX = 16
_BROKEN_SPAN = (KeyError, TypeError, ValueError, AttributeError, RecursionError)


@dataclass(frozen=True, slots=True)
class Broken:
    """A line that was skipped, by its number from 1, and why."""

    line: int
    reason: str


@dataclass(slots=True)
class Replay:
    """The spans of a file, each once, and the lines that could not be read."""

    spans: list[SpanRecord] = field(default_factory=list[SpanRecord])
    broken: list[Broken] = field(default_factory=list[Broken])

    def moments(self) -> Iterator[tuple[bool, SpanRecord]]:
        """Every start (False) and end (True) in the order in which they happened; a parent is around its children."""
        depths = _depths(self.spans)
        moments = [(span.start_ns, False, depths[span.span_id], span) for span in self.spans]
        moments += [(span.end_ns, True, -depths[span.span_id], span) for span in self.spans]
        for _, is_end, _, span in sorted(moments, key=lambda moment: moment[:3]):
            yield is_end, span


def read(path: str) -> Replay:
    """The spans of a file. Raises InputError where it cannot be opened; a broken line is noted and skipped."""
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        said = error.strerror or error
        msg = f"{path!r}: {said}; expected a file of OTLP JSON, such as `agent-telemetry export` writes"
        raise InputError(msg) from error
    replay = Replay()
    seen: set[tuple[int, int]] = set()
    for number, line in _documents(content):
        try:
            spans = list(_spans(json.loads(line)))
        except _BROKEN_SPAN as error:
            replay.broken.append(Broken(number, _reason(error)))
            continue
        for span in spans:
            if (span.trace_id, span.span_id) not in seen:  # a retried export writes a span twice
                seen.add((span.trace_id, span.span_id))
                replay.spans.append(span)
    return replay


def _documents(content: bytes) -> Iterator[tuple[int, bytes]]:
    """The file as one JSON text if it is one, else its lines."""
    try:
        json.loads(content)
    except (ValueError, RecursionError):
        for number, line in enumerate(content.splitlines(), 1):
            if line.strip():
                yield number, line
    else:
        yield 1, content


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON: {error.msg} at column {error.colno}"
    return f"not OTLP JSON: a span without {error}" if isinstance(error, KeyError) else "not OTLP JSON"


def _spans(document: Any) -> Iterator[SpanRecord]:
    if isinstance(document, list):
        for each in document:  # pyright: ignore[reportUnknownVariableType] - JSON from outside, checked field by field
            yield from _spans(each)
        return
    if "traces" in document and "resourceSpans" not in document:
        yield from _spans(document["traces"])
        return
    for resource in document.get("resourceSpans") or ():
        for scope in resource.get("scopeSpans") or ():
            name = str(_object(scope.get("scope")).get("name", ""))
            for span in scope.get("spans") or ():
                yield _span(span, name)


def _span(span: Any, scope: str) -> SpanRecord:
    start_ns = int(span["startTimeUnixNano"])
    exceptions = [event for event in span.get("events") or () if event.get("name") == semconv.EXCEPTION_EVENT]
    exception = _attributes(exceptions[-1]) if exceptions else {}
    return SpanRecord(
        int(span["traceId"], _HEX),
        int(span["spanId"], _HEX),
        int(span.get("parentSpanId") or "0", _HEX),
        scope,
        _attributes(span),
        start_ns,
        max(int(span["endTimeUnixNano"]), start_ns),
        _object(span.get("status")).get("code") in _STATUS_ERROR,
        str(exception.get(semconv.EXCEPTION_TYPE, "")),
    )


def _object(value: Any) -> dict[str, Any]:
    return value or {}


def _attributes(holder: Any) -> dict[str, object]:
    pairs = ((pair["key"], _value(pair.get("value") or {})) for pair in holder.get("attributes") or ())
    return {key: value for key, value in pairs if value is not None}


def _value(value: Any) -> object:
    if "stringValue" in value:
        return value["stringValue"]
    if "intValue" in value:
        return int(value["intValue"])
    if "boolValue" in value:
        return value["boolValue"]
    if "doubleValue" in value:
        number = float(value["doubleValue"])
        return number if isfinite(number) else None
    if "arrayValue" in value:
        return tuple(_value(item) for item in value["arrayValue"].get("values") or ())
    return None


def _depths(spans: list[SpanRecord]) -> dict[int, int]:
    parents = {span.span_id: span.parent_id for span in spans}
    depths: dict[int, int] = {0: 0}
    for span in spans:
        chain: list[int] = []
        above = span.span_id
        while above in parents and above not in depths and above not in chain[-1:]:
            chain.append(above)
            above = parents[above]
            if len(chain) > len(parents):  # a circle: two spans that call each other parent
                break
        depth = depths.get(above, 0)
        for below in reversed(chain):
            depth += 1
            depths[below] = depth
    return depths
