"""The three signals of OTLP, as their requests nest them: resources, in them scopes, in them records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span

if TYPE_CHECKING:
    from google.protobuf.message import Message

__all__ = ["LOGS", "METRICS", "SIGNALS", "TRACES", "Signal", "camel"]


@dataclass(frozen=True, slots=True)
class Signal:
    """A signal: its request, the names of the fields on the way to a record, and what a record is called.

    ``libraries`` is what ``scopes`` was called before OTLP 0.15; ``captured`` is its key in a captured case.
    """

    request: type[Message]
    record: type[Message]
    resources: str
    scopes: str
    records: str
    libraries: str
    captured: str
    said: str


TRACES = Signal(
    ExportTraceServiceRequest,
    Span,
    "resource_spans",
    "scope_spans",
    "spans",
    "instrumentation_library_spans",
    "traces",
    "span",
)
LOGS = Signal(
    ExportLogsServiceRequest,
    LogRecord,
    "resource_logs",
    "scope_logs",
    "log_records",
    "instrumentation_library_logs",
    "logs",
    "log record",
)
METRICS = Signal(
    ExportMetricsServiceRequest,
    Metric,
    "resource_metrics",
    "scope_metrics",
    "metrics",
    "instrumentation_library_metrics",
    "metrics",
    "metric",
)
SIGNALS = (TRACES, LOGS, METRICS)


def camel(name: str) -> str:
    """The JSON name of a field: ``resourceSpans`` for ``resource_spans``."""
    first, *others = name.split("_")
    return first + "".join(map(str.title, others))
