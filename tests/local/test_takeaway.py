"""What can be taken away of a trace: OTLP JSON lines, the Trace Event Format, CSV; with and without what was said."""

from __future__ import annotations

import csv
import json
from itertools import combinations
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from otel_agent_telemetry.cli import main
from otel_agent_telemetry.local import Store
from otel_agent_telemetry.local.read.trace._tracks import Stretch, tracks
from tests.local.made import Made, agent, chat, request, span_id, tool, trace_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.local.serving import Serving

PROMPT = '[{"role": "user", "parts": [{"type": "text", "content": "where is my order?"}]}]'
ASKED = {"gen_ai.input.messages": PROMPT}
TRACE = (
    Made(name="run", id=1, attributes=agent()),
    Made(name="chat", id=2, parent=1, start=5, end=60, attributes={**chat(), **ASKED}),
    Made(name="search", id=3, parent=1, start=50, end=90, attributes={**tool(), "order": 7}, error=True),
    Made(name="=1+1", id=4, parent=3, start=55, end=56),
)


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Path]:
    """A store with a trace of two services."""
    path = tmp_path / "traces.sqlite"
    store = Store(path)
    store.add_spans(request(*TRACE[:3]))
    store.add_spans(request(TRACE[3], service="depot"))
    yield path
    store.close()


def exported(db: Path, *arguments: str) -> Result:
    """What `export` gives."""
    return CliRunner().invoke(main, ["export", *arguments, "--db", str(db)])


def events(db: Path, *arguments: str) -> list[dict[str, Any]]:
    """The events of the trace in the Trace Event Format."""
    return json.loads(exported(db, trace_id(), "--format", "chrome", *arguments).stdout)["traceEvents"]


def test_slices_in_the_trace_event_format(db: Path) -> None:
    """A complete event a span, in microseconds from the start, on a track where it nests, in its service's process."""
    slices = [event for event in events(db) if event["ph"] == "X"]
    assert [[event[key] for key in ("name", "cat", "pid", "tid", "ts", "dur")] for event in slices] == [
        ["run", "agent", 0, 1, 0.0, 100_000.0],
        ["chat", "model", 0, 1, 5_000.0, 55_000.0],
        ["search", "tool", 0, 2, 50_000.0, 40_000.0],
        ["=1+1", "span", 1, 3, 55_000.0, 1_000.0],
    ]
    assert slices[2]["args"] == {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "search",
        "order": 7,
        "span_id": span_id(3),
        "parent_span_id": span_id(1),
        "status": "error",
        "counted": True,
    }


def test_names_and_arrows_in_the_trace_event_format(db: Path) -> None:
    """Processes are named by their service, each track has a name, and an arrow leads to a child on another track."""
    others = [event for event in events(db) if event["ph"] != "X"]
    assert [(event["ph"], event["pid"], event["args"]["name"]) for event in others if event["ph"] == "M"] == [
        ("M", 0, "shop"),
        ("M", 1, "depot"),
        ("M", 0, "track 1"),
        ("M", 0, "track 2"),
        ("M", 1, "track 3"),
    ]
    assert [(event["ph"], event["id"], event["tid"], event["ts"]) for event in others if event["ph"] != "M"] == [
        ("s", 2, 1, 50_000.0),
        ("f", 2, 2, 50_000.0),
        ("s", 3, 2, 55_000.0),
        ("f", 3, 3, 55_000.0),
    ]


@pytest.mark.parametrize("wanted", ["chrome", "csv"])
def test_what_was_said_is_left_out(db: Path, wanted: str) -> None:
    """A picture or a table of a trace holds a prompt only if it is asked for."""
    assert "where is my order" not in exported(db, trace_id(), "--format", wanted).stdout
    assert [event["args"]["gen_ai.input.messages"] for event in events(db, "--content") if event["name"] == "chat"] == [
        PROMPT
    ]


def test_a_table_of_the_spans(db: Path) -> None:
    """CSV has a row a span with the names of --json; what a spreadsheet would take as a formula is none."""
    rows = list(csv.DictReader(exported(db, trace_id(), "--format", "csv").stdout.splitlines()))
    assert [row["name"] for row in rows] == ["run", "chat", "search", "'=1+1"]
    assert {key: value for key, value in rows[1].items() if value} == {
        "span_id": span_id(2),
        "parent_span_id": span_id(1),
        "start": "2026-11-21T22:09:28.005000Z",
        "duration_ms": "55.0",
        "name": "chat",
        "service": "shop",
        "kind": "model",
        "model": "gpt-fake",
        "agent": "helper",
        "status": "ok",
        "counted": "true",
        "input_tokens": "100",
        "output_tokens": "10",
        "cost_is_estimate": "false",
    }


def test_a_picture_is_of_one_trace(db: Path) -> None:
    """Without a trace, the message names the command that works."""
    done = exported(db, "--format", "chrome")
    assert (done.exit_code, "agent-telemetry export --format chrome latest" in done.stderr) == (2, True)


def test_usage_as_csv(db: Path) -> None:
    """The names of --json, and a row for each."""
    out = CliRunner().invoke(main, ["usage", "--csv", "--db", str(db)]).stdout
    asked = json.loads(CliRunner().invoke(main, ["usage", "--json", "--db", str(db)]).stdout)
    rows = list(csv.DictReader(out.splitlines()))
    assert (list(rows[0]), [row["key"] for row in rows]) == (list(asked[0]), [row["key"] for row in asked])
    assert [(row["calls"], row["input_tokens"], row["cost_usd"]) for row in rows] == [("1", "100", "")]


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 12), st.integers(0, 3)), max_size=14))
def test_tracks_nest(made: list[tuple[int, int, int]]) -> None:
    """On one track, any two are apart, or one is inside of the other and below it in the tree."""
    stretches = [
        Stretch(start, start + length, place - back if back and place >= back else None)
        for place, (start, length, back) in enumerate(made)
    ]
    numbered = list(enumerate(zip(tracks(stretches), stretches, strict=True)))
    for (upper, (one, first)), (lower, (other, second)) in combinations(numbered, 2):
        is_apart = first.end <= second.start or second.end <= first.start
        is_inside = first.start <= second.start and second.end <= first.end
        assert one != other or is_apart or (is_inside and is_below(lower, upper, stretches))


def is_below(lower: int, upper: int, stretches: list[Stretch]) -> bool:
    """Whether one is reached from the other by parents."""
    at: int | None = lower
    while at is not None and at != upper:
        at = stretches[at].parent
    return at is not None


def test_one_after_the_other_is_one_track() -> None:
    """What does not overlap needs one line; a sibling that runs beside another has one of its own."""
    assert tracks([Stretch(0, 9), Stretch(0, 3, 0), Stretch(3, 9, 0), Stretch(4, 9, 2), Stretch(9, 12)]) == [0] * 5
    assert tracks([Stretch(0, 9), Stretch(0, 8, 0), Stretch(1, 3, 0), Stretch(4, 9, 0)]) == [0, 0, 1, 1]


def test_the_door_gives_files(server: Serving) -> None:
    """The page gets a file's name, type and text; a service's prompts are in it only with content=true."""
    server.post("/v1/traces", request(*TRACE[:3]).SerializeToString())
    names = {
        wanted: server.get(f"/api/traces/{trace_id()}/export?format={wanted}")["name"]
        for wanted in ("otlp", "chrome", "csv")
    }
    assert names == {
        "otlp": f"trace-{'0' * 16}.jsonl",
        "chrome": f"trace-{'0' * 16}.trace.json",
        "csv": f"trace-{'0' * 16}.csv",
    }
    bare, whole = (server.get(f"/api/traces/{trace_id()}/export{query}")["text"] for query in ("", "?content=true"))
    assert ("where is my order" in bare, "where is my order" in whole) == (False, True)
    assert len(spans(bare)) == len(spans(whole)) == 3


def test_one_span_as_otlp(server: Serving) -> None:
    """It can be sent to any OTLP receiver: with its resource and scope, and its ids in hex."""
    server.post("/v1/traces", request(*TRACE[:3]).SerializeToString())
    text = server.get(f"/api/traces/{trace_id()}/spans/{span_id(2)}/otlp?content=true")["text"]
    assert [(span["spanId"], span["name"]) for span in spans(text)] == [(span_id(2), "chat")]
    resource = json.loads(text)["resourceSpans"][0]["resource"]
    assert resource["attributes"] == [{"key": "service.name", "value": {"stringValue": "shop"}}]
    assert server.send("GET", f"/api/traces/{trace_id()}/spans/{'ab' * 8}/otlp").status == 404


def spans(lines: str) -> list[dict[str, Any]]:
    """The spans of OTLP JSON lines."""
    return [
        span
        for line in lines.splitlines()
        for of_resource in json.loads(line)["resourceSpans"]
        for of_scope in of_resource["scopeSpans"]
        for span in of_scope["spans"]
    ]
