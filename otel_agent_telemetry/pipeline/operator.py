"""The operator's own exporters, as the standard OpenTelemetry variables name them."""

from __future__ import annotations

import os
import threading
import weakref
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from otel_agent_telemetry.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from opentelemetry.sdk.metrics.export import MetricReader
    from opentelemetry.sdk.trace import SpanProcessor

__all__ = ["metric_readers", "span_processors"]

_SCHEDULE_DELAY_MILLIS = 500.0


def span_processors(environ: Mapping[str, str] = os.environ) -> list[SpanProcessor]:
    """A batch processor for each exporter in OTEL_TRACES_EXPORTER; ``otlp`` where only an OTLP endpoint is given."""
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor

    processors: list[SpanProcessor] = []
    for name, exporter in _exporters("traces", environ):
        # A console that shows a trace five seconds later, or not at all when the program is killed, helps nobody.
        if name == "console":
            processors.append(SimpleSpanProcessor(exporter()))
        else:
            processors.append(BatchSpanProcessor(exporter(), schedule_delay_millis=_delay_millis(environ)))
    return processors


def _delay_millis(environ: Mapping[str, str]) -> float | None:
    """The operator's own delay is the SDK's to read; else short, as a signal may end the program at any time."""
    return None if environ.get("OTEL_BSP_SCHEDULE_DELAY", "").strip() else _SCHEDULE_DELAY_MILLIS


def metric_readers(environ: Mapping[str, str] = os.environ) -> list[MetricReader]:
    """A periodic reader for each exporter in OTEL_METRICS_EXPORTER; ``otlp`` where only an OTLP endpoint is given."""
    from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader

    readers: list[MetricReader] = []
    for _, exporter in _exporters("metrics", environ):
        made = exporter()
        readers.append(made if isinstance(made, MetricReader) else PeriodicExportingMetricReader(made))
    return readers


def _exporters(signal: str, environ: Mapping[str, str]) -> Iterator[tuple[str, Callable[[], Any]]]:
    variable = f"OTEL_{signal.upper()}_EXPORTER"
    names = [name.strip() for name in environ.get(variable, "").split(",") if name.strip()]
    if not names and _has_endpoint(signal, environ):
        names = ["otlp"]
    for name in names:
        if name not in {"none", "agent_events"}:  # our own events have a processor, which sees more than an exporter
            kind = _load(signal, _otlp_name(signal, environ) if name == "otlp" else name, variable)
            yield name, lambda kind=kind: _made(kind)


def _made(kind: Callable[[], Any]) -> Any:
    from opentelemetry.sdk.metrics.export import MetricReader

    exporter = kind()
    return exporter if isinstance(exporter, MetricReader) else _OfThisProcess(kind, exporter)


class _OfThisProcess:
    """An exporter that is made anew in a forked process.

    The parent's holds open connections. Where both processes wrote to one of them, their requests would mix.
    """

    def __init__(self, kind: Callable[[], Any], exporter: Any) -> None:
        self._kind = kind
        self._exporter = exporter
        self._inherited: list[Any] = []
        self._making = threading.Lock()
        _exporters_here.add(self)

    def __getattr__(self, name: str) -> Any:
        with self._making:
            if self._exporter is None:
                self._exporter = self._kind()
        return getattr(self._exporter, name)

    def after_fork(self) -> None:
        """Leave the parent's alone, its finalizer too: a thread of the parent may have held a lock in it."""
        self._inherited.append(self._exporter)
        self._exporter = None
        self._making = threading.Lock()


_exporters_here: weakref.WeakSet[_OfThisProcess] = weakref.WeakSet()


def _begin_again_in_child() -> None:
    for exporter in list(_exporters_here):
        exporter.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_again_in_child)


def _has_endpoint(signal: str, environ: Mapping[str, str]) -> bool:
    of_signal = environ.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT", "").strip()
    return bool(of_signal or environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", "").strip())


def _otlp_name(signal: str, environ: Mapping[str, str]) -> str:
    protocol = environ.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_PROTOCOL") or environ.get(
        "OTEL_EXPORTER_OTLP_PROTOCOL"
    )
    return "otlp_proto_grpc" if protocol == "grpc" else "otlp_proto_http"


def _load(signal: str, name: str, variable: str) -> Callable[[], Any]:
    group = f"opentelemetry_{signal}_exporter"
    for found in entry_points(group=group, name=name):
        return found.load()
    installed = ", ".join(sorted(entry.name for entry in entry_points(group=group)))
    hint = (
        "pip install opentelemetry-exporter-otlp-proto-grpc" if name == "otlp_proto_grpc" else f"installed: {installed}"
    )
    msg = f"{variable} or OTEL_EXPORTER_OTLP_PROTOCOL asks for the exporter {name!r}, which is not installed; {hint}"
    raise SettingError(msg)
