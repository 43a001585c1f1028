"""Reading spans from files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

import pytest

from otel_agent_telemetry.errors import InputError
from otel_agent_telemetry.meaning._from_otlp import Broken, read
from otel_agent_telemetry.meaning._records import SpanRecord
from otel_agent_telemetry.meaning._replay import replay
from otel_agent_telemetry.otlp._reading import BAD_IDS
from tests.meaning.cases import DIALECTS
from tests.meaning.spans import USED, span

if TYPE_CHECKING:
    from pathlib import Path


def _document(*spans: dict[str, object]) -> dict[str, object]:
    return {"resourceSpans": [{"scopeSpans": [{"scope": {"name": "lib"}, "spans": list(spans)}]}]}


def _span(number: int, parent: int = 0, start: int = 1, end: int = 2, **more: object) -> dict[str, object]:
    ids = {"traceId": f"{1:032x}", "spanId": f"{number:016x}", "parentSpanId": f"{parent:016x}" if parent else ""}
    return {**ids, "startTimeUnixNano": str(start), "endTimeUnixNano": str(end), **more}


def _file(folder: Path, *lines: str) -> str:
    path = folder / "spans.json"
    path.write_text("\n".join(lines), encoding="utf-8")
    return str(path)


def test_a_span_is_read_whole(tmp_path: Path) -> None:
    """All that the mapping may read is there, in Python's types; name, status text and events are not."""
    values = {"a": {"intValue": "7"}, "b": {"boolValue": True}, "c": {"doubleValue": 0.5}, "d": {}}
    attributes: list[object] = [{"key": key, "value": value} for key, value in values.items()]
    attributes.append({"key": "e", "value": {"arrayValue": {"values": [{"stringValue": "x"}]}}})
    exceptions = [
        {"name": "exception", "attributes": [{"key": "exception.type", "value": {"stringValue": kind}}]}
        for kind in ("First", "Last")
    ]
    given = _span(
        2, 1, attributes=attributes, events=exceptions, status={"code": 2, "message": "secret"}, name="secret"
    )
    (found,) = read(_file(tmp_path, json.dumps(_document(given)))).spans
    known = {"a": 7, "b": True, "c": 0.5, "e": ("x",)}
    assert found == SpanRecord(1, 2, 1, "lib", known, 1, 2, is_error=True, exception_type="Last")


def test_three_forms_of_a_file(tmp_path: Path) -> None:
    """Lines, one indented object and a captured case give the same spans."""
    document = _document(_span(1), _span(2, 1))
    forms = (
        [json.dumps(_document(_span(1))), "", json.dumps(_document(_span(2, 1)))],
        [json.dumps(document, indent=2)],
        [json.dumps({"meta": {}, "traces": document, "metrics": {}, "logs": {}})],
    )
    assert len({tuple(span.span_id for span in read(_file(tmp_path, *form)).spans) for form in forms}) == 1


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    """A line that is no JSON or no OTLP is named by its number, and the rest is read."""
    lines = [json.dumps(_document(_span(1))), '{"resourceSpans": [', '{"resourceSpans": 7}', json.dumps(_document({}))]
    found = read(_file(tmp_path, *lines, "[]", json.dumps(_document(_span(2)))))
    assert ([span.span_id for span in found.spans], found.broken) == (
        [1, 2],
        [
            Broken(2, "skipped: not JSON: Expecting value at column 20"),
            Broken(3, "skipped: resourceSpans is of type int, expected a list"),
            Broken(4, f"a span is left out: {BAD_IDS}"),
        ],
    )


def test_a_span_that_was_written_twice(tmp_path: Path) -> None:
    """A retried export does not give a span a second time."""
    line = json.dumps(_document(_span(1)))
    assert len(read(_file(tmp_path, line, line)).spans) == 1


def test_a_broken_span_costs_no_other(tmp_path: Path) -> None:
    """Of a line with a span that cannot be read the others are read, and the line is named once."""
    line = json.dumps(_document(_span(1), {}, {**_span(2), "spanId": "?"}, _span(3)))
    found = read(_file(tmp_path, line, ""))
    assert ([span.span_id for span in found.spans], found.broken) == (
        [1, 3],
        [Broken(1, "2 spans are left out: spanId is '?', expected hex digits")],
    )


@pytest.mark.parametrize("end", [None, "0", 0, ""])
def test_a_span_that_has_not_ended(tmp_path: Path, end: object) -> None:
    """A span without an end ends with the last one of the file."""
    document = _document(_span(2, 1, start=5, end=9), {**_span(1), "endTimeUnixNano": end})
    assert [span.end_ns for span in read(_file(tmp_path, json.dumps(document))).spans] == [9, 9]


def test_a_span_that_ended_after_it_was_written(tmp_path: Path) -> None:
    """Where a file has a span open and later ended, it is the ended one."""
    lines = (json.dumps(_document({**_span(1), "endTimeUnixNano": "0"})), json.dumps(_document(_span(1, end=7))))
    assert [[span.end_ns for span in read(_file(tmp_path, *order)).spans] for order in (lines, lines[::-1])] == [
        [7],
        [7],
    ]


def test_three_ways_to_write_an_id(tmp_path: Path) -> None:
    """Hex in lower and in upper case and protobuf's base64 are the same ids."""
    ids = [
        ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "00f067aa0ba902b7"),
        ("0AF7651916CD43DD8448EB211C80319C", "B7AD6B7169203331", "00F067AA0BA902B7"),
        ("CvdlGRbNQ92ESOshHIAxnA==", "t61rcWkgMzE=", "APBnqgupArc="),
    ]
    forms = [{**_span(1), "traceId": trace, "spanId": own, "parentSpanId": parent} for trace, own, parent in ids]
    found = [read(_file(tmp_path, json.dumps(_document(form)))).spans for form in forms]
    assert found[0] == found[1] == found[2]


def test_lines_of_other_signals(tmp_path: Path) -> None:
    """Lines of metrics and logs, and values that are empty, are no harm."""
    attributes: list[object] = [{"key": "a", "value": {}}, {"key": "b"}, {"key": "c", "value": None}]
    lines = (
        '{"resourceMetrics": []}',
        '{"resourceLogs": [{}]}',
        json.dumps(_document(_span(1, attributes=attributes, events=None))),
    )
    found = read(_file(tmp_path, *lines))
    assert ([dict(span.attributes) for span in found.spans], found.broken) == ([{}], [])


def test_numbers_as_text_and_as_numbers(tmp_path: Path) -> None:
    """Whole numbers are read as protobuf writes them, as text, and as other writers do."""
    attributes: list[object] = [{"key": "a", "value": {"intValue": "7"}}, {"key": "b", "value": {"intValue": 7}}]
    document = _document(
        {**_span(1, attributes=attributes), "startTimeUnixNano": 1, "status": {"code": "STATUS_CODE_ERROR"}}
    )
    (found,) = read(_file(tmp_path, json.dumps(document))).spans
    assert (found.attributes, found.start_ns, found.is_error) == ({"a": 7, "b": 7}, 1, True)


def test_a_parent_is_around_its_children(tmp_path: Path) -> None:
    """Where all times are equal, a run is around its call, whatever order they are written in."""
    names = {"gen_ai.operation.name": "chat"}, {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "a"}
    call, run = ([{"key": key, "value": {"stringValue": value}} for key, value in of.items()] for of in names)
    document = _document(_span(2, 1, attributes=call), _span(1, attributes=run))
    ended = [
        fact for fact in replay(read(_file(tmp_path, json.dumps(document))).spans) if fact.event == "session.ended"
    ]
    assert [fact.properties["modelCalls"] for fact in ended] == [1]


def test_spans_in_a_circle(tmp_path: Path) -> None:
    """Spans that name each other as parent are read all the same, and each call counts."""
    call: list[object] = [{"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}}]
    document = _document(*(_span(own, above, attributes=call) for own, above in ((1, 2), (2, 1), (3, 3))))
    told = replay(read(_file(tmp_path, json.dumps(document))).spans)
    assert sum(cast("int", fact.properties["modelCalls"]) for fact in told if fact.event == "token.usage") == 2


def test_a_file_that_is_not_there() -> None:
    """The error names the file, what was expected and the next command."""
    with pytest.raises(InputError, match=r"'nowhere.json': No such file.*agent-telemetry export"):
        read("nowhere.json")


def test_written_cases_are_whole() -> None:
    """No line of the written cases is broken."""
    assert [read(str(path)).broken for path in DIALECTS.glob("*.json")] == [[]] * 41


def test_a_call_whose_session_only_its_second_span_names() -> None:
    """A call that has nothing around it belongs to the session of the span that tells of it again."""
    client = span(1, {**USED, "gen_ai.response.id": "r"}, start=1.2, end=1.8)
    framework = span(3, {**USED, "gen_ai.conversation.id": "talk"}, start=1.0, end=2.0)._replace(scope="other")
    told = replay([client, framework])
    assert [(fact.event, fact.properties.get("sessionId")) for fact in told] == [("token.usage", "talk")]
