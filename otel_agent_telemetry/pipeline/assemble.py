"""The composition root: providers, processors, the event stream and what it needs, from settings and consent."""

from __future__ import annotations

import atexit
import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opentelemetry import metrics, trace
from opentelemetry.sdk.resources import Resource

from otel_agent_telemetry._deadline import Within, left
from otel_agent_telemetry._sqlite import is_busy
from otel_agent_telemetry.contract._kinds import Version
from otel_agent_telemetry.identity import INSTALLATION_ID_KEY, FileStore, resolve
from otel_agent_telemetry.lifecycle._spans import Spans
from otel_agent_telemetry.pipeline._children import at_child_exit, not_at_child_exit
from otel_agent_telemetry.pipeline._ids import SystemIds
from otel_agent_telemetry.pipeline._providers import MeterProvider, Providers, TracerProvider
from otel_agent_telemetry.pipeline.around import ContextProcessor
from otel_agent_telemetry.pipeline.exporter import ProxyMetricExporter
from otel_agent_telemetry.pipeline.metering import OperatorMeter, Unrecorded
from otel_agent_telemetry.pipeline.operator import metric_readers, span_processors
from otel_agent_telemetry.pipeline.processor import EventProcessor
from otel_agent_telemetry.pipeline.product import Names, running_names
from otel_agent_telemetry.pipeline.sampling import RecordAll
from otel_agent_telemetry.pipeline.sending._sender import Sender
from otel_agent_telemetry.pipeline.sending.ledger import Ledger, count_drops, ledger_file
from otel_agent_telemetry.pipeline.sending.uploader import Uploader
from otel_agent_telemetry.pipeline.stream import EventStream
from otel_agent_telemetry.pipeline.tokens import TokenCounters
from otel_agent_telemetry.pipeline.writing.anonymise import Anonymiser
from otel_agent_telemetry.pipeline.writing.dialect import Envelope, envelope
from otel_agent_telemetry.pipeline.writing.registries import Registries
from otel_agent_telemetry.settings import Settings, operator_exports

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_agent_telemetry.consent import Consent
    from otel_agent_telemetry.identity import Identity, Store
    from otel_agent_telemetry.lifecycle import Lifecycle
    from otel_agent_telemetry.lifecycle._spans import Tell

__all__ = ["Pipeline", "assemble", "ledger_file", "stream_of"]

_logger = logging.getLogger("otel_agent_telemetry")

_SETTING_DOWN_SECONDS = 0.25  # kept of a shutdown's time, for what no ledger took
_OPENING_SECONDS = 0.05  # for others who have the ledger: whoever forks meanwhile waits for us, see importing
_METERING_SECONDS = 0.2


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
    process = _Process(lifecycle, settings, consent, store, names.product, names.version)
    try:
        lifecycle.use(_spans(pipeline, process, names.service, events=events, before=before))
    except Exception:  # an isolated sub-interpreter, say, lets the SDK start no thread; an exit handler would hang it
        pipeline.stop_events()
        raise
    at_child_exit(pipeline.leave)
    return pipeline


def _spans(pipeline: Pipeline, process: _Process, service: str, *, events: bool, before: Pipeline | None) -> Spans:
    isolated = pipeline.lifecycle.isolated
    resource = Resource.get_empty() if isolated else pipeline.providers.resource(service, process.version)
    exports = not isolated and operator_exports()
    meter = None if isolated else _meter(pipeline, resource, exports=exports)
    pipeline.unrecorded = None if meter is None else Unrecorded(meter, partial=events)
    if events:
        pipeline.stream = _stream(process, meter, pipeline.unrecorded)
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
                existing.sampler = RecordAll(existing.sampler)  # pyright: ignore[reportOptionalMemberAccess, reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownArgumentType]
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


def _meter(pipeline: Pipeline, resource: Resource, *, exports: bool) -> OperatorMeter | None:
    """The operator's instruments, where there is somebody who reads them."""
    from opentelemetry.sdk import metrics as sdk

    if not isinstance(metrics.get_meter_provider(), sdk.MeterProvider):
        readers = metric_readers() if exports else []
        if not readers:
            return None
        provider = MeterProvider([reader for reader, _ in readers], resource=resource, shutdown_on_exit=False)
        exporters = [exporter for _, exporter in readers if exporter is not None]
        pipeline.providers.add(provider, exporters, at_exit=True)
        metrics.set_meter_provider(provider)
    return OperatorMeter()


def stream_of(lifecycle: Lifecycle, settings: Settings, consent: Consent) -> EventStream:
    """A stream without a pipeline around it, for the exporters that the environment alone chose."""
    names = _names(settings)
    stream = _stream(_Process(lifecycle, settings, consent, None, names.product, names.version))
    at_child_exit(stream.leave_program)
    return stream


@dataclass(frozen=True, slots=True)
class _Process:
    """What this process is, and was told."""

    lifecycle: Lifecycle
    settings: Settings
    consent: Consent
    store: Store | None
    product: str
    version: str | None


def _stream(process: _Process, meter: OperatorMeter | None = None, unrecorded: Unrecorded | None = None) -> EventStream:
    settings = process.settings
    stream = EventStream(
        allowed=process.consent.allowed,
        recordable=process.consent.recordable,
        open_outlet=lambda: _outlet(process),
        new_counters=lambda: TokenCounters(ProxyMetricExporter),
        count_lost=lambda counts: _count_lost(process, counts),
        dialect=settings.dialect,
        debug=settings.debug,
        synchronous=settings.synchronous,
        meter=meter,
        unrecorded=unrecorded,
    )
    atexit.register(stream.leave_program)
    if settings.endpoint is not None and os.path.exists(ledger_file(settings.state_dir, process.product)):
        stream.resume()
    return stream


class _Outlet:
    """Ledger, uploader and anonymiser of one identity."""

    def __init__(self, process: _Process, identity: Identity) -> None:
        settings, product = process.settings, process.product
        self._process = process
        self._identity = identity
        self._around: Envelope | None = None
        registries = Registries(
            models=settings.public_models,
            tools=settings.public_tools,
            agents=settings.public_agents,
            commands=settings.public_commands,
        )
        preset = None if settings.preset is None else settings.preset.name
        self.anonymiser = Anonymiser(identity.reference_key, registries, precision=settings.precision, preset=preset)
        self.ledger, self.durable = _ledger(settings.state_dir, product, debug=settings.debug)
        self.ledger.remember(
            endpoint=settings.endpoint,
            dialect=settings.dialect,
            rule=process.consent.decide().rule,
            opt_out_env=process.consent.opt_out_env,
        )
        self._id_file = None if identity.ephemeral else _id_file(process)
        self._id_mark = _mark(self._id_file)
        self.sender: Sender | None = None
        if settings.endpoint is not None and not settings.debug:
            uploader = Uploader(
                self.ledger,
                settings.endpoint,
                user_agent=f"{product}/{Version().check(process.version) or 'unknown'}",
                api_key=settings.api_key,
                batch=settings.batch,
                allowed=process.consent.allowed,
            )
            self.sender = Sender(uploader, self.ledger)

    def envelope(self) -> Envelope:
        """What surrounds each event; made anew once the process turned out to be something else."""
        process, settings = self._process, self._process.settings
        source = _source(settings, process.lifecycle)
        if self._around is None or self._around.source != source:
            self._around = envelope(
                settings, self._identity, product=process.product, version=process.version, source=source
            )
        return self._around

    def is_current(self) -> bool:
        """Whether nobody deleted what identity and ledger are stored in."""
        return not self.ledger.was_replaced and _mark(self._id_file) == self._id_mark

    def close(self) -> None:
        """Send nothing more, and let go of the ledger."""
        if self.sender is not None:
            self.sender.leave()
        self.ledger.close()


def _id_file(process: _Process) -> str | None:
    """The file that holds the identity, where it is in one."""
    store = FileStore(process.settings.state_dir, process.product) if process.store is None else process.store
    return os.path.join(store.folder, INSTALLATION_ID_KEY) if isinstance(store, FileStore) else None


def _mark(path: str | None) -> tuple[int, int]:
    """Tells one file of that name from the next; its number alone may be used again."""
    try:
        found = None if path is None else os.stat(path)
    except OSError:
        found = None
    return (0, 0) if found is None else (found.st_ino, found.st_mtime_ns)


def _source(settings: Settings, lifecycle: Lifecycle) -> str:
    """What a setting says, else what the process turned out to be; a preset's product knows only its own sources."""
    turned_out = settings.source or lifecycle.source or ("library" if lifecycle.isolated else "cli")
    if settings.preset is not None and turned_out not in settings.preset.sources:
        return settings.preset.sources[0]
    return turned_out


def _outlet(process: _Process) -> _Outlet | None:
    store = process.store
    identity = resolve(FileStore(process.settings.state_dir, process.product) if store is None else store)
    return None if identity is None else _Outlet(process, identity)


def _count_lost(process: _Process, counts: Mapping[str, int]) -> None:
    """Also where no identity was to be had, and so no outlet; raises LedgerError."""
    if not process.settings.debug:
        count_drops(ledger_file(process.settings.state_dir, process.product), counts)


def _ledger(state_dir: str, product: str, *, debug: bool) -> tuple[Ledger, bool]:
    from otel_agent_telemetry.errors import LedgerError

    if debug:
        return Ledger(None), True
    path = ledger_file(state_dir, product)
    try:
        with Within(_OPENING_SECONDS):
            return Ledger(path), True
    except LedgerError as error:
        if is_busy(error.__cause__):
            return Ledger(path, opens=False), True  # it is there, and another one has it for now
        _logger.warning("events cannot outlive this process: %s", error)
        return Ledger(None), False
