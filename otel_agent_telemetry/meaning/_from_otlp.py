"""Spans from an OTLP JSON file: the Collector's file exporter (one object a line), one object, or a captured case.

OTLP/JSON: protobuf's JSON mapping with ids in hex (opentelemetry-proto, "JSON Protobuf Encoding"); ids in base64, as
protobuf's own writers have them, are understood too. Of a span only what the mapping may read is taken out. A span that
had not ended when it was written ends with the last one of its file.
"""

from __future__ import annotations

import json
from base64 import b64decode
from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING, Any, BinaryIO

from otel_agent_telemetry import semconv
from otel_agent_telemetry.errors import InputError
from otel_agent_telemetry.meaning._records import SpanRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Broken", "Replay", "read"]

_STATUS_ERROR = (2, "2", "STATUS_CODE_ERROR")
_HEX = 16
_LONGEST_TEXT = 512  # no name or id is longer; what people and models said may be, and is not kept
_BASE64_LENGTHS = (12, 24)
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
            return _read(file)
    except OSError as error:
        said = error.strerror or error
        msg = f"{path!r}: {said}; expected a file of OTLP JSON, such as `agent-telemetry export` writes"
        raise InputError(msg) from error


def _read(file: BinaryIO) -> Replay:
    spans: dict[tuple[int, int], SpanRecord] = {}
    broken: list[Broken] = []
    for number, line in _documents(file):
        try:
            written = list(_written(json.loads(line)))
        except _BROKEN_SPAN as error:
            broken.append(Broken(number, _reason(error)))
            continue
        for span in _readable(written, number, broken):
            known = spans.get((span.trace_id, span.span_id))
            if known is None or not known.end_ns:  # a retried export writes a span twice
                spans[span.trace_id, span.span_id] = span
    return Replay(_ended(list(spans.values())), broken)


def _readable(written: list[tuple[Any, str]], number: int, broken: list[Broken]) -> Iterator[SpanRecord]:
    """The spans of a line; the first one that cannot be read is noted, and no other suffers for it."""
    is_noted = False
    for span, scope in written:
        try:
            yield _span(span, scope)
        except _BROKEN_SPAN as error:
            if not is_noted:
                broken.append(Broken(number, _reason(error)))
            is_noted = True


def _ended(spans: list[SpanRecord]) -> list[SpanRecord]:
    last_ns = max((max(span.start_ns, span.end_ns) for span in spans), default=0)
    return [span if span.end_ns else span._replace(end_ns=last_ns) for span in spans]


def _documents(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """The lines of a file whose first line is JSON, so that a large one is never held whole; else all of it as one."""
    first = file.readline()
    if _is_json(first):
        yield 1, first
        yield from _lines(file, 2)
        return
    content = first + file.read()
    if _is_json(content):
        yield 1, content
    else:
        yield from _lines(content.splitlines(), 1)


def _lines(lines: Iterable[bytes], number: int) -> Iterator[tuple[int, bytes]]:
    return ((at, line.rstrip()) for at, line in enumerate(lines, number) if line.strip())


def _is_json(content: bytes) -> bool:
    try:
        json.loads(content)
    except (ValueError, RecursionError):
        return False
    return True


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON: {error.msg} at column {error.colno}"
    return f"not OTLP JSON: a span without {error}" if isinstance(error, KeyError) else "not OTLP JSON"


def _written(document: Any) -> Iterator[tuple[Any, str]]:
    """Each span of a document as it is written, and its scope's name."""
    if isinstance(document, list):
        for each in document:  # pyright: ignore[reportUnknownVariableType] - JSON from outside, checked field by field
            yield from _written(each)
        return
    if "traces" in document and "resourceSpans" not in document:
        yield from _written(document["traces"])
        return
    for resource in document.get("resourceSpans") or ():
        for scope in resource.get("scopeSpans") or ():
            name = str(_object(scope.get("scope")).get("name", ""))
            for span in scope.get("spans") or ():
                yield span, name


def _span(span: Any, scope: str) -> SpanRecord:
    start_ns = int(span["startTimeUnixNano"])
    end_ns = int(span.get("endTimeUnixNano") or 0)
    exceptions = [event for event in span.get("events") or () if event.get("name") == semconv.EXCEPTION_EVENT]
    exception = _attributes(exceptions[-1]) if exceptions else {}
    return SpanRecord(
        _id(span["traceId"]),
        _id(span["spanId"]),
        _id(span.get("parentSpanId") or "0"),
        scope,
        _attributes(span),
        start_ns,
        max(end_ns, start_ns) if end_ns else 0,
        _object(span.get("status")).get("code") in _STATUS_ERROR,
        str(exception.get(semconv.EXCEPTION_TYPE, "")),
    )


def _id(written: str) -> int:
    if len(written) in _BASE64_LENGTHS:  # of eight and of sixteen bytes; in hex these are sixteen and 32 digits
        return int.from_bytes(b64decode(written, validate=True), "big")
    return int(written, _HEX)


def _object(value: Any) -> dict[str, Any]:
    return value or {}


def _attributes(holder: Any) -> dict[str, object]:
    pairs = ((pair["key"], _value(pair.get("value") or {})) for pair in holder.get("attributes") or ())
    return {key: value for key, value in pairs if value is not None}


def _value(value: Any) -> object:
    if "stringValue" in value:
        return value["stringValue"][:_LONGEST_TEXT]
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
