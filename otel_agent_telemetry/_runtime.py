"""What configure(), flush(), shutdown() and decision() do, for the program's telemetry and for a library's own."""

from __future__ import annotations

from otel_agent_telemetry.consent import Consent, Decision
from otel_agent_telemetry.lifecycle import DEFAULT, Lifecycle
from otel_agent_telemetry.pipeline import _program
from otel_agent_telemetry.pipeline.leftovers import delete_leftovers
from otel_agent_telemetry.settings import operator_exports, settings_of_program

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Mapping

    from otel_agent_telemetry.identity import Store
    from otel_agent_telemetry.identity._endpoint import App
    from otel_agent_telemetry.pipeline.assemble import Pipeline
    from otel_agent_telemetry.pipeline.stream import EventStream
    from otel_agent_telemetry.settings import Settings

__all__ = [
    "Telemetry",
    "active",
    "configure",
    "decision",
    "event_stream",
    "flush",
    "installation_endpoint",
    "set_aside",
    "shutdown",
]

_NOT_CONFIGURED = Decision(enabled=False, rule="not_configured", reason="configure() was not called")


class _Configured:
    """One lifecycle, what was decided for it, and the pipeline behind it."""

    __slots__ = ("consent", "decision", "lifecycle", "pipeline")

    def __init__(self, lifecycle: Lifecycle) -> None:
        self.lifecycle = lifecycle
        self.decision = _NOT_CONFIGURED
        self.consent: Consent | None = None
        self.pipeline: Pipeline | None = None

    def configure(self, settings: Settings, consent: Consent, store: Store | None, wrong: str) -> None:
        """Set up what may be set up; ``wrong`` says why no events are. Whatever fails here, the program goes on."""
        previous, self.pipeline = self.pipeline, None
        if previous is not None:
            previous.stop_events()
        self.consent = consent
        try:
            self.decision = _decision(settings, consent, wrong)
            self._build(settings, consent, store, previous)
        except Exception as error:  # noqa: BLE001 - what a host, its SDK and its metadata hold ready
            self.decision = Decision(enabled=False, rule="failed", reason=str(error))
            self.lifecycle.off = True
            _warn("this program runs without telemetry: %s: %s", type(error).__name__, error)

    def _build(self, settings: Settings, consent: Consent, store: Store | None, previous: Pipeline | None) -> None:
        events = self.decision.enabled
        exports = not self.lifecycle.isolated and operator_exports() and self.decision.rule != "OTEL_SDK_DISABLED"
        if not events:
            delete_leftovers(settings.state_dir, settings.product, self.decision.rule)
        if not events and not exports:
            self.lifecycle.off = True
            if previous is not None:
                previous.close(0)
            return
        from otel_agent_telemetry.pipeline.assemble import assemble

        self.pipeline = assemble(self.lifecycle, settings, consent, store, events=events, before=previous)
        self.lifecycle.off = False

    def current(self) -> Decision:
        if self.consent is None or not self.decision.enabled:
            return self.decision
        return self.consent.decide()

    def flush(self, timeout_seconds: float, *, send: bool) -> bool:
        return self.pipeline is None or self.pipeline.flush(timeout_seconds, send=send)

    def close(self, timeout_seconds: float) -> None:
        pipeline, self.pipeline = self.pipeline, None
        self.lifecycle.off = True
        if pipeline is not None:
            pipeline.close(timeout_seconds)


_default = _Configured(DEFAULT)


def configure(
    *,
    product: str | None = None,
    version: str | None = None,
    source: str | None = None,
    environment: str | None = None,
    endpoint: str | None = None,
    dialect: str | None = None,
    preset: str | None = None,
    state_dir: str | os.PathLike[str] | None = None,
    store: Store | None = None,
    enabled: bool | None = None,
    notice: bool | None = None,
    opt_out_env: str | None = None,
    public_tools: Iterable[str] | None = None,
    public_agents: Iterable[str] | None = None,
    public_models: Iterable[str] | None = None,
    public_commands: Iterable[str] | None = None,
    tags: Mapping[str, str] | str | None = None,
    api_key: str | None = None,
    batch: int = 1,
    precision: str | None = None,
    synchronous: bool | None = None,
    exit_timeout: float | None = None,
) -> None:
    """Set up the program's telemetry: anonymous events if consent is given, the operator's exporters if configured.

    Arguments win over ``AGENT_TELEMETRY_*`` variables; docs/reference/settings.md has them all. Called again, it takes
    the place of what it set up before. Raises SettingError for an argument that cannot be used, and nothing else: a
    variable that cannot be used switches events off, with one warning.
    """
    settings, wrong = settings_of_program(
        product=product,
        version=version,
        source=source,
        environment=environment,
        endpoint=endpoint,
        dialect=dialect,
        preset=preset,
        state_dir=state_dir,
        synchronous=synchronous,
        notice=notice,
        tags=tags,
        public_tools=public_tools,
        public_agents=public_agents,
        public_models=public_models,
        public_commands=public_commands,
        api_key=api_key,
        batch=batch,
        exit_timeout=exit_timeout,
        precision=precision,
    )
    consent = Consent(state_dir=settings.state_dir, opt_out_env=opt_out_env, enabled=enabled)
    _default.configure(settings, consent, store, wrong)


def flush(timeout_seconds: float = 5.0, *, send: bool = True) -> bool:
    """Wait until what happened so far is in the ledger, is sent, and is with the operator's collector.

    ``send=False`` waits for no event endpoint. True if all of it is done within the time.
    """
    return _default.flush(timeout_seconds, send=send)


def shutdown(timeout_seconds: float = 5.0) -> None:
    """Flush, and stop everything that configure() started; calls do nothing after that."""
    _default.close(timeout_seconds)


def decision() -> Decision:
    """Whether events are collected now, and which rule says so."""
    return _default.current()


def installation_endpoint(store: Store, *, secret: str | None = None, public: bool = False) -> App:
    """An ASGI application that gives this installation's identity to workers, who ask with ``HTTPStore(url, secret=)``.

    Without a ``secret`` it has to be ``public=True``: everybody then gets the id, and nobody the key of references.
    It makes no identity, and gives none where events are off. Raises SettingError.
    """
    from otel_agent_telemetry import identity

    return identity.installation_endpoint(
        store, secret=secret, public=public, allowed=lambda: _default.current().enabled
    )


def active() -> bool:
    """Whether calls do anything: events are collected, or the operator has an exporter of his own."""
    return not DEFAULT.off


def event_stream() -> EventStream | None:
    """The program's event stream, configured from the environment alone where configure() was not called."""
    if _default.consent is None:
        return _standalone()
    return None if _default.pipeline is None else _default.pipeline.stream


def set_aside() -> Callable[[], None]:
    """Begin as if configure() had not been called; what this gives puts back what was there. For tests of products."""
    global _default  # noqa: PLW0603 - the program's one telemetry
    kept, was_off, source = _default, DEFAULT.off, DEFAULT.source
    _default = _Configured(DEFAULT)

    def put_back() -> None:
        global _default
        if _default.pipeline is not None:
            _default.pipeline.stop_events()
        _default, DEFAULT.off, DEFAULT.source = kept, was_off, source

    return put_back


def _standalone() -> EventStream | None:
    if not _exporters_stream:
        settings, wrong = settings_of_program()
        consent = Consent(state_dir=settings.state_dir)
        if not _decision(settings, consent, wrong).enabled:
            if wrong:
                _exporters_stream.append(None)  # said once
            return None
        from otel_agent_telemetry.pipeline.assemble import stream_of

        _exporters_stream.append(stream_of(DEFAULT, settings, consent))
    return _exporters_stream[0]


_program.ask_for_stream(event_stream)
_exporters_stream: list[EventStream | None] = []  # the span exporter and the metric exporter share one


class Telemetry(Lifecycle):
    """Telemetry of a library inside somebody else's program: private providers, nothing global.

    Its spans have a context of their own, so that none has a parent in the host's traces and none of the host's has a
    parent here; they reach no exporter, only the event stream. Takes the keywords of :func:`configure`.
    """

    __slots__ = ("_configured",)

    def __init__(
        self,
        *,
        product: str,
        version: str | None = None,
        source: str | None = "library",
        environment: str | None = None,
        endpoint: str | None = None,
        dialect: str | None = None,
        preset: str | None = None,
        state_dir: str | os.PathLike[str] | None = None,
        store: Store | None = None,
        enabled: bool | None = None,
        notice: bool | None = None,
        opt_out_env: str | None = None,
        public_tools: Iterable[str] | None = None,
        public_agents: Iterable[str] | None = None,
        public_models: Iterable[str] | None = None,
        public_commands: Iterable[str] | None = None,
        tags: Mapping[str, str] | str | None = None,
        api_key: str | None = None,
        batch: int = 1,
        precision: str | None = None,
        synchronous: bool | None = None,
    ) -> None:
        super().__init__(isolated=True)
        settings, wrong = settings_of_program(
            product=product,
            version=version,
            source=source,
            environment=environment,
            endpoint=endpoint,
            dialect=dialect,
            preset=preset,
            state_dir=state_dir,
            synchronous=synchronous,
            notice=notice,
            tags=tags,
            public_tools=public_tools,
            public_agents=public_agents,
            public_models=public_models,
            public_commands=public_commands,
            api_key=api_key,
            batch=batch,
            precision=precision,
        )
        self._configured = _Configured(self)
        consent = Consent(state_dir=settings.state_dir, opt_out_env=opt_out_env, enabled=enabled)
        self._configured.configure(settings, consent, store, wrong)

    def flush(self, timeout_seconds: float = 5.0, *, send: bool = True) -> bool:
        """Wait until what happened so far is in the ledger and is sent."""
        return self._configured.flush(timeout_seconds, send=send)

    def shutdown(self, timeout_seconds: float = 5.0) -> None:
        """Flush and stop."""
        self._configured.close(timeout_seconds)

    def decision(self) -> Decision:
        """Whether events are collected now, and which rule says so."""
        return self._configured.current()


def _decision(settings: Settings, consent: Consent, wrong: str) -> Decision:
    """What the rules say; no where a variable is wrong, and in the run that gives the notice."""
    decision = consent.decide()
    if wrong:
        _warn("anonymous events are off: %s", wrong)
        return Decision(enabled=False, rule="wrong_setting", reason=wrong) if decision.enabled else decision
    if decision.enabled and settings.notice and settings.endpoint is not None and not settings.debug:
        return _notice(settings, settings.endpoint) or decision
    return decision  # nobody needs a notice of events that can go nowhere


def _warn(text: str, *values: object) -> None:
    from otel_agent_telemetry._log import logger  # only a program that is told something needs it

    logger.warning(text, *values)


def _notice(settings: Settings, endpoint: str) -> Decision | None:
    from otel_agent_telemetry.pipeline.notice import give_notice
    from otel_agent_telemetry.pipeline.product import running_product

    product = settings.product or running_product()
    return give_notice(product, endpoint, settings.state_dir)
