"""Data points of a metric, each as what happened since the one before it, whatever its temporality."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality

from otel_agent_telemetry.local.read._answers import json_text
from otel_agent_telemetry.local.read.signals._buckets import Distribution, of_point
from otel_agent_telemetry.otlp._values import attributes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

__all__ = ["DISTRIBUTIONS", "Point", "Reading", "read_points"]

DISTRIBUTIONS = frozenset({"histogram", "exponential_histogram", "summary"})
_NO_VALUE = 1  # DataPointFlags: the stream has ended
_LATEST_NS = 2**62 - 1
_TEMPORALITIES = {
    AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA: "delta",
    AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE: "cumulative",
}


class Reading:
    """A metric as it was sent once, from the origin with that row id.

    ``kind`` is as in an instrument's shape, ``temporality`` ``delta``, ``cumulative``, or None where the kind has none.
    """

    def __init__(self, origin: int, metric: Metric) -> None:
        self.origin = origin
        self.metric = metric
        self.data = metric.WhichOneof("data")
        data: Any = getattr(metric, self.data) if self.data else None
        self.points: Any = data.data_points if self.data else ()
        self.kind = _kind(metric, self.data)
        given: Any = getattr(data, "aggregation_temporality", 0)
        self.temporality = "cumulative" if self.data == "summary" else _TEMPORALITIES.get(given)


@dataclass(frozen=True, slots=True)
class Point:
    """What a stream of one origin and set of attributes says at a time.

    ``value`` is the increase of a counter since the point before, the level of a gauge or an up-down counter, or what a
    histogram or summary took in since then. ``stream`` tells streams with equal attributes apart.
    """

    stream: int
    attributes: tuple[tuple[str, object], ...]
    time_ns: int
    value: float | Distribution


def read_points(readings: Iterable[Reading], from_ns: int = 0) -> list[Point]:
    """The points of one metric's readings, which go forward.

    The first of a cumulative stream counts in full where the stream began at ``from_ns`` or later, else not at all.
    """
    readings = [*readings]
    scales = [
        point.scale for reading in readings if reading.data == "exponential_histogram" for point in reading.points
    ]
    scale = min(scales, default=0)
    streams: dict[tuple[int, bytes], _Stream] = {}
    found: list[Point] = []
    for reading in readings:
        for point in reading.points:
            if point.flags & _NO_VALUE:
                continue
            key = (reading.origin, b"".join([pair.SerializeToString() for pair in point.attributes]))
            stream = streams.get(key)
            if stream is None:
                stream = streams[key] = _Stream(len(streams), point)
            value = stream.taken(reading, point, scale, from_ns)
            if value is not None:
                found.append(Point(stream.number, stream.attributes, min(point.time_unix_nano, _LATEST_NS), value))
    return found


def _kind(metric: Metric, data: str | None) -> str:
    if data == "sum":
        return "counter" if metric.sum.is_monotonic else "up_down_counter"
    return data or "empty"


class _Stream:
    """What a stream said last."""

    def __init__(self, number: int, point: Any) -> None:
        self.number = number
        carried = attributes(point.attributes).items()
        self.attributes = tuple(sorted((key, _text(value)) for key, value in carried))
        self._start = 0
        self._level = 0.0
        self._last: float | Distribution | None = None

    def taken(self, reading: Reading, point: Any, scale: int, from_ns: int) -> float | Distribution | None:
        """The value of :class:`Point`; None where nothing can be said yet."""
        kind, is_cumulative = reading.kind, reading.temporality == "cumulative"
        has_begun = point.start_time_unix_nano != self._start
        self._start = point.start_time_unix_nano
        if kind in DISTRIBUTIONS:
            now: float | Distribution = of_point(kind, point, scale)
        else:
            now = _number(point)
            if not math.isfinite(now):
                return None
            if kind == "gauge":
                return now
            if kind == "up_down_counter":
                self._level = now if is_cumulative else self._level + now
                return self._level
        if not is_cumulative:
            return now
        before, self._last = self._last, now
        if before is None:
            return now if point.start_time_unix_nano >= from_ns else None
        return now if has_begun else _increase(now, before)


def _increase(now: float | Distribution, before: float | Distribution) -> float | Distribution:
    """What came since; where the figures were begun anew, all of them."""
    if isinstance(now, Distribution) and isinstance(before, Distribution):
        return now.since(before) or now
    if isinstance(now, Distribution) or isinstance(before, Distribution):
        return now
    return now - before if now >= before else now


def _number(point: Any) -> float:
    return float(getattr(point, point.WhichOneof("value") or "as_int"))


def _text(value: object) -> object:
    return value if isinstance(value, (str, int, float, bool)) else json_text(value)
