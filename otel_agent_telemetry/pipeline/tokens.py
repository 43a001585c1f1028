"""Token usage as OpenTelemetry counters, read once per interval by the exporter that makes ``token.usage`` of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk.metrics import Counter, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, MetricReader
from opentelemetry.sdk.resources import Resource

from otel_agent_telemetry import semconv as names

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricExporter, MetricsData

    from otel_agent_telemetry.pipeline._records import Usage

__all__ = ["DELTA", "TokenCounters"]

DELTA = {Counter: AggregationTemporality.DELTA}
_MOST_SERIES = 1000  # the SDK keeps every series it has seen; sessions come and go, so the provider is renewed


class TokenCounters:
    """Counts model calls on a meter of its own, apart from the operator's and from the host's."""

    def __init__(self, exporter: MetricExporter) -> None:
        self._exporter = exporter
        self._series: set[tuple[object, ...]] = set()
        self._open()

    def _open(self) -> None:
        self._reader = _Reader(self._exporter)
        self._provider = MeterProvider([self._reader], resource=Resource.get_empty(), shutdown_on_exit=False)
        meter = self._provider.get_meter("otel_agent_telemetry.tokens")
        self._counters = {name: meter.create_counter(name) for name in names.USAGE_COUNTERS.values()}
        self._series.clear()

    def add(self, usage: Usage) -> None:
        """Count one model call."""
        about = {
            names.GEN_AI_RESPONSE_MODEL: usage.model,
            names.GEN_AI_PROVIDER_NAME: usage.provider,
            names.GEN_AI_CONVERSATION_ID: usage.session_id,
            names.GEN_AI_AGENT_NAME: usage.agent_name,
        }
        self._series.add(tuple(about.values()))
        attributes = {key: value for key, value in about.items() if value is not None}
        for field, name in names.USAGE_COUNTERS.items():
            number = _number(usage, field)
            if number is not None:
                self._counters[name].add(number, attributes)

    def collect(self) -> None:
        """Give what was counted since the last time to the exporter."""
        if not self._series:
            return
        self._reader.collect()
        if len(self._series) >= _MOST_SERIES:
            self._provider.shutdown()
            self._open()
        else:
            self._series.clear()


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


class _Reader(MetricReader):
    """Exports when asked to: the pipeline's own thread keeps the interval, so no second thread is needed."""

    def __init__(self, exporter: MetricExporter) -> None:
        super().__init__(preferred_temporality=DELTA)
        self._exporter = exporter

    def _receive_metrics(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **_: object) -> None:
        self._exporter.export(metrics_data, timeout_millis)  # pyright: ignore[reportUnknownMemberType] - upstream leaves its keywords untyped

    def shutdown(self, timeout_millis: float = 30_000, **_: object) -> None:
        """Nothing is left to do: what was counted is exported by collect()."""
