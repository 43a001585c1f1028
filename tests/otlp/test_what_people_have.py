"""Files as people have them: each is read by ``preview``, ``import`` and ``serve`` alike, or refused by all alike."""

from __future__ import annotations

import base64
import gzip
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from otel_agent_telemetry.otlp._requests import from_document
from otel_agent_telemetry.otlp._signals import TRACES
from tests.local.serving import Serving
from tests.otlp.ways import START, by_import, by_preview, by_serve, call, document, text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TWO = (call(1, 100, 20), call(2, 50, 5))


def lines(*documents: Any) -> bytes:
    """A document a line."""
    return b"".join(json.dumps(each).encode() + b"\n" for each in documents)


def with_second(**changes: Any) -> bytes:
    """A request whose second call is written otherwise."""
    return lines(document(TWO[0], call(2, 50, 5, **changes)))


def with_value(value: str) -> bytes:
    """A request whose second call has another attribute, with that value as it is written in JSON."""
    given = [{"key": "score", "value": {"doubleValue": "HERE"}}]
    return with_second(more=given).replace(b'"HERE"', value.encode())


def renamed(content: bytes, **names: str) -> bytes:
    """The JSON text with other names of fields."""
    for name, other in names.items():
        content = content.replace(f'"{name}"'.encode(), f'"{other}"'.encode())
    return content


def in_base64(span: dict[str, Any]) -> dict[str, Any]:
    """The span with ids as protobuf's own JSON mapping writes bytes."""
    return {**span, **{key: base64.b64encode(bytes.fromhex(span[key])).decode() for key in ("traceId", "spanId")}}


def in_numbers(span: dict[str, Any]) -> dict[str, Any]:
    """The span with whole numbers as JSON numbers."""
    attributes = json.loads(json.dumps(span["attributes"]))
    for pair in attributes[2:]:
        pair["value"]["intValue"] = int(pair["value"]["intValue"])
    times = {key: int(span[key]) for key in ("startTimeUnixNano", "endTimeUnixNano")}
    return {**span, **times, "attributes": attributes}


GOOD = lines(document(*TWO))
SNAKE = {
    "resourceSpans": "resource_spans",
    "scopeSpans": "scope_spans",
    "traceId": "trace_id",
    "spanId": "span_id",
    "startTimeUnixNano": "start_time_unix_nano",
    "stringValue": "string_value",
    "intValue": "int_value",
}
READ = {
    "lines": lines(document(TWO[0]), document(TWO[1])),
    "a document over many lines": json.dumps(document(*TWO), indent=2).encode(),
    "a list of requests": lines([document(TWO[0]), document(TWO[1])]),
    "a captured case": lines({"meta": {"about": 1}, "traces": document(*TWO), "metrics": {}, "logs": None}),
    "gzip": gzip.compress(GOOD),
    "protobuf": from_document(TRACES.request, document(*TWO)).SerializeToString(),
    "a byte order mark": b"\xef\xbb\xbf" + GOOD,
    "UTF-16": GOOD.decode().encode("utf-16"),
    "ids in upper case": lines(document(*({**span, "traceId": span["traceId"].upper()} for span in TWO))),
    "ids in base64": lines(document(*map(in_base64, TWO))),
    "snake case": renamed(GOOD, **SNAKE),
    "libraries": renamed(GOOD, scopeSpans="instrumentationLibrarySpans", scope="instrumentationLibrary"),
    "libraries in snake case": renamed(
        GOOD,
        resourceSpans="resource_spans",
        scopeSpans="instrumentation_library_spans",
        scope="instrumentation_library",
    ),
    "numbers that are numbers": lines(document(*map(in_numbers, TWO))),
    "NaN in quotes": with_value('"NaN"'),
    "NaN": with_value("NaN"),
    "Infinity in quotes": with_value('"-Infinity"'),
    "Infinity": with_value("-Infinity"),
    "more than a double": with_value("1e999"),
    "a number of many digits": with_value("9" * 5000),
    "half a surrogate pair": with_second(more=[text("said", "cut \ud83e")]),
    "half a surrogate pair in a field's name": with_second(**{"\ud83e": 1}),
    "text that is not UTF-8": with_second(name="cut").replace(b'"cut"', b'"c\xff\xfet"'),
    "two megabytes": with_second(more=[text("said", "x" * 2_000_000)]),
    "an end before the start": with_second(endTimeUnixNano=str(START)),
    "all of time": with_second(startTimeUnixNano="0", endTimeUnixNano=str(2**64 - 1)),
    "a time before 1970": with_second(startTimeUnixNano=-1000),
    "a parent that is zero": with_second(parentSpanId="0" * 16),
    "fields of tomorrow": with_second(fieldOfTomorrow=[{"traceId": 5}]),
    "a resource in pieces": GOOD.replace(
        b'{"scopeSpans"', b'{"resource": {"attributes": [7, {"key": "service.name", "value": {}}]}, "scopeSpans"'
    ),
}


def deep() -> bytes:
    """A request whose second call holds a list in a list, three thousand times."""
    opened, closed = '{"arrayValue":{"values":[' * 3000, "]}}" * 3000
    given = [{"key": "deep", "value": "HERE"}]
    return with_second(more=given).replace(b'"HERE"', f'{opened}{{"stringValue":"x"}}{closed}'.encode())


def not_utf8() -> bytes:
    """A request in protobuf whose second call has a name that is no text."""
    made = from_document(TRACES.request, document(TWO[0], call(2, name="AAAA")))
    return made.SerializeToString().replace(b"AAAA", b"a\xff\xfeb")


IDS = "trace ids have 16 bytes and span ids 8, and neither may be all zero"
DEEP = "nested deeper than OTLP can be" if sys.version_info >= (3, 12) else "Failed to parse attributes field"
PARTLY = {
    "an id that is no hex": (with_second(spanId="zz"), "spanId is 'zz', expected hex digits"),
    "an id that is too short": (with_second(spanId="abcd"), IDS),
    "an id that is zero": (with_second(traceId="0" * 32), IDS),
    "an id that is a number": (with_second(spanId=7), "Failed to parse spanId field"),
    "no ids": (lines(document(TWO[0], {})), IDS),
    "a name that is a number": (with_second(name=5), "Failed to parse name field"),
    "attributes that are no list": (with_second(attributes={"a": 1}), "Failed to parse attributes field"),
    "a number of many digits": (
        with_value("9" * 5000).replace(b'"doubleValue"', b'"intValue"'),
        "Failed to parse attributes field",
    ),
    "what is no span": (lines(document(TWO[0], 7)), "one of spans is of type int, expected an object"),
    "a value that is deep": (deep(), DEEP),
    "protobuf that is not UTF-8": (not_utf8(), "not protobuf that can be read, such as text that is not UTF-8"),
}
REFUSED = {
    "a number": (b"7", "expected an object with resourceSpans, resourceLogs or resourceMetrics, got int"),
    "text": (b'"x"', "expected an object with resourceSpans, resourceLogs or resourceMetrics, got str"),
    "another object": (b'{"x": 1}', "expected an object with resourceSpans, resourceLogs or resourceMetrics"),
    "no list": (b'{"resourceSpans": 7}', "resourceSpans is of type int, expected a list"),
    "no JSON": (b'{"resourceSpans": [{"oops"', "not JSON: Expecting ':' delimiter at column 27"),
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Serving]:
    """A server over an empty store."""
    with Serving(tmp_path / "served.sqlite") as serving:
        yield serving


@pytest.mark.parametrize("name", READ)
def test_what_people_have_is_read_alike(name: str, server: Serving, tmp_path: Path) -> None:
    """All three ways give both calls and all of their tokens, and have nothing to say."""
    file = tmp_path / "given"
    file.write_bytes(READ[name])
    outcomes = by_preview(file), by_import(file, tmp_path / "x.sqlite"), by_serve(file, server)
    assert [(outcome.taken, outcome.sums, outcome.refused, outcome.words) for outcome in outcomes] == [
        (True, (2, 150, 25), 0, "")
    ] * 3


@pytest.mark.parametrize("name", PARTLY)
def test_a_bad_span_is_refused_and_its_batch_is_kept(name: str, server: Serving, tmp_path: Path) -> None:
    """All three ways keep the other call, count the bad span, and say why in the same words."""
    content, why = PARTLY[name]
    file = tmp_path / "given"
    file.write_bytes(content)
    outcomes = by_preview(file), by_import(file, tmp_path / "x.sqlite"), by_serve(file, server)
    assert [(outcome.taken, outcome.sums, outcome.refused) for outcome in outcomes] == [(True, (1, 100, 20), 1)] * 3
    assert [f"a span is left out: {why}" in outcome.words for outcome in outcomes] == [True] * 3


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_otlp_is_refused_alike(name: str, server: Serving, tmp_path: Path) -> None:
    """All three ways refuse it with the same words, and nothing is stored."""
    content, why = REFUSED[name]
    file = tmp_path / "given"
    file.write_bytes(content)
    outcomes = by_preview(file), by_import(file, tmp_path / "x.sqlite"), by_serve(file, server)
    assert [(outcome.taken, outcome.sums, why in outcome.words) for outcome in outcomes] == [
        (False, (0, 0, 0), True)
    ] * 3
