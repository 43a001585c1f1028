"""Distributions of histograms, exponential histograms and summaries, as figures over buckets."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Any

__all__ = ["Distribution", "of_point"]


@dataclass(slots=True)
class Distribution:
    """``counts`` by (lower, upper) edge, infinite where a bucket is open, the number of values and their sum.

    ``quantiles`` are those that a summary names itself.
    """

    count: int = 0
    sum: float | None = None
    counts: dict[tuple[float, float], int] = field(default_factory=dict[tuple[float, float], int])
    min: float | None = None
    max: float | None = None
    quantiles: dict[float, float] = field(default_factory=dict[float, float])

    def __add__(self, other: Distribution) -> Distribution:
        """Both together."""
        whole = Distribution()
        whole.add(self)
        whole.add(other)
        return whole

    def add(self, other: Distribution) -> None:
        """Take in what another one holds."""
        for edges, count in other.counts.items():
            self.counts[edges] = self.counts.get(edges, 0) + count
        self.count += other.count
        self.sum = other.sum if self.sum is None else self.sum + (other.sum or 0)
        self.min, self.max = _of(min, self.min, other.min), _of(max, self.max, other.max)
        self.quantiles = other.quantiles or self.quantiles

    def since(self, earlier: Distribution) -> Distribution | None:
        """What came after ``earlier``, of cumulative figures; None where they were begun anew."""
        if self.count < earlier.count:
            return None
        edges = self.counts.keys() | earlier.counts.keys()
        counts = {each: self.counts.get(each, 0) - earlier.counts.get(each, 0) for each in edges}
        if any(count < 0 for count in counts.values()):
            return None
        total = None if self.sum is None else self.sum - (earlier.sum or 0)
        return Distribution(self.count - earlier.count, total, counts, quantiles=self.quantiles)

    def quantile(self, share: float) -> float | None:
        """A quantile, as a summary says it, else with each bucket's values evenly apart; None where nothing tells.

        Buckets may overlap, as those of streams with unlike bounds do.
        """
        if self.quantiles:
            return self.quantiles.get(share)
        masses, rates = self._spread()
        wanted, passed, rate, at = share * (sum(masses.values()) + sum(rates.values())), 0.0, 0.0, -math.inf
        densities = _densities(rates)
        for edge in sorted({*masses, *densities}):
            if rate and passed + rate * (edge - at) >= wanted:
                return at + (wanted - passed) / rate
            passed += (rate * (edge - at) if rate else 0) + masses.get(edge, 0)
            if passed >= wanted and passed:
                return edge
            rate, at = max(rate + densities.get(edge, 0), 0), edge
        return at if passed else None

    def _spread(self) -> tuple[dict[float, int], dict[tuple[float, float], int]]:
        """Counts at points, and counts between two finite edges."""
        masses: dict[float, int] = {}
        between: dict[tuple[float, float], int] = {}
        for (lower, upper), count in self.counts.items():
            low = lower if self.min is None else min(max(lower, self.min), upper)
            high = upper if self.max is None else max(min(upper, self.max), low)
            finite = [edge for edge in (low, high) if not math.isinf(edge)]
            if count > 0 and len(finite) == 2 and low < high:  # noqa: PLR2004 - both edges
                between[low, high] = between.get((low, high), 0) + count
            elif count > 0 and finite:
                masses[finite[0]] = masses.get(finite[0], 0) + count
        return masses, between


def _densities(between: dict[tuple[float, float], int]) -> dict[float, float]:
    """By how much the number of values per unit changes at each edge."""
    found: dict[float, float] = {}
    for (lower, upper), count in between.items():
        density = count / (upper - lower)
        found[lower] = found.get(lower, 0) + density
        found[upper] = found.get(upper, 0) - density
    return found


def of_point(kind: str, point: Any, scale: int = 0) -> Distribution:
    """The distribution of an OTLP data point of a ``histogram``, ``exponential_histogram`` or ``summary``.

    Those of an exponential histogram can be added up where all are given the least ``scale`` among them.
    """
    if kind == "summary":
        quantiles = {each.quantile: each.value for each in point.quantile_values if math.isfinite(each.value)}
        return Distribution(point.count, point.sum, quantiles=quantiles)
    counts = _explicit(point) if kind == "histogram" else _exponential(point, scale)
    known = {name: getattr(point, name) if point.HasField(name) else None for name in ("sum", "min", "max")}
    return Distribution(point.count, known["sum"], counts, known["min"], known["max"])


def _explicit(point: Any) -> dict[tuple[float, float], int]:
    pairs = _between(tuple(point.explicit_bounds))
    return {edges: count for edges, count in zip(pairs, point.bucket_counts, strict=False) if count}


@lru_cache(maxsize=256)
def _between(bounds: tuple[float, ...]) -> list[tuple[float, float]]:
    return [*pairwise((-math.inf, *bounds, math.inf))]


def _exponential(point: Any, scale: int) -> dict[tuple[float, float], int]:
    counts = {(0.0, 0.0): point.zero_count} if point.zero_count else {}
    for sign, buckets in ((1, point.positive), (-1, point.negative)):
        for at, count in enumerate(buckets.bucket_counts):
            index = (buckets.offset + at) >> max(point.scale - scale, 0)
            ends = sign * _edge(index, scale), sign * _edge(index + 1, scale)
            edges = (min(ends), max(ends))
            counts[edges] = counts.get(edges, 0) + count
    return counts


def _edge(index: int, scale: int) -> float:
    """The lower edge of a bucket: 2 ** (index / 2 ** scale)."""
    try:
        return 2.0 ** math.ldexp(index, -scale)
    except OverflowError:
        return math.inf if index > 0 else 0.0


def _of(choose: Any, one: float | None, other: float | None) -> float | None:
    known = [each for each in (one, other) if each is not None]
    return choose(known) if known else None
