"""A line of a chart: points of a metric put together step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from otel_agent_telemetry.local.read._moments import iso
from otel_agent_telemetry.local.read.signals._buckets import Distribution
from otel_agent_telemetry.local.read.signals._points import DISTRIBUTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_agent_telemetry.local.read.signals._points import Point

__all__ = ["Step", "line_of"]

_SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


class Step(TypedDict):
    """What happened in a step of time that ``start`` begins.

    ``value`` is a counter's increase, a gauge's mean, an up-down counter's level, or the mean of a distribution; the
    other figures are of those. Streams that make one line are added up, but gauges, of which the mean is taken.
    """

    start: str
    value: float | None
    count: int | None
    sum: float | None
    p50: float | None
    p95: float | None
    p99: float | None
    max: float | None


def line_of(points: Iterable[Point], kind: str, length: int) -> list[Step]:
    """The steps that hold something, forward; ``length`` in nanoseconds."""
    steps: dict[int, list[Point]] = {}
    for point in points:
        steps.setdefault(point.time_ns // length, []).append(point)
    levels: dict[int, float] = {}
    return [_step(iso(at * length), steps[at], kind, levels) for at in sorted(steps)]


def _step(start: str, points: list[Point], kind: str, levels: dict[int, float]) -> Step:
    if kind in DISTRIBUTIONS:
        return _distributed(start, [point.value for point in points if isinstance(point.value, Distribution)])
    values = [point.value for point in points if not isinstance(point.value, Distribution)]
    if kind == "counter":
        value = sum(values)
    elif kind == "up_down_counter":
        levels.update({point.stream: point.value for point in points if not isinstance(point.value, Distribution)})
        value = sum(levels.values())
    else:
        value = sum(values) / len(values) if values else None
    return Step(start=start, value=value, count=None, sum=None, p50=None, p95=None, p99=None, max=None)


def _distributed(start: str, values: list[Distribution]) -> Step:
    whole = Distribution()
    for value in values:
        whole.add(value)
    quantiles = {name: whole.quantile(share) if whole.count else None for name, share in _SHARES.items()}
    mean = whole.sum / whole.count if whole.sum is not None and whole.count else None
    return {
        "start": start,
        "value": mean,
        "count": whole.count,
        "sum": whole.sum,
        "p50": quantiles["p50"],
        "p95": quantiles["p95"],
        "p99": quantiles["p99"],
        "max": whole.max,
    }
