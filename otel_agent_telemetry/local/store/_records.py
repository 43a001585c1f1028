"""Log records and metrics of one request as rows: pure, and with the spans that those of coding agents stand for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from otel_agent_telemetry.local.store._batch import clamped, origin
from otel_agent_telemetry.meaning.harnesses import made_of_log, made_of_metric

if TYPE_CHECKING:
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
    from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

    from otel_agent_telemetry.local.store._batch import Origin
    from otel_agent_telemetry.meaning.harnesses import Made

__all__ = ["SignalRow", "log_rows", "metric_rows"]


class SignalRow(NamedTuple):
    """Where a record comes from, its columns, and the spans that it stands for, where a coding agent wrote it."""

    origin: Origin
    values: tuple[Any, ...]
    made: tuple[Made, ...]


def log_rows(request: ExportLogsServiceRequest) -> list[SignalRow]:
    """A row for each log record; one that stands for a span is found with the span's trace."""
    now = time.time_ns()
    rows: list[SignalRow] = []
    for of_resource in request.resource_logs:
        for of_scope in of_resource.scope_logs:
            source = origin(of_resource.resource, of_resource.schema_url, of_scope.scope, of_scope.schema_url)
            for record in of_scope.log_records:
                moment = clamped(record.time_unix_nano or record.observed_time_unix_nano)
                made = source.harness and made_of_log(of_resource.resource, source.harness, record)
                trace_id = made.home if made else record.trace_id or None
                values = (now, trace_id, moment, record.SerializeToString())
                rows.append(SignalRow(source, values, (made,) if made else ()))
    return rows


def metric_rows(request: ExportMetricsServiceRequest) -> list[SignalRow]:
    """A row for each metric, with all its points."""
    now = time.time_ns()
    rows: list[SignalRow] = []
    for of_resource in request.resource_metrics:
        for of_scope in of_resource.scope_metrics:
            source = origin(of_resource.resource, of_resource.schema_url, of_scope.scope, of_scope.schema_url)
            for metric in of_scope.metrics:
                made = source.harness and tuple(made_of_metric(of_resource.resource, source.harness, metric))
                values = (now, metric.name, _latest(metric), metric.SerializeToString())
                rows.append(SignalRow(source, values, made or ()))
    return rows


def _latest(metric: Metric) -> int:
    which = metric.WhichOneof("data")
    points = getattr(metric, which).data_points if which else ()
    return clamped(max((point.time_unix_nano for point in points), default=0))
