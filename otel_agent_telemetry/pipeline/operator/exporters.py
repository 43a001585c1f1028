"""The operator's own exporters, as the standard OpenTelemetry variables name them."""

from __future__ import annotations

import os
import threading
import weakref
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from otel_agent_telemetry._log import logger as _logger
from otel_agent_telemetry.errors import SettingError
from otel_agent_telemetry.pipeline._chance import leave_the_hosts_numbers_alone
from otel_agent_telemetry.pipeline.operator._without_details import without_details

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from opentelemetry.sdk.metrics.export import MetricReader
    from opentelemetry.sdk.trace import SpanProcessor

__all__ = ["OfThisProcess", "exporters", "metric_readers", "span_processors"]


_SCHEDULE_DELAY_MILLIS = 500.0


def span_processors(
    environ: Mapping[str, str] = os.environ, *, details: bool = True
) -> list[tuple[SpanProcessor, OfThisProcess]]:
    """A batch processor for each exporter in OTEL_TRACES_EXPORTER; ``otlp`` where only an OTLP endpoint is given.

    One that cannot be had, because it is not installed or refuses its settings, is left out with a warning. Without
    ``details`` they get no messages and no stack traces of exceptions.
    """
    made = [
        _processor(name, lambda load=load: OfThisProcess(load(), details=details), environ)
        for name, load in exporters("traces", environ)
    ]
    leave_the_hosts_numbers_alone()
    return [each for each in made if each is not None]


def metric_readers(environ: Mapping[str, str] = os.environ) -> list[tuple[MetricReader, OfThisProcess | None]]:
    """A periodic reader for each exporter in OTEL_METRICS_EXPORTER; ``otlp`` where only an OTLP endpoint is given.

    One that cannot be had is left out with a warning.
    """
    made = [_reader(name, load) for name, load in exporters("metrics", environ)]
    leave_the_hosts_numbers_alone()
    return [each for each in made if each is not None]


def _processor(
    name: str, make: Callable[[], Any], environ: Mapping[str, str]
) -> tuple[SpanProcessor, OfThisProcess] | None:
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor

    try:
        exporter = make()
        # A console that shows a trace five seconds later, or not at all when the program is killed, helps nobody.
        if name == "console":
            processor: SpanProcessor = SimpleSpanProcessor(exporter)
        else:
            processor = BatchSpanProcessor(exporter, schedule_delay_millis=_delay_millis(environ))
        exporter.feeds_from(processor)
    except Exception as error:  # noqa: BLE001 - an exporter may refuse its settings with anything
        return _left_out("traces", name, error)
    return processor, exporter


def _delay_millis(environ: Mapping[str, str]) -> float | None:
    """The operator's own delay is the SDK's to read; else short, as a signal may end the program at any time."""
    return None if environ.get("OTEL_BSP_SCHEDULE_DELAY", "").strip() else _SCHEDULE_DELAY_MILLIS


def _reader(name: str, load: Callable[[], Callable[..., Any]]) -> tuple[MetricReader, OfThisProcess | None] | None:
    from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader

    try:
        kind = load()
        made = kind()
        if isinstance(made, MetricReader):
            return made, None
        exporter = OfThisProcess(kind, made)
        return PeriodicExportingMetricReader(exporter), exporter  # pyright: ignore[reportArgumentType] - it is one in all it does
    except Exception as error:  # noqa: BLE001 - as above
        return _left_out("metrics", name, error)


def _left_out(signal: str, name: str, error: Exception) -> None:
    _logger.warning(
        "%s go without the exporter %r: %s. `agent-telemetry doctor` checks what is set.", signal, name, error
    )


def exporters(
    signal: str, environ: Mapping[str, str] = os.environ
) -> Iterator[tuple[str, Callable[[], Callable[..., Any]]]]:
    """The exporters of ``traces`` or ``metrics``: name, and what loads its class or raises SettingError."""
    variable = f"OTEL_{signal.upper()}_EXPORTER"
    names = [name.strip() for name in environ.get(variable, "").split(",") if name.strip()]
    if not names and _has_endpoint(signal, environ):
        names = ["otlp"]
    for name in names:
        if name not in {"none", "agent_events"}:  # our own events have a processor, which sees more than an exporter
            known_as = _otlp_name(signal, environ) if name == "otlp" else name
            yield name, lambda known_as=known_as: _load(signal, known_as, variable)


class OfThisProcess:
    """An exporter that is made anew in a forked process, and that knows what it could not deliver.

    The parent's holds open connections. Where both processes wrote to one of them, their requests would mix.
    """

    def __init__(self, kind: Callable[[], Any], made: Any = None, *, details: bool = True) -> None:
        self._details = details
        self._kind = kind
        self._exporter = kind() if made is None else made
        self._inherited: list[Any] = []
        self._processor: object = None
        self._making = threading.RLock()
        self.under_way = self.failed = 0  # spans; metrics count as one
        _exporters_here.add(self)

    def __getattr__(self, name: str) -> Any:
        with self._making:
            if self._exporter is None:
                self._exporter = self._kind()
        return getattr(self._exporter, name)

    def export(self, what: Any, *arguments: Any, **options: Any) -> Any:
        """As the exporter's own."""
        size = len(what) if hasattr(what, "__len__") else 1
        self.under_way += size
        result = None
        try:
            if not self._details:
                what = without_details(what)
            result = self.__getattr__("export")(what, *arguments, **options)
        finally:
            self.under_way -= size
            if getattr(result, "name", "") != "SUCCESS":
                self.failed += size
        return result

    def shutdown(self, *arguments: Any, **options: Any) -> None:
        """As the exporter's own, but never raises."""
        try:
            self.__getattr__("shutdown")(*arguments, **options)
        except Exception:
            _logger.debug("an exporter of the operator's could not be shut down", exc_info=True)

    def feeds_from(self, processor: object) -> None:
        """It is this processor whose spans it exports."""
        self._processor = processor

    def waiting(self) -> int:
        """How many spans wait in its processor's queue, as far as the SDK shows it."""
        batch = getattr(self._processor, "_batch_processor", self._processor)
        return len(getattr(batch, "_queue", None) or getattr(batch, "queue", None) or ())

    def after_fork(self) -> None:
        """Leave the parent's alone, its finalizer too: a thread of the parent may have held a lock in it."""
        self._inherited.append(self._exporter)
        self._exporter = None
        self._making = threading.RLock()
        self.under_way = self.failed = 0


_exporters_here: weakref.WeakSet[OfThisProcess] = weakref.WeakSet()


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
