from __future__ import annotations

import json
from contextlib import closing
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

from otel_agent_telemetry.cli._metrics import metrics as metrics_command
from otel_agent_telemetry.errors import InputError
from otel_agent_telemetry.local import Store, instruments, metric
from otel_agent_telemetry.local.read.signals._buckets import Distribution, of_point
from tests.local.browsing import Watched, chromium
from tests.local.made import START, Made, request, span_id, trace_id
from tests.local.signals import SECOND, metrics, pairs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from otel_agent_telemetry.local import MetricShape
    from tests.local.serving import Serving

DELTA, CUMULATIVE = 1, 2
BEGUN = START - 60 * SECOND


def reading(kind: str, at: int, temporality: int = 0, *, start: int = BEGUN, **fields: Any) -> Metric:
    """One reading of the metric ``m``, ``at`` seconds after START; ``fields`` are its point's, with attributes."""
    made: Any = Metric(name="m", unit="s", description="how long")
    data = getattr(made, "sum" if kind in {"counter", "up_down_counter"} else kind)
    if temporality:
        data.aggregation_temporality = temporality
    if kind == "counter":
        data.is_monotonic = True
    attributes = pairs(fields.pop("attributes", {}))
    buckets = {name: fields.pop(name, None) for name in ("positive", "negative")}
    point = data.data_points.add(
        start_time_unix_nano=start, time_unix_nano=START + at * SECOND, attributes=attributes, **fields
    )
    for name, given_buckets in buckets.items():
        if given_buckets is not None:
            bucket = getattr(point, name)
            bucket.offset, counts = given_buckets
            bucket.bucket_counts.extend(counts)
    return made


def over_time(store: Store, *readings: Metric, **wanted: Any) -> MetricShape:
    """The metric after the readings came, one request each."""
    for each in readings:
        store.add_metrics(metrics(each))
    with closing(store.reader()) as connection:
        return metric(connection, "m", **wanted)


def values(found: MetricShape, figure: str = "value") -> list[list[Any]]:
    """A figure of each line's steps."""
    return [[step[figure] for step in line["steps"]] for line in found["lines"]]


@pytest.mark.parametrize(
    ("kind", "temporality", "given_values", "expected"),
    [
        ("counter", CUMULATIVE, [5, 7, 7, 12], [5, 2, 0, 5]),
        ("counter", DELTA, [5, 2, 0, 5], [5, 2, 0, 5]),
        ("counter", CUMULATIVE, [5, 7, 3, 4], [5, 2, 3, 1]),
        ("up_down_counter", CUMULATIVE, [5, 7, 3, 4], [5, 7, 3, 4]),
        ("up_down_counter", DELTA, [5, 2, -4, 1], [5, 7, 3, 4]),
        ("gauge", 0, [5, 7, 3, 4], [5, 7, 3, 4]),
    ],
)
def test_numbers_over_time(
    store: Store, kind: str, temporality: int, given_values: list[int], expected: list[float]
) -> None:
    """A counter's increase, also after it began anew, and a level, in either temporality."""
    readings = [reading(kind, at * 10, temporality, as_int=value) for at, value in enumerate(given_values)]
    found = over_time(store, *readings)
    names = {0: None, DELTA: "delta", CUMULATIVE: "cumulative"}
    assert values(found) == [expected]
    assert (found["kind"], found["temporality"], found["unit"]) == (kind, names[temporality], "s")


def test_what_a_counter_took_in_before_is_no_increase(store: Store) -> None:
    """Of a counter that began before the period its first reading says nothing, of one that began in it all."""
    old = [reading("counter", at, CUMULATIVE, as_int=100 + at, attributes={"pump": "old"}) for at in (0, 10, 20)]
    new = [
        reading("counter", at, CUMULATIVE, as_int=at, start=START + 15 * SECOND, attributes={"pump": "new"})
        for at in (18, 22)
    ]
    found = over_time(store, *old, *new, since_ns=START + 5 * SECOND)
    assert {line["attributes"]["pump"]: [step["value"] for step in line["steps"]] for line in found["lines"]} == {
        "new": [18, 4],
        "old": [10],
    }


@pytest.mark.parametrize("temporality", [DELTA, CUMULATIVE])
def test_a_histogram_over_time(store: Store, temporality: int) -> None:
    """Count, mean and percentiles of what each step took in, alike in both temporalities."""
    edges = [1.0, 2.0, 4.0]
    counts = [[0, 10, 0, 0], [0, 0, 20, 0]]
    if temporality == CUMULATIVE:
        counts[1] = [0, 10, 20, 0]
    sums = [15.0, 60.0] if temporality == DELTA else [15.0, 75.0]
    readings = [
        reading(
            "histogram", at * 10, temporality, count=sum(each), sum=total, bucket_counts=each, explicit_bounds=edges
        )
        for at, (each, total) in enumerate(zip(counts, sums, strict=True))
    ]
    found = over_time(store, *readings)
    assert (values(found), values(found, "count"), values(found, "sum")) == ([[1.5, 3.0]], [[10, 20]], [[15.0, 60.0]])
    assert (values(found, "p50"), values(found, "p95")) == ([[1.5, 3.0]], [[1.95, 3.9]])


def test_an_exponential_histogram_whose_scale_changes(store: Store) -> None:
    """Buckets of a finer scale are put into those of the coarser one: 10 values each in (1, 2] and (2, 4]."""
    fine = reading("exponential_histogram", 0, CUMULATIVE, count=10, scale=1, positive=(0, [5, 5]))
    coarse = reading("exponential_histogram", 10, CUMULATIVE, count=21, scale=0, positive=(0, [10, 10]), zero_count=1)
    found = over_time(store, fine, coarse)
    assert (values(found, "count"), values(found, "p50")) == ([[10, 11]], [[1.5, 2.9]])


def test_a_summary_over_time(store: Store) -> None:
    """Its quantiles are as it says them; count and sum are what came since."""
    quantiles = [{"quantile": 0.5, "value": 3.0}, {"quantile": 0.99, "value": 9.0}]
    readings = [
        reading("summary", at * 10, count=10 * (at + 1), sum=40.0 * (at + 1), quantile_values=quantiles)
        for at in (0, 1)
    ]
    found = over_time(store, *readings)
    assert [
        (step["count"], step["value"], step["p50"], step["p95"], step["p99"]) for step in found["lines"][0]["steps"]
    ] == [(10, 4.0, 3.0, None, 9.0)] * 2


@given(
    st.dictionaries(
        st.tuples(st.integers(-50, 50), st.integers(1, 20)).map(lambda pair: (float(pair[0]), float(sum(pair)))),
        st.integers(0, 9),
        min_size=1,
    ),
    st.lists(st.floats(0, 1), min_size=2, max_size=5),
)
def test_quantiles_go_up(counts: dict[tuple[float, float], int], shares: Sequence[float]) -> None:
    """Of any buckets, also overlapping ones, a greater share has no smaller quantile, and all lie within them."""
    whole = Distribution(sum(counts.values()), None, counts)
    found = [whole.quantile(share) for share in sorted(shares)]
    if not whole.count:
        assert found == [None] * len(shares)
        return
    known = [value for value in found if value is not None]
    filled = [edges for edges, count in counts.items() if count]
    assert len(known) == len(shares)
    assert all(before <= after + 1e-9 for before, after in pairwise(known))
    assert min(lower for lower, _ in filled) - 1e-6 <= known[0]
    assert known[-1] <= max(upper for _, upper in filled) + 1e-6


@given(st.integers(-(2**31), 2**31 - 1), st.integers(-(2**31), 2**31 - 1), st.lists(st.integers(0, 2**40), max_size=4))
def test_no_exponential_histogram_is_too_strange(scale: int, offset: int, counts: list[int]) -> None:
    """Whatever scale and offset a program sends, there is an answer."""
    made: Any = reading("exponential_histogram", 0, DELTA, count=sum(counts), scale=scale, positive=(offset, counts))
    of_point("exponential_histogram", made.exponential_histogram.data_points[0], scale).quantile(0.5)


def test_lines_are_split_by_an_attribute(store: Store) -> None:
    """Each set of attributes is a line, the most first; by an attribute they are put together, and the top is cut."""
    for route, status, amount in (("/a", 200, 5), ("/a", 500, 2), ("/b", 200, 4)):
        attributes = {"route": route, "status": status}
        store.add_metrics(metrics(reading("counter", 0, DELTA, as_int=amount, attributes=attributes)))
    with closing(store.reader()) as connection:
        each, by_route = metric(connection, "m"), metric(connection, "m", by="route")
        top = metric(connection, "m", top=1)
    assert [list(line["attributes"].values()) for line in each["lines"]] == [["/a", 200], ["/b", 200], ["/a", 500]]
    assert [(line["attributes"], line["steps"][0]["value"]) for line in by_route["lines"]] == [
        ({"route": "/a"}, 7),
        ({"route": "/b"}, 4),
    ]
    assert (each["keys"], len(top["lines"]), top["others"]) == (["route", "status"], 1, 2)


def test_an_exemplar_leads_to_its_trace(store: Store) -> None:
    """Value, time and span of a measurement, and whether its trace is stored."""
    store.add_spans(request(Made()))
    made = reading("histogram", 0, DELTA, count=2)
    for number in (1, 9):
        made.histogram.data_points[0].exemplars.add(
            time_unix_nano=START + number * SECOND,
            as_double=0.5,
            trace_id=number.to_bytes(16, "big"),
            span_id=(1).to_bytes(8, "big"),
        )
    found = over_time(store, made)["exemplars"]
    assert [(each["trace_id"], each["trace_known"]) for each in found] == [(trace_id(9), False), (trace_id(1), True)]
    assert (found[1]["value"], found[1]["span_id"], found[1]["time"]) == (
        0.5,
        span_id(1),
        "2026-11-21T22:09:29.000000Z",
    )


def test_what_a_coding_agent_adds_is_left_out(store: Store) -> None:
    """Attributes of its metrics that are content, such as who the user is, are not shown, nor are its exemplars."""
    attributes = {"user.email": "me@example.org", "model": "opus"}
    made = reading("counter", 0, DELTA, as_int=1, attributes=attributes)
    made.sum.data_points[0].exemplars.add(as_int=1, trace_id=b"t" * 16, span_id=b"s" * 8)
    store.add_metrics(metrics(made, service="claude-code"))
    with closing(store.reader()) as connection:
        found = metric(connection, "m")
    assert ([line["attributes"] for line in found["lines"]], found["exemplars"]) == ([{"model": "opus"}], [])


def test_every_instrument_is_listed(store: Store) -> None:
    """By name and service, as its latest reading has it; also one without any data."""
    for service in ("shop", "depot"):
        for at in (0, 10):
            store.add_metrics(metrics(reading("counter", at, CUMULATIVE, as_int=1), service=service))
    store.add_metrics(metrics(Metric(name="nothing")))
    with closing(store.reader()) as connection:
        found = instruments(connection)
    assert [(each["name"], each["service"], each["kind"], each["readings"]) for each in found] == [
        ("m", "depot", "counter", 2),
        ("m", "shop", "counter", 2),
        ("nothing", "shop", "empty", 1),
    ]
    assert (found[0]["unit"], found[0]["description"], found[0]["last_seen"]) == (
        "s",
        "how long",
        "2026-11-21T22:09:38.000000Z",
    )


def test_an_instrument_that_is_not_there(store: Store) -> None:
    """The error says what lists those that are."""
    with closing(store.reader()) as connection, pytest.raises(InputError, match="`agent-telemetry metrics` lists"):
        metric(connection, "m")


def test_the_command(tmp_path: Path) -> None:
    """The list, one instrument over time, and both as JSON."""
    db = tmp_path / "t.sqlite"
    with closing(Store(db)) as store:
        for at, count in ((0, 5), (10, 7)):
            store.add_metrics(metrics(reading("counter", at, CUMULATIVE, as_int=count, attributes={"a": 1})))
    arguments = ["--db", str(db)]
    listed = CliRunner().invoke(metrics_command, arguments).stdout.splitlines()
    assert [listed[1].split()[at] for at in (0, 1, 2, 3, 4)] == ["m", "counter,", "cumulative", "s", "shop"]
    shown = CliRunner().invoke(metrics_command, ["m", *arguments])
    assert [line.split()[-2:] for line in shown.stdout.splitlines()[1:]] == [["a=1", "5"], ["a=1", "2"]]
    assert shown.stderr == "m: counter, cumulative, in s\n"
    told = json.loads(CliRunner().invoke(metrics_command, ["m", "--json", *arguments]).stdout)
    assert [step["value"] for step in told["lines"][0]["steps"]] == [5, 2]
    assert json.loads(CliRunner().invoke(metrics_command, ["--json", *arguments]).stdout)[0]["name"] == "m"


def test_the_page_charts_an_instrument(server: Serving) -> None:
    """``g m`` lists them; one is a chart that keys read; another figure can be chosen; an exemplar opens its trace."""
    server.store.add_spans(request(Made(name="ask")))
    bounds = [1.0, 2.0]
    made = reading("histogram", 0, DELTA, count=4, sum=6.0, bucket_counts=[0, 4, 0], explicit_bounds=bounds)
    exemplar: Any = made.histogram.data_points[0].exemplars.add(as_double=1.5, trace_id=(1).to_bytes(16, "big"))
    exemplar.span_id = (1).to_bytes(8, "big")
    server.store.add_metrics(metrics(made))
    server.settled()
    with chromium() as browser:
        page = browser.new_page()
        watched = Watched(page, server.url)
        page.goto(server.url)
        page.get_by_text("live", exact=True).wait_for()
        page.keyboard.press("g")
        page.keyboard.press("m")
        page.get_by_role("link", name="m", exact=True).click()
        page.get_by_role("application", name="m, percentiles").focus()
        page.get_by_text("p50 1.5 s, p95 1.95 s, p99 1.99 s").wait_for()
        page.get_by_label("Figure").select_option("count")
        page.get_by_role("application", name="m, count").focus()
        page.get_by_text("m 4", exact=False).wait_for()
        page.get_by_role("link", name="trace 00000000").click()
        page.get_by_role("treeitem", name="ask", selected=True).wait_for()
        assert watched.wrong == []
