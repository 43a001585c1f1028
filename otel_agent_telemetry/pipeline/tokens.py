"""Token usage as OpenTelemetry metrics, given once per interval to the exporter that makes ``token.usage`` of them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from otel_agent_telemetry import semconv as names

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.metrics.export import MetricExporter

    from otel_agent_telemetry.meaning._records import Fact, Usage

__all__ = ["About", "Standing", "TokenCounters"]

About: TypeAlias = "tuple[str | None, str | None, str | None, str | None]"
"""Model, provider, session and agent, by their own names."""

_LEAST = 1e-9
_SCOPE = InstrumentationScope("otel_agent_telemetry.tokens")


class Standing(NamedTuple):
    """What was counted of one model, session and agent: the event that it is so far, and the keys it has."""

    about: About
    fact: Fact
    before: tuple[str, ...]


class TokenCounters:
    """Counts model calls by model, provider, session and agent, apart from the operator's meters and the host's.

    ``new_exporter`` makes the exporter that gives the events for what it is handed.
    """

    def __init__(self, new_exporter: Callable[[Callable[[list[Fact]], None]], MetricExporter]) -> None:
        self._told: list[Fact] = []
        self._exporter = new_exporter(self._told.extend)
        self._began_ns = time.time_ns()
        self._counts: dict[About, _Count] = {}

    def add(self, usage: Usage, noted_as: str | None = None) -> None:
        """Count one model call, which may be in the ledger by itself."""
        about = (usage.model, usage.provider, usage.session_id, usage.agent_name)
        count = self._counts.setdefault(about, _Count())
        numbers = {name: _number(usage, field) for field, name in names.USAGE_COUNTERS.items()}
        count.add({name: number for name, number in numbers.items() if number is not None}, noted_as)

    def standing(self, *, changed: bool) -> list[Standing]:
        """What was counted in this interval; with ``changed`` only what has grown since it was written."""
        found = [(about, count) for about, count in self._counts.items() if count.has_changed or not changed]
        return [
            Standing(about, fact, (*count.written,)) for about, count in found for fact in self._facts(about, count)
        ]

    def written(self, about: About, key: str) -> None:
        """It is in the ledger as it stands."""
        self._counts[about].write(key)

    def taken(self, about: About, keys: set[str]) -> None:
        """What was written under these keys has become an event by itself: only the rest still counts."""
        self._counts[about].subtract(keys)

    def start_over(self) -> None:
        """The interval is over and told."""
        self._counts.clear()
        self._began_ns = time.time_ns()

    def _facts(self, about: About, count: _Count) -> list[Fact]:
        attributes = {key: value for key, value in zip(_ABOUT, about, strict=True) if value is not None}
        now = time.time_ns()
        points = {
            name: [NumberDataPoint(attributes, self._began_ns, now, number)] for name, number in count.sums.items()
        }
        self._told.clear()
        self._exporter.export(_metrics(points))  # pyright: ignore[reportUnknownMemberType] - upstream leaves its keywords untyped
        return list(self._told)


class _Count:
    """Sums, and what of them is in the ledger under which keys."""

    __slots__ = ("has_changed", "sums", "written")

    def __init__(self) -> None:
        self.sums: dict[str, int | float] = {}
        self.written: dict[str, dict[str, int | float]] = {}
        self.has_changed = False

    def add(self, numbers: dict[str, int | float], noted_as: str | None) -> None:
        for name, number in numbers.items():
            self.sums[name] = self.sums.get(name, 0) + number
        if noted_as is not None:
            self.written[noted_as] = numbers
        self.has_changed = True

    def write(self, key: str) -> None:
        self.written, self.has_changed = {key: dict(self.sums)}, False

    def subtract(self, keys: set[str]) -> None:
        for key in keys & self.written.keys():
            for name, number in self.written.pop(key).items():
                rest = self.sums[name] - number
                self.sums[name] = rest if abs(rest) > _LEAST else 0  # amounts of money leave crumbs
        self.has_changed = any(self.sums.values())


_ABOUT = (
    names.GEN_AI_RESPONSE_MODEL,
    names.GEN_AI_PROVIDER_NAME,
    names.GEN_AI_CONVERSATION_ID,
    names.GEN_AI_AGENT_NAME,
)


def _metrics(points: dict[str, list[NumberDataPoint]]) -> MetricsData:
    metrics = [
        Metric(name, None, None, Sum(found, AggregationTemporality.DELTA, is_monotonic=True))
        for name, found in points.items()
    ]
    scope = ScopeMetrics(_SCOPE, metrics, "")
    return MetricsData([ResourceMetrics(Resource.get_empty(), [scope], "")])


def _number(usage: Usage, field: str) -> int | float | None:
    if field == "modelCalls":
        return 0 if usage.is_error else usage.calls
    if field == "modelErrors":
        return usage.calls if usage.is_error else 0
    if field.startswith("guess"):
        guessed = {"guessUsd": usage.guess.usd, "guessCalls": usage.guess.calls, "guessUnpriced": usage.guess.unpriced}
        return guessed[field] or None
    return {
        "inputTokens": usage.input_tokens,
        "outputTokens": usage.output_tokens,
        "cacheReadTokens": usage.cache_read_tokens,
        "cacheWriteTokens": usage.cache_write_tokens,
        "reasoningOutputTokens": usage.reasoning_tokens,
        "costUsd": usage.cost_usd,
    }[field]
