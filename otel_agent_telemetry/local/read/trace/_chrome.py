"""A trace in the Trace Event Format, which Perfetto and chrome://tracing open.

https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU: a process for each service, complete
events (``X``) that nest on each of its tracks, events of spans as instants, arrows from parents on other tracks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otel_agent_telemetry.local.read.trace._bare import bare_span
from otel_agent_telemetry.local.read.trace._tracks import Stretch, tracks
from otel_agent_telemetry.local.read.trace._tree import trace_tree
from otel_agent_telemetry.otlp._values import attributes

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from otel_agent_telemetry.local.read._shapes import SpanShape, TraceTree

__all__ = ["ChromeEvent", "chrome_events"]

ChromeEvent = dict[str, object]
"""An event of the format; ``ts`` and ``dur`` are microseconds, ``ts`` from the start of the trace."""

_BODIES = """
SELECT spans.span_id, spans.body, origins.harness FROM spans JOIN origins ON origins.id = spans.origin
WHERE spans.trace = ?
"""
_NS_IN_MS = 1e6
_NS_IN_US = 1e3


@dataclass(frozen=True, slots=True)
class _Slice:
    """A span with its place in the picture; times in nanoseconds from the start of the trace."""

    shape: SpanShape
    body: Span
    start: int
    end: int
    parent: int | None
    process: int
    thread: int

    def at(self, phase: str, time_ns: int, **more: object) -> ChromeEvent:
        """An event of this span's track."""
        return {"ph": phase, "pid": self.process, "tid": self.thread, "ts": time_ns / _NS_IN_US, **more}


def chrome_events(connection: sqlite3.Connection, trace: int, *, content: bool = False) -> Iterator[ChromeEvent]:
    """The events of the trace with that row id: names of services and tracks, then its spans as the page lists them."""
    tree = trace_tree(connection, trace)
    bodies: dict[str, Span] = {}
    for number, body, harness in connection.execute(_BODIES, (trace,)):
        span = Span.FromString(body)
        shown = span if content else bare_span(span, of_agent=harness is not None)
        bodies[number.to_bytes(8, "big", signed=True).hex()] = shown
    slices = _slices(tree, bodies)
    yield from _names(slices)
    for each in slices:
        yield each.at("X", each.start, dur=(each.end - each.start) / _NS_IN_US, **_about(each))
        yield from _instants(each)
    yield from _arrows(slices)


def _slices(tree: TraceTree, bodies: dict[str, Span]) -> list[_Slice]:
    spans = tree["spans"]
    times = [_times(span) for span in spans]
    latest = max((end for _, end in times), default=0)
    times = [(start, latest if span["unfinished"] else end) for span, (start, end) in zip(spans, times, strict=True)]
    parents = _parents(spans)
    services = list(dict.fromkeys(span["service"] for span in spans))
    threads = _threads(spans, times, parents)
    return [
        _Slice(
            span, bodies[span["span_id"]], start, end, parents[place], services.index(span["service"]), threads[place]
        )
        for place, (span, (start, end)) in enumerate(zip(spans, times, strict=True))
    ]


def _times(span: SpanShape) -> tuple[int, int]:
    start = round(span["offset_ms"] * _NS_IN_MS)
    return start, start + round(span["duration_ms"] * _NS_IN_MS)


def _parents(spans: list[SpanShape]) -> list[int | None]:
    path: list[int] = []
    parents: list[int | None] = []
    for place, span in enumerate(spans):
        del path[span["depth"] :]
        parents.append(path[-1] if path else None)
        path.append(place)
    return parents


def _threads(spans: list[SpanShape], times: list[tuple[int, int]], parents: list[int | None]) -> list[int]:
    """A number for each span's track, from 1; no two services have one together."""
    threads = [0] * len(spans)
    before = 1
    for service in dict.fromkeys(span["service"] for span in spans):
        own = [place for place, span in enumerate(spans) if span["service"] == service]
        inside = {place: index for index, place in enumerate(own)}
        numbers = tracks([Stretch(*times[place], _nearest(parents[place], parents, inside)) for place in own])
        for place, number in zip(own, numbers, strict=True):
            threads[place] = before + number
        before += max(numbers) + 1
    return threads


def _nearest(above: int | None, parents: list[int | None], inside: dict[int, int]) -> int | None:
    """The place of the nearest span above that is of the same service."""
    while above is not None and above not in inside:
        above = parents[above]
    return None if above is None else inside[above]


def _names(slices: list[_Slice]) -> Iterator[ChromeEvent]:
    for each in {each.process: each for each in slices}.values():
        named = {"name": each.shape["service"]}
        yield {"ph": "M", "pid": each.process, "tid": 0, "name": "process_name", "args": named}
    for (process, thread), _ in sorted({(each.process, each.thread): each for each in slices}.items()):
        yield {"ph": "M", "pid": process, "tid": thread, "name": "thread_name", "args": {"name": f"track {thread}"}}


def _about(each: _Slice) -> dict[str, object]:
    span, body = each.shape, each.body
    said: dict[str, object] = {
        "span_id": span["span_id"],
        "parent_span_id": span["parent_span_id"],
        "status": span["status"],
        "status_message": body.status.message or None,
        "counted": span["counted"],
        "unfinished": span["unfinished"] or None,
        "cost_usd": span["cost_usd"],
    }
    args = {**attributes(body.attributes), **{key: value for key, value in said.items() if value is not None}}
    return {"name": span["name"], "cat": span["kind"] or "span", "args": args}


def _instants(each: _Slice) -> Iterator[ChromeEvent]:
    for event in each.body.events:
        after = event.time_unix_nano - each.body.start_time_unix_nano
        yield each.at("i", each.start + after, s="t", name=event.name, cat="event", args=attributes(event.attributes))


def _arrows(slices: list[_Slice]) -> Iterator[ChromeEvent]:
    """From the parent to a child on another track; an arrow begins inside of a slice, or it is not drawn."""
    for number, child in enumerate(slices):
        parent = None if child.parent is None else slices[child.parent]
        if parent is None or parent.thread == child.thread or not parent.start <= child.start <= parent.end:
            continue
        about = {"id": number, "name": "child", "cat": "child"}
        yield parent.at("s", child.start, **about)
        yield child.at("f", child.start, bp="e", **about)
