from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from otel_agent_telemetry.cli._latency import latency as latency_command
from otel_agent_telemetry.cli._usage import usage as usage_command
from otel_agent_telemetry.local import Store, latency
from otel_agent_telemetry.local.read.use._latency import percentile
from tests.local.browsing import Watched, chromium
from tests.local.made import MS, START, Made, agent, chat, request, tool

if TYPE_CHECKING:
    from pathlib import Path

    from otel_agent_telemetry.local import LatencyShape
    from tests.local.serving import Serving


def of(store: Store, by: str, **wanted: Any) -> LatencyShape:
    """Latency, once all is settled."""
    while store.settle():
        pass
    with closing(store.reader()) as connection:
        return latency(connection, by, **wanted)


def ten_calls(store: Store) -> None:
    """Calls of 10, 20, ... 100 ms, the last of which failed; each made 5 tokens."""
    for number in range(1, 11):
        made = Made(name="chat m", end=10 * number, attributes=chat("m", 10, 5), error=number == 10)
        store.add_spans(request(made, trace=number))


def test_percentiles_and_histogram(store: Store) -> None:
    """Nearest ranks of the durations; every call is in the histogram once; tokens per second are the median."""
    ten_calls(store)
    assert of(store, "model") == {
        "calls": 10,
        "is_all": True,
        "edges_ms": [10, 20, 50, 100, 200],
        "rows": [
            {
                "key": "m",
                "calls": 10,
                "errors": 1,
                "p50_ms": 50,
                "p95_ms": 100,
                "p99_ms": 100,
                "max_ms": 100,
                "first_token_calls": 0,
                "first_token_p50_ms": None,
                "first_token_p95_ms": None,
                "output_tokens_per_second": pytest.approx(5 / 0.06, rel=0.2),
                "counts": [1, 3, 5, 1],
            }
        ],
    }


@given(st.lists(st.integers(0, 100), min_size=1), st.sampled_from([0.5, 0.95, 0.99]))
def test_a_percentile_is_a_figure_that_so_many_do_not_exceed(figures: list[int], share: float) -> None:
    """It is one of the figures; at least the share is not above it, and less than the share is below it."""
    found = percentile(sorted(figures), share)
    assert found in figures
    assert sum(figure <= found for figure in figures) >= share * len(figures)
    assert sum(figure < found for figure in figures) < share * len(figures)


def test_a_call_that_two_spans_report_counts_once(store: Store) -> None:
    """Of a call and a span around it that repeats it, the inner one's time is that of the call."""
    outer = Made(name="chat m", id=1, end=100, attributes=chat("m"))
    inner = Made(name="chat m", id=2, parent=1, start=10, end=90, attributes=chat("m"))
    store.add_spans(request(outer, inner))
    assert [(row["calls"], row["max_ms"]) for row in of(store, "model")["rows"]] == [(1, 80)]


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("model", [("m", 1, 50.0)]),
        ("tool", [("search", 2, 10.0)]),
        ("agent", [("helper", 1, 100.0)]),
        ("operation", [("look up", 2, 10.0), ("ask", 1, 50.0), ("run", 1, 100.0)]),
    ],
)
def test_groupings(store: Store, by: str, expected: list[tuple[str, int, float]]) -> None:
    """By model, tool, agent, and operation, which is a span's name; most calls first."""
    run = Made(name="run", id=1, end=100, attributes=agent())
    ask = Made(name="ask", id=2, parent=1, end=50, attributes=chat("m"))
    looks = [Made(name="look up", id=3 + at, parent=1, start=60, end=70, attributes=tool()) for at in (0, 1)]
    store.add_spans(request(run, ask, *looks))
    assert [(row["key"], row["calls"], row["p50_ms"]) for row in of(store, by)["rows"]] == expected


@pytest.mark.parametrize(
    ("said", "milliseconds"),
    [
        ({"gen_ai.response.time_to_first_chunk": 0.25}, 250),
        ({"gen_ai.client.operation.time_to_first_chunk": 0.25}, 250),
        ({"gen_ai.server.time_to_first_token": 250}, 250),
        ({"gen_ai.server.time_to_first_token": 0.25}, 250),
        ({"ai.response.msToFirstChunk": 250.0}, 250),
        ({"ttft_ms": 250}, 250),
        ({"gen_ai.response.time_to_first_chunk": "soon"}, None),
        ({"gen_ai.response.time_to_first_chunk": -1.0}, None),
        ({"gen_ai.response.time_to_first_chunk": float("inf")}, None),
    ],
)
def test_the_first_token_as_dialects_say_it(store: Store, said: dict[str, object], milliseconds: float | None) -> None:
    """In seconds or in milliseconds; what is no such time is left out."""
    store.add_spans(request(Made(end=1000, attributes={**chat(), **said})))
    (row,) = of(store, "model")["rows"]
    assert (row["first_token_p50_ms"], row["first_token_calls"]) == (milliseconds, int(milliseconds is not None))


@pytest.mark.parametrize("event", ["First Token Stream Event", "ai.stream.firstChunk"])
def test_the_first_token_as_an_event(store: Store, event: str) -> None:
    """The time from the span's start to its event."""
    made = request(Made(end=1000, attributes=chat()))
    made.resource_spans[0].scope_spans[0].spans[0].events.add(name=event, time_unix_nano=START + 70 * MS)
    store.add_spans(made)
    assert [row["first_token_p95_ms"] for row in of(store, "model")["rows"]] == [70]


def test_the_first_token_of_the_span_that_repeats_a_call(store: Store) -> None:
    """Where only the span around a call says when its first token came, it is the call's, and counts once."""
    said = {"gen_ai.response.time_to_first_chunk": 0.02}
    outer = Made(id=1, end=100, attributes={**chat(), **said})
    store.add_spans(request(outer, Made(id=2, parent=1, end=90, attributes=chat())))
    assert [(row["first_token_calls"], row["first_token_p50_ms"]) for row in of(store, "model")["rows"]] == [(1, 20)]


def test_only_calls_of_the_period(store: Store) -> None:
    """Those that began before it or after it are left out, and with none there is no histogram."""
    ten_calls(store)
    store.add_spans(request(Made(attributes=chat("late")), trace=99, start_ns=START + 10**10))
    assert [row["key"] for row in of(store, "model", since_ns=START + 1)["rows"]] == ["late"]
    assert of(store, "model", until_ns=START - 1) == {"calls": 0, "is_all": True, "edges_ms": [], "rows": []}


def test_the_commands(tmp_path: Path) -> None:
    """``latency`` has percentiles; so has ``usage`` beside its figures, and by tool it counts the tool's calls."""
    db = tmp_path / "t.sqlite"
    with closing(Store(db)) as store:
        ten_calls(store)
        store.add_spans(request(Made(end=5, attributes=tool()), trace=77))
    shown = CliRunner().invoke(latency_command, ["--db", str(db)]).stdout.splitlines()
    assert shown[1].split("  ")[0] == "m"
    assert "50.0 ms  100.0 ms  100.0 ms" in shown[1]
    told = json.loads(CliRunner().invoke(latency_command, ["--db", str(db), "--by", "tool", "--json"]).stdout)
    assert [(row["key"], row["p99_ms"], row["counts"]) for row in told["rows"]] == [("search", 5, [1])]
    assert CliRunner().invoke(usage_command, ["--db", str(db)]).stdout.splitlines() == [
        "MODEL  CALLS  ERRORS      P50       P95  TOOLS  RUNS   IN  OUT  CACHED  REASONING  COST",
        "m         10       1  50.0 ms  100.0 ms      0     0  100   50",
    ]
    assert CliRunner().invoke(usage_command, ["--db", str(db), "--by", "tool"]).stdout.splitlines() == [
        "TOOL    CALLS  ERRORS     P50     P95",
        "search      1       0  5.0 ms  5.0 ms",
    ]


def test_the_page_has_a_histogram_of_each_row(server: Serving) -> None:
    """``g l`` opens it; a row's button shows its histogram, which keys read, and stands in the address."""
    ten_calls(server.store)
    server.store.add_spans(request(Made(name="chat n", end=3, attributes=chat("n")), trace=99))
    server.settled()
    with chromium() as browser:
        page = browser.new_page()
        watched = Watched(page, server.url)
        page.goto(server.url)
        page.get_by_text("live", exact=True).wait_for()
        page.keyboard.press("g")
        page.keyboard.press("l")
        page.get_by_role("heading", name="m", exact=True).wait_for()
        page.get_by_role("button", name="Histogram of n").click()
        page.wait_for_url("**key=n**")
        page.get_by_role("application", name="How many calls of n took how long").focus()
        page.keyboard.press("Home")
        assert page.locator(".readout").inner_text() == "2 ms to 5 ms: calls 1"
        page.get_by_label("Group by").select_option("tool")
        page.get_by_text("No finished calls in this time.").wait_for()
        assert watched.wrong == []
