"""Log records and metrics made by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from tests.local.made import MS, START, any_value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

__all__ = ["log", "logs", "metrics", "pairs"]

SECOND = 1000 * MS


def pairs(attributes: Mapping[str, object]) -> list[KeyValue]:
    """Attributes as OTLP carries them."""
    return [KeyValue(key=key, value=any_value(value)) for key, value in attributes.items()]


def log(
    body: str, *, at: int = 0, severity: int = 9, trace: int = 0, span: int = 0, event: str = "", **attributes: object
) -> LogRecord:
    """A record ``at`` seconds after START."""
    return LogRecord(
        time_unix_nano=START + at * SECOND,
        severity_number=severity,  # pyright: ignore[reportArgumentType] - protobuf takes numbers
        body=AnyValue(string_value=body) if body else None,
        trace_id=trace.to_bytes(16, "big") if trace else b"",
        span_id=span.to_bytes(8, "big") if span else b"",
        event_name=event,
        attributes=pairs(attributes),
    )


def logs(*records: LogRecord, service: str = "shop") -> ExportLogsServiceRequest:
    """A request with the records, all of one service."""
    made = ExportLogsServiceRequest()
    of_resource = made.resource_logs.add()
    of_resource.resource.attributes.extend(pairs({"service.name": service}))
    of_resource.scope_logs.add().log_records.extend(records)
    return made


def metrics(*made_metrics: Metric, service: str = "shop") -> ExportMetricsServiceRequest:
    """A request with the metrics, all of one service."""
    made: Any = ExportMetricsServiceRequest()
    of_resource = made.resource_metrics.add()
    of_resource.resource.attributes.extend(pairs({"service.name": service}))
    of_resource.scope_metrics.add().metrics.extend(made_metrics)
    return made
