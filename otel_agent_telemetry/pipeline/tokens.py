"""Token usage as OpenTelemetry metrics, given once per interval to the exporter that makes ``token.usage`` of them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

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
    from opentelemetry.sdk.metrics.export import MetricExporter

    from otel_agent_telemetry.meaning._records import Usage

__all__ = ["TokenCounters"]

_SCOPE = InstrumentationScope("otel_agent_telemetry.tokens")


class TokenCounters:
    """Counts model calls by model, provider, session and agent, apart from the operator's meters and the host's."""

    def __init__(self, exporter: MetricExporter) -> None:
        self._exporter = exporter
        self._began_ns = time.time_ns()
        self._sums: dict[tuple[str | None, ...], dict[str, int | float]] = {}

    def add(self, usage: Usage) -> None:
        """Count one model call."""
        sums = self._sums.setdefault((usage.model, usage.provider, usage.session_id, usage.agent_name), {})
        for field, name in names.USAGE_COUNTERS.items():
            number = _number(usage, field)
            if number is not None:
                sums[name] = sums.get(name, 0) + number

    def collect(self) -> None:
        """Give what was counted since the last time to the exporter."""
        if not self._sums:
            return
        counted, self._sums = self._sums, {}
        began_ns, self._began_ns = self._began_ns, time.time_ns()
        points: dict[str, list[NumberDataPoint]] = {}
        for about, sums in counted.items():
            attributes = {key: value for key, value in zip(_ABOUT, about, strict=True) if value is not None}
            for name, number in sums.items():
                points.setdefault(name, []).append(NumberDataPoint(attributes, began_ns, self._began_ns, number))
        self._exporter.export(_metrics(points))  # pyright: ignore[reportUnknownMemberType] - upstream leaves its keywords untyped


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
    return {
        "inputTokens": usage.input_tokens,
        "outputTokens": usage.output_tokens,
        "cacheReadTokens": usage.cache_read_tokens,
        "cacheWriteTokens": usage.cache_write_tokens,
        "reasoningOutputTokens": usage.reasoning_tokens,
        "costUsd": usage.cost_usd,
    }[field]
