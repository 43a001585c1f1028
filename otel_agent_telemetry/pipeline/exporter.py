"""The two exporters that turn OpenTelemetry data into anonymous events.

Either can stand behind a stock processor or reader, or be chosen by ``OTEL_TRACES_EXPORTER=otlp,agent_events`` and
``OTEL_METRICS_EXPORTER=otlp,agent_events`` (entry points ``opentelemetry_traces_exporter`` and
``opentelemetry_metrics_exporter``, name ``agent_events``).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from opentelemetry.sdk.metrics import Counter, Histogram
from opentelemetry.sdk.metrics.export import AggregationTemporality, MetricExporter, MetricExportResult
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from otel_agent_telemetry import _losses
from otel_agent_telemetry import semconv as names
from otel_agent_telemetry._log import logger as _logger
from otel_agent_telemetry.meaning._records import Fact, Guess
from otel_agent_telemetry.meaning._token_usage import cost_of
from otel_agent_telemetry.pipeline._program import stream_from_environment
from otel_agent_telemetry.pipeline._span_record import record_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from opentelemetry.sdk.metrics.export import MetricsData
    from opentelemetry.sdk.trace import ReadableSpan

    from otel_agent_telemetry.meaning._records import SpanRecord
    from otel_agent_telemetry.pipeline.stream import EventStream

__all__ = ["ProxyEventExporter", "ProxyMetricExporter"]

_COUNTED = {counter: field for field, counter in names.USAGE_COUNTERS.items()}
_MOST_SPANS = 10_000
_TOKEN_TYPES = {"input": "inputTokens", "output": "outputTokens"}


class ProxyEventExporter(SpanExporter):
    """Finished spans in, events out: mapped, anonymised, kept in the ledger, sent to the event proxy.

    Without a ``stream`` it uses the one that the environment configures (``AGENT_TELEMETRY_*``), if consent is given.
    Where an EventProcessor already sees the same spans live, there is nothing left for it to do.
    """

    def __init__(self, stream: EventStream | None = None) -> None:
        self._given = stream
        self._traces = _Traces()
        if (stream := self._stream) is not None:
            stream.await_spans(more=True)

    @property
    def _stream(self) -> EventStream | None:
        return stream_from_environment() if self._given is None else self._given  # configure() may come later

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Map the spans of each trace, once its root has ended, in their order; never fails the batch."""
        stream = self._stream
        if stream is None or stream.is_live:
            return SpanExportResult.SUCCESS
        try:
            for span in spans:
                parent = span.parent
                complete = self._traces.add(record_of(span), is_root=parent is None or parent.is_remote)
                if complete:
                    stream.replay(complete)
        except Exception:
            _losses.count("mapping_error", len(spans))
            _logger.debug("spans could not be mapped to events", exc_info=True)
        return SpanExportResult.SUCCESS

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Put what is queued into the ledger."""
        return (stream := self._stream) is None or stream.flush(0)

    def shutdown(self) -> None:
        """Put what is queued into the ledger; no span comes from here any more."""
        if (stream := self._stream) is not None:
            if not stream.is_live:
                stream.replay(self._traces.take(), are_last=True)
            stream.await_spans(more=False)
            stream.flush(0)


class ProxyMetricExporter(MetricExporter):
    """Token metrics in, ``token.usage`` events out.

    It reads our own counters; of other metrics only the token usage of the semantic conventions, and that only where
    no model call was seen as a span.
    """

    def __init__(self, emit: Callable[[list[Fact]], None] | None = None) -> None:
        super().__init__(preferred_temporality=dict.fromkeys((Counter, Histogram), AggregationTemporality.DELTA))
        self._emit = _emit_to_configured if emit is None else emit

    def export(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **_: object) -> MetricExportResult:
        """One event per model, provider, session and agent that was counted."""
        try:
            facts = list(_facts(metrics_data))
            if facts:
                self._emit(facts)
        except Exception:
            _losses.count("mapping_error")
            _logger.debug("metrics could not be mapped to events", exc_info=True)
        return MetricExportResult.SUCCESS

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Nothing is held back here."""
        return True

    def shutdown(self, timeout_millis: float = 30_000, **_: object) -> None:
        """Nothing is held back here."""


class _Traces:
    """Finished spans that wait for the root of their trace: a batch processor hands over children first.

    Only traces whose root in this process has not ended; of too many spans the oldest trace goes first.
    """

    def __init__(self) -> None:
        self._spans: dict[int, list[SpanRecord]] = {}
        self._count = 0

    def add(self, record: SpanRecord, *, is_root: bool) -> list[SpanRecord]:
        """Take in a span; the spans of a trace that need not wait any longer, if there is one."""
        self._spans.setdefault(record.trace_id, []).append(record)
        self._count += 1
        if is_root:
            return self._pop(record.trace_id)
        return self._pop(next(iter(self._spans))) if self._count > _MOST_SPANS else []

    def take(self) -> list[SpanRecord]:
        """Everything that waits."""
        return [record for trace_id in list(self._spans) for record in self._pop(trace_id)]

    def _pop(self, trace_id: int) -> list[SpanRecord]:
        spans = self._spans.pop(trace_id)
        self._count -= len(spans)
        return spans


def _emit_to_configured(facts: list[Fact]) -> None:
    stream = stream_from_environment()
    if stream is not None:
        stream.metered(facts)


def _facts(metrics_data: MetricsData) -> Iterator[Fact]:
    counted: dict[tuple[object, ...], dict[str, int | float]] = {}
    for field, about, number in _points(metrics_data):
        sums = counted.setdefault(tuple(about.get(key) for key in _ABOUT), {})
        sums[field] = sums.get(field, 0) + number
    now = time.time_ns()
    for key, sums in counted.items():
        properties: dict[str, object] = dict(zip(_ABOUT.values(), key, strict=True))
        guessed = Guess(sums.pop("guessUsd", 0.0), int(sums.pop("guessCalls", 0)), int(sums.pop("guessUnpriced", 0)))
        properties.update(cost_of(sums.pop("costUsd", None), guessed))
        properties.update(sums)
        if "inputTokens" in sums or "outputTokens" in sums:
            properties["totalTokens"] = sums.get("inputTokens", 0) + sums.get("outputTokens", 0)
        yield Fact("token.usage", {name: value for name, value in properties.items() if value is not None}, now)


_ABOUT = {
    names.GEN_AI_RESPONSE_MODEL: "model",
    names.GEN_AI_PROVIDER_NAME: "provider",
    names.GEN_AI_CONVERSATION_ID: "sessionId",
    names.GEN_AI_AGENT_NAME: "agentName",
}


def _points(metrics_data: MetricsData) -> Iterator[tuple[str, Mapping[str, object], int | float]]:
    found = [
        (metric.name, point)
        for resource in metrics_data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.data.data_points
    ]
    # The conventions replaced the histogram by counters: who records both says everything twice.
    has_counters = any(name in _COUNTED for name, _ in found)
    for name, point in found:
        about: Mapping[str, object] = point.attributes or {}
        field = _COUNTED.get(name)
        if name == names.METRIC_TOKEN_USAGE and not has_counters:
            field = _TOKEN_TYPES.get(str(about.get(names.GEN_AI_TOKEN_TYPE)))
        number = getattr(point, "value", getattr(point, "sum", None))
        if field is not None and isinstance(number, (int, float)):
            yield field, {**about, **_synonyms(about)}, number


def _synonyms(about: Mapping[str, object]) -> dict[str, object]:
    return {
        names.GEN_AI_RESPONSE_MODEL: about.get(names.GEN_AI_RESPONSE_MODEL) or about.get(names.GEN_AI_REQUEST_MODEL),
        names.GEN_AI_PROVIDER_NAME: about.get(names.GEN_AI_PROVIDER_NAME) or about.get("gen_ai.system"),
    }
