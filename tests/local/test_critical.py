"""The critical path, by hand and for whatever tree."""

from __future__ import annotations

from contextlib import closing
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_agent_telemetry.local import find_trace, trace_tree
from otel_agent_telemetry.local.read.trace._critical import critical_path
from tests.local.made import Made, agent, chat, request, tool, trace_id

if TYPE_CHECKING:
    from otel_agent_telemetry.local import SpanShape, Store


def tree(*spans: tuple[str, int, float, float]) -> list[SpanShape]:
    """Spans of (id, depth, start, end) in milliseconds; an end before the start is none yet."""
    return [
        cast(
            "Any",
            {
                "span_id": name,
                "depth": depth,
                "offset_ms": start,
                "duration_ms": max(end - start, 0),
                "unfinished": end < start,
            },
        )
        for name, depth, start, end in spans
    ]


def path(*spans: tuple[str, int, float, float]) -> list[tuple[str, float, float]]:
    """(id, start, end) of each stretch."""
    return [
        (each["span_id"], each["offset_ms"], each["offset_ms"] + each["duration_ms"])
        for each in critical_path(tree(*spans))
    ]


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([], []),
        ([("a", 0, 0, 10)], [("a", 0, 10)]),
        ([("a", 0, 0, 10), ("b", 1, 2, 5)], [("a", 0, 2), ("b", 2, 5), ("a", 5, 10)]),
        # one after the other: both
        ([("a", 0, 0, 10), ("b", 1, 0, 4), ("c", 1, 4, 10)], [("b", 0, 4), ("c", 4, 10)]),
        # beside each other: the one that ended last
        (
            [("a", 0, 0, 10), ("b", 1, 1, 8), ("c", 1, 1, 5)],
            [("a", 0, 1), ("b", 1, 8), ("a", 8, 10)],
        ),
        # one that was over before the one that counts began
        (
            [("a", 0, 0, 10), ("b", 1, 0, 3), ("c", 1, 1, 5), ("d", 1, 4, 9)],
            [("b", 0, 3), ("a", 3, 4), ("d", 4, 9), ("a", 9, 10)],
        ),
        # a child that outlives its parent, inside of a root that ends later, counts up to its parent's end
        (
            [("a", 0, 0, 20), ("b", 1, 0, 10), ("c", 2, 5, 15)],
            [("b", 0, 5), ("c", 5, 10), ("a", 10, 20)],
        ),
        # a child that began after its parent's end does not count
        ([("a", 0, 0, 20), ("b", 1, 0, 5), ("c", 2, 8, 15)], [("b", 0, 5), ("a", 5, 20)]),
        # but where the trace ends with it; nothing ran while it waited to be taken up
        ([("a", 0, 0, 5), ("b", 1, 1, 4), ("c", 2, 8, 15)], [("a", 0, 1), ("b", 1, 4), ("c", 8, 15)]),
        # several roots
        ([("a", 0, 0, 5), ("b", 0, 3, 9), ("c", 0, 11, 12)], [("b", 3, 9), ("c", 11, 12)]),
        # what has not ended lasts as long as the trace
        ([("a", 0, 0, -1), ("b", 1, 2, 6)], [("a", 0, 2), ("b", 2, 6)]),
        ([("a", 0, 0, 9), ("b", 1, 2, 1)], [("a", 0, 2), ("b", 2, 9)]),
        # a child that began before its parent, by another clock
        ([("a", 0, 4, 10), ("b", 1, 0, 6)], [("b", 4, 6), ("a", 6, 10)]),
        # what takes no time takes none of the path
        ([("a", 0, 0, 10), ("b", 1, 5, 5), ("c", 1, 5, 5)], [("a", 0, 5), ("a", 5, 10)]),
    ],
)
def test_the_path_by_hand(spans: list[tuple[str, int, float, float]], expected: list[tuple[str, float, float]]) -> None:
    """Which span the end of the trace waited for, at each time."""
    assert path(*spans) == expected


@st.composite
def trees(draw: st.DrawFn) -> list[tuple[str, int, float, float]]:
    """Spans of whole milliseconds in some order that a tree may have."""
    spans: list[tuple[str, int, float, float]] = []
    depth = -1
    for number in range(draw(st.integers(1, 12))):
        depth = draw(st.integers(0, depth + 1))
        start = draw(st.integers(0, 30))
        spans.append((str(number), depth, float(start), float(start + draw(st.integers(1, 20)))))
    return spans


@given(trees())
def test_the_path_ends_with_the_trace_and_never_doubles(spans: list[tuple[str, int, float, float]]) -> None:
    """Stretches follow each other, each within its span, and the last one ends when the trace does."""
    found = path(*spans)
    own = {name: (start, end) for name, _, start, end in spans}
    assert all(own[name][0] <= start < end <= own[name][1] for name, start, end in found)
    assert all(earlier[2] <= later[1] for earlier, later in pairwise(found))
    assert not found or found[-1][2] == max(end for _, _, _, end in spans)


@given(trees())
def test_the_path_of_a_root_that_ends_last_has_no_hole(spans: list[tuple[str, int, float, float]]) -> None:
    """Below a root around everything, each moment of it has exactly one span."""
    below = [("root", 0, 0.0, 60.0), *((name, depth + 1, start, end) for name, depth, start, end in spans)]
    found = path(*below)
    assert [found[0][1], *(end for _, _, end in found)] == [0.0, *(start for _, start, _ in found[1:]), 60.0]


@given(trees())
def test_a_span_on_the_path_waits_for_no_child_of_its_own(spans: list[tuple[str, int, float, float]]) -> None:
    """While a span itself is what is waited for, none of its children ended."""
    parents: dict[str, list[tuple[float, float]]] = {}
    line: list[str] = []
    for name, depth, start, end in spans:
        del line[depth:]
        if line:
            parents.setdefault(line[-1], []).append((start, end))
        line.append(name)
    ends = {name: end for name, _, _, end in spans}
    for name, start, end in path(*spans):
        inside = [e for s, e in parents.get(name, []) if start < e < end and s < e and s < ends[name]]
        assert inside == []


def test_a_stored_trace_has_its_path(store: Store) -> None:
    """The run, its model call, the tool that came after it: in the tree, with their ids."""
    store.add_spans(
        request(
            Made(name="run", id=1, attributes=agent()),
            Made(name="chat", id=2, parent=1, start=5, end=60, attributes=chat()),
            Made(name="search", id=3, parent=1, start=60, end=90, attributes=tool()),
        )
    )
    with closing(store.reader()) as connection:
        found = trace_tree(connection, find_trace(connection, trace_id())[0])
    names = {span["span_id"]: span["name"] for span in found["spans"]}
    assert [(names[each["span_id"]], each["offset_ms"], each["duration_ms"]) for each in found["critical_path"]] == [
        ("run", 0.0, 5.0),
        ("chat", 5.0, 55.0),
        ("search", 60.0, 30.0),
        ("run", 90.0, 10.0),
    ]
