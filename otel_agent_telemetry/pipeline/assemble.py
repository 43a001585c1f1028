"""The composition root: providers, processors, the event stream and what it needs, from settings and consent."""

from __future__ import annotations

import atexit
import os
import sys
from typing import TYPE_CHECKING, Any

from opentelemetry import metrics, trace
from opentelemetry.sdk.resources import Resource

from otel_agent_telemetry._deadline import Within, left
from otel_agent_telemetry._folder import ledger_file
from otel_agent_telemetry._log import logger as _logger
from otel_agent_telemetry.lifecycle._spans import Spans
from otel_agent_telemetry.pipeline._children import at_child_exit, not_at_child_exit
from otel_agent_telemetry.pipeline._ids import SystemIds
from otel_agent_telemetry.pipeline.operator._providers import Providers, TracerProvider
from otel_agent_telemetry.pipeline.operator.around import ContextProcessor
from otel_agent_telemetry.pipeline.operator.exporters import metric_readers, span_processors
from otel_agent_telemetry.pipeline.operator.sampling import RecordAll
from otel_agent_telemetry.pipeline.operator.unrecorded import Unrecorded
from otel_agent_telemetry.pipeline.processor import EventProcessor
from otel_agent_telemetry.pipeline.product import Names, Process, running_names
from otel_agent_telemetry.pipeline.stream import EventStream
from otel_agent_telemetry.settings import operator_exports

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_agent_telemetry.consent import Consent
    from otel_agent_telemetry.identity import Store
    from otel_agent_telemetry.lifecycle import Lifecycle
    from otel_agent_telemetry.lifecycle._spans import Tell
    from otel_agent_telemetry.meaning import Meaning
    from otel_agent_telemetry.meaning._ancestry import Tree
    from otel_agent_telemetry.pipeline.outlet import Outlet
    from otel_agent_telemetry.pipeline.tokens import TokenCounters
    from otel_agent_telemetry.settings import Settings

__all__ = ["Pipeline", "assemble", "stream_of"]


_SETTING_DOWN_SECONDS = 0.25  # kept of a shutdown's time, for what no ledger took
_METERING_SECONDS = 1.0


class Pipeline:
    """What configure() built and shutdown() takes down."""

    def __init__(self, lifecycle: Lifecycle, settings: Settings, providers: Providers | None) -> None:
        self.lifecycle = lifecycle
        self.settings = settings
        self.stream: EventStream | None = None
        self.unrecorded: Unrecorded | None = None
        self.tell: Tell | None = None
        self.providers = providers or Providers(settings.exit_timeout)
        self.providers.exit_seconds = settings.exit_timeout
        self.providers.meter_all = self._meter_all
        self.providers.spent = lambda: 0.0 if self.stream is None else self.stream.leaving_seconds

    def flush(self, timeout_seconds: float, *, send: bool = True) -> bool:
        """Events into the ledger and, with ``send``, to the endpoint; our providers' spans to their exporters."""
        if timeout_seconds <= 0:
            return self.stream is None or self.stream.flush(0)
        with Within(timeout_seconds):
            exported = self.providers.ask_to_flush()
            done = self.stream is None or self.stream.flush(left(timeout_seconds) if send else 0)
            return exported() and done

    def _meter_all(self) -> None:
        """What happened so far, into the operator's instruments."""
        if self.unrecorded is None:
            return
        with Within(_METERING_SECONDS):
            if self.stream is not None:
                self.stream.drain()
            self.unrecorded.flush(_METERING_SECONDS)

    def leave(self) -> None:
        """Do what exit handlers do elsewhere, in a child process that runs none."""
        if self.stream is not None:
            self.stream.leave_program()
        self.providers.leave_program()

    def close(self, timeout_seconds: float) -> None:
        """Flush, then stop what we started; all of it in that time."""
        with Within(timeout_seconds):
            with Within(timeout_seconds - min(_SETTING_DOWN_SECONDS, timeout_seconds / 2)):
                exported = self.providers.ask_to_flush()
                if self.stream is not None:
                    self.stream.flush(left(timeout_seconds))
                exported()
            self.stop_events()
            self.providers.shut_down()

    def stop_events(self) -> None:
        """Stop the events alone: a program has one provider for all its life, whoever configures it again.

        What a program that had not said what it is has to tell, the one that says it takes over.
        """
        not_at_child_exit(self.leave)
        if self.unrecorded is not None:
            self.unrecorded.close()
        if self.stream is not None:
            self.stream.close(keeps=self.settings.product is None)
            atexit.unregister(self.stream.leave_program)


def assemble(
    lifecycle: Lifecycle,
    settings: Settings,
    consent: Consent,
    store: Store | None,
    *,
    events: bool,
    before: Pipeline | None = None,
) -> Pipeline:
    """Build the pipeline: with ``events`` the event stream, and the operator's exporters where he configured any.

    ``before`` is the earlier pipeline of this program; the providers that it built are this one's.
    """
    pipeline = Pipeline(lifecycle, settings, None if before is None else before.providers)
    names = _names(settings)
    process = Process(lifecycle, settings, consent, store, names.product, names.version)
    try:
        lifecycle.use(_spans(pipeline, process, names.service, events=events, before=before))
    except Exception:  # an isolated sub-interpreter, say, lets the SDK start no thread; an exit handler would hang it
        pipeline.stop_events()
        raise
    at_child_exit(pipeline.leave)
    return pipeline


def _spans(pipeline: Pipeline, process: Process, service: str, *, events: bool, before: Pipeline | None) -> Spans:
    isolated = pipeline.lifecycle.isolated
    resource = Resource.get_empty() if isolated else pipeline.providers.resource(service, process.version)
    exports = not isolated and operator_exports()
    if not isolated and _is_metered(pipeline, resource, exports=exports):
        pipeline.unrecorded = Unrecorded(_metered, partial=events)
    if events:
        pipeline.stream = _stream(process, pipeline.unrecorded)
        if before is not None and before.stream is not None:
            pipeline.stream.take_over(before.stream)
    tracer_provider = _tracer_provider(pipeline, resource, exports=exports)
    return Spans(tracer_provider, isolated=isolated, tell=pipeline.tell)


def _names(settings: Settings) -> Names:
    if settings.product is not None:
        return Names(settings.product, settings.product, settings.version)
    names = running_names()
    return names._replace(version=settings.version or names.version)


def _tracer_provider(pipeline: Pipeline, resource: Resource, *, exports: bool) -> Any:
    isolated = pipeline.lifecycle.isolated
    spans_to = pipeline.stream or pipeline.unrecorded
    existing = None if isolated else trace.get_tracer_provider()
    if hasattr(existing, "add_span_processor"):
        if existing not in pipeline.providers:
            existing.add_span_processor(ContextProcessor())  # pyright: ignore[reportOptionalMemberAccess, reportAttributeAccessIssue, reportUnknownMemberType] - asked for just above
        if spans_to is not None:
            if existing in pipeline.providers and not isinstance(existing.sampler, RecordAll):  # pyright: ignore[reportOptionalMemberAccess, reportAttributeAccessIssue, reportUnknownMemberType] - we built it
                existing.sampler = RecordAll(existing.sampler)  # pyright: ignore[reportOptionalMemberAccess, reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownArgumentType] - the interface of providers has no sampler
            _listen(pipeline, existing, spans_to)
        return None
    if not (isolated or isinstance(existing, trace.ProxyTracerProvider)):
        text = "this program's %s takes no span processors: spans go there, and no events are made of them"
        _logger.warning(text, type(existing).__qualname__)
        return None
    provider = TracerProvider(resource=resource, shutdown_on_exit=False, id_generator=SystemIds())
    if spans_to is not None:
        provider.sampler = RecordAll(provider.sampler)
        _listen(pipeline, provider, spans_to)
    operators = span_processors(details=pipeline.settings.exception_details) if exports else []
    for processor, _ in operators:
        provider.add_span_processor(processor)
    pipeline.providers.add(provider, [exporter for _, exporter in operators], at_exit=not isolated)
    if isolated:
        return provider
    trace.set_tracer_provider(provider)
    return None


def _listen(pipeline: Pipeline, provider: Any, spans_to: EventStream | Unrecorded) -> None:
    processor = EventProcessor(spans_to)
    provider.add_span_processor(processor)
    if isinstance(provider, TracerProvider):  # one that we built
        pipeline.tell = processor.tell_for(provider)


def _is_metered(pipeline: Pipeline, resource: Resource, *, exports: bool) -> bool:
    """Whether somebody reads the operator's instruments."""
    sdk = sys.modules.get("opentelemetry.sdk.metrics")  # where nobody imported it, nobody has a provider of it
    if sdk is None or not isinstance(metrics.get_meter_provider(), sdk.MeterProvider):
        readers = metric_readers() if exports else []
        if not readers:
            return False
        from otel_agent_telemetry.pipeline.operator._meter_provider import MeterProvider

        provider = MeterProvider([reader for reader, _ in readers], resource=resource, shutdown_on_exit=False)
        exporters = [exporter for _, exporter in readers if exporter is not None]
        pipeline.providers.add(provider, exporters, at_exit=True)
        metrics.set_meter_provider(provider)
    return True


def stream_of(lifecycle: Lifecycle, settings: Settings, consent: Consent) -> EventStream:
    """A stream without a pipeline around it, for the exporters that the environment alone chose."""
    names = _names(settings)
    stream = _stream(Process(lifecycle, settings, consent, None, names.product, names.version))
    at_child_exit(stream.leave_program)
    return stream


def _stream(process: Process, unrecorded: Unrecorded | None = None) -> EventStream:
    settings = process.settings
    stream = EventStream(
        allowed=process.consent.allowed,
        recordable=process.consent.recordable,
        open_outlet=lambda: _outlet(process),
        new_counters=_counters,
        count_lost=lambda counts: _count_lost(process, counts),
        debug=settings.debug,
        synchronous=settings.synchronous,
        new_meaning=None if unrecorded is None else _metered,
        unrecorded=unrecorded,
    )
    atexit.register(stream.leave_program)
    if settings.endpoint is not None and os.path.exists(ledger_file(settings.state_dir, process.product)):
        stream.resume()
    return stream


# What the first event brings along; until then a program starts without it. ------------------------------------------


def _metered(tree: Tree) -> Meaning:
    """What reads spans for the operator's instruments too."""
    from otel_agent_telemetry.meaning import Meaning
    from otel_agent_telemetry.pipeline.operator.metering import OperatorMeter

    if getattr(metrics.get_meter_provider(), "is_down", False):  # the program is at its end
        return Meaning(tree=tree)
    return Meaning(tree=tree, observe=OperatorMeter().observe)


def _outlet(process: Process) -> Outlet | None:
    from otel_agent_telemetry.pipeline.outlet import open_outlet

    return open_outlet(process)


def _count_lost(process: Process, counts: Mapping[str, int]) -> None:
    from otel_agent_telemetry.pipeline.outlet import count_lost

    count_lost(process, counts)


def _counters() -> TokenCounters:
    from otel_agent_telemetry.pipeline.exporter import ProxyMetricExporter
    from otel_agent_telemetry.pipeline.tokens import TokenCounters

    return TokenCounters(ProxyMetricExporter)
