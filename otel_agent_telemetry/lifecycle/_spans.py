"""Lifecycle calls as spans, on the OpenTelemetry API only."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.trace import SpanKind

from otel_agent_telemetry import _losses
from otel_agent_telemetry import semconv as names
from otel_agent_telemetry._log import logger as _logger
from otel_agent_telemetry.lifecycle import _carrier, _ended, _feedback, _whole
from otel_agent_telemetry.lifecycle._around import Around
from otel_agent_telemetry.lifecycle._attributes import attributes, value_of
from otel_agent_telemetry.lifecycle._live import LiveSpan
from otel_agent_telemetry.lifecycle._meter import UsageMeter
from otel_agent_telemetry.lifecycle._templates import TEMPLATES, named

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from opentelemetry.context import Context
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider
    from opentelemetry.util.types import AttributeValue

    from otel_agent_telemetry.lifecycle._handle import Handle

    Tell: TypeAlias = Callable[[Context, Mapping[str, AttributeValue], int], bool]
    """Takes an event, given the context around it, its attributes and its time; False where it has to be a span."""

__all__ = ["Spans"]

_SCOPE = "otel_agent_telemetry"
_SESSION = otel_context.create_key("agent-session")
_TASK = otel_context.create_key("agent-task")
_CONVERSATION = otel_context.create_key("agent-conversation")
_INHERITED = ("TRACEPARENT", "TRACESTATE", "BAGGAGE")
_EMPTY = otel_context.Context()
_baggage = W3CBaggagePropagator()
(_SPAN,) = trace.set_span_in_context(trace.INVALID_SPAN, _EMPTY)
"""The key under which a context holds its span: with it one copy of a context holds that and what is ours."""

# Kind of handle -> context key under which code inside finds it.
_FOUND_UNDER = {names.LIFECYCLE_SESSION: _SESSION, names.LIFECYCLE_TASK: _TASK}


class Spans:
    """Makes spans with the given providers, or with the global ones whenever they are set.

    With ``isolated`` there is a context of its own: no parent from the host's traces, and nothing of ours in them.
    ``tell`` takes events that nobody would see as spans.
    """

    def __init__(
        self,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        *,
        isolated: bool = False,
        tell: Tell | None = None,
    ) -> None:
        self._tell = tell
        self.tracer = trace.get_tracer(_SCOPE, tracer_provider=tracer_provider)
        self.usage = UsageMeter(meter_provider)
        self._own: ContextVar[Context] | None = ContextVar("agent_telemetry_context") if isolated else None
        self._inherited = otel_context.Context()
        if not isolated:
            inherited = {name.lower(): os.environ[name] for name in _INHERITED if os.environ.get(name)}
            self._inherited = _carrier.context_of(inherited, self._inherited)

    def begin(
        self,
        handle: Handle,
        arguments: Mapping[str, object],
        parent: Handle | None,
        *,
        make_current: bool,
        at: int | None = None,
    ) -> LiveSpan | None:
        """Start the span of a handle; None, counted, where that fails: telemetry never raises into the host."""
        try:
            here = self._here()
            base = self._with_inherited(here) if self._inherited else here
            live_parent = None if parent is None else parent.live()
            if live_parent is not None:
                base = live_parent.context
            carrier = arguments.get("carrier")
            if carrier is not None and isinstance(carrier, Mapping):
                base = _carrier.context_of(carrier, base)  # pyright: ignore[reportUnknownArgumentType] - text is checked there
            kind = handle.kind
            template = TEMPLATES[kind](arguments)
            started_with = template.attributes
            conversation = started_with.get(names.GEN_AI_CONVERSATION_ID) or base.get(_CONVERSATION)
            if isinstance(conversation, str):
                started_with[names.GEN_AI_CONVERSATION_ID] = conversation
            whole = _whole.WHOLE.set(started_with)
            try:
                span = self.tracer.start_span(template.name, base, template.kind, started_with, start_time=at)
            finally:
                _whole.WHOLE.reset(whole)
            found_under = _FOUND_UNDER.get(kind)
            inside = {found_under: handle, _CONVERSATION: conversation} if found_under is not None else {}
            context = otel_context.Context({**base, _SPAN: span, **inside})
            live = LiveSpan(self, span, context, kind, template, at=at)
            if make_current:
                live.previous = here
                self._make_current(context)
        except Exception:
            _losses.count("instrumentation_error")
            _logger.debug("a %s span could not be started", handle.kind, exc_info=True)
            return None
        return live

    def create_task(self, arguments: Mapping[str, object]) -> dict[str, str]:
        """Record ``task.created`` and give the carrier for who runs the task."""
        has_parent = arguments["has_parent"]
        if has_parent is None:
            has_parent = self.current_task() is not None
        properties = {
            "taskId": arguments["task_id"],
            "source": arguments["source"],
            "provider": arguments["provider"],
            "hasParent": has_parent,
            "priority": arguments["priority"],
            "tags": arguments["tags"],
        }
        name = named("create_task", arguments["name"])
        context = self.event("task.created", properties, name=name, kind=SpanKind.PRODUCER)
        carried = {
            "task_id": arguments["task_id"],
            "task_name": arguments["name"],
            "task_source": arguments["source"],
            "task_created_at": str(time.time_ns() // 1_000_000),
            "session_id": otel_context.get_value(_CONVERSATION, self.current()),
        }
        return {
            **{key: value for key, value in attributes(carried.items()).items() if isinstance(value, str)},
            **_carrier.fields(context),
        }

    def event(
        self,
        event: str,
        properties: Mapping[str, object],
        *,
        name: str = "",
        kind: SpanKind = SpanKind.INTERNAL,
        carrier: Mapping[str, object] | None = None,
    ) -> Context:
        """A span without duration that stands for an event; with a ``name``, the context in which it is current.

        It belongs to the trace of the task whose carrier is given, else to that of the code around.
        """
        base = self.current()
        try:
            base = base if carrier is None else _carrier.context_of(carrier, base)
            prefix = names.AGENT_EVENT_PROPERTY
            event = str(value_of(event))
            given = attributes((f"{prefix}{value_of(key)}", value) for key, value in properties.items())
            given[names.AGENT_LIFECYCLE] = names.LIFECYCLE_EVENT
            given[names.AGENT_EVENT_NAME] = event
            conversation = otel_context.get_value(_CONVERSATION, base)
            if isinstance(conversation, str):
                given[names.GEN_AI_CONVERSATION_ID] = conversation
            now = time.time_ns()
            if not name and self._tell is not None and self._tell(base, given, now):
                return base
            span = self.tracer.start_span(name or event, base, kind, given, start_time=now)
            _whole.end(span, given, now)
            return trace.set_span_in_context(span, base)
        except Exception:
            _losses.count("instrumentation_error")
            _logger.debug("an event span could not be made", exc_info=True)
            return base

    def feedback(self, given: Mapping[str, object], on: object) -> None:
        """Say what was thought of the span of a handle or carrier, else of the current one."""
        try:
            _feedback.give(self.tracer, self.current(), given, on)
        except Exception:
            _losses.count("instrumentation_error")
            _logger.debug("feedback could not be recorded", exc_info=True)

    def around(self, given: Mapping[str, object]) -> Around:
        """What is said of every span that begins in a block of code."""
        return Around(self, given)

    def current(self) -> Context:
        """The context that code runs in; where no span is current, the span that TRACEPARENT named at start."""
        here = self._here()
        return self._with_inherited(here) if self._inherited else here

    def _here(self) -> Context:
        return _ended.still_open(otel_context.get_current() if self._own is None else self._own.get(_EMPTY))

    def _with_inherited(self, context: Context) -> Context:
        if trace.get_current_span(context).get_span_context().is_valid:
            return context
        return otel_context.Context({**context, **self._inherited})

    def enter(self, context: Context) -> Context:
        """Make it current; what was current before."""
        previous = otel_context.get_current() if self._own is None else self._own.get(_EMPTY)
        self._make_current(context)
        return previous

    def _make_current(self, context: Context) -> None:
        if self._own is None:
            otel_context.attach(context)
        else:
            self._own.set(context)

    def leave(self, context: Context, previous: Context) -> None:
        """Go back to ``previous`` if ``context`` is current; else note that it ended, for wherever it still is current.

        A token would not do: callbacks may end in another order, task or thread than they began in, and detaching
        there logs an error into the host's log.
        """
        previous = _ended.still_open(previous)
        if (otel_context.get_current() if self._own is None else self._own.get(_EMPTY)) is context:
            self._make_current(previous)
        else:
            _ended.note(context, previous)

    def current_session(self) -> Handle | None:
        """The handle of the session around this code."""
        return otel_context.get_value(_SESSION, self.current())  # pyright: ignore[reportReturnType] - only handles are stored under this key

    def current_task(self) -> Handle | None:
        """The handle of the task around this code."""
        return otel_context.get_value(_TASK, self.current())  # pyright: ignore[reportReturnType] - only handles are stored under this key

    def carrier(self) -> dict[str, str]:
        """Trace context, baggage and the id of the session that are current, for :meth:`context_of` elsewhere."""
        context = self.current()
        conversation = context.get(_CONVERSATION)
        carried = {"session_id": conversation} if isinstance(conversation, str) else {}
        _baggage.inject(carried, context)
        return {**carried, **_carrier.fields(context)}

    def context_of(self, carrier: Mapping[str, object]) -> Context:
        """What a carrier of :meth:`carrier` names, and nothing else."""
        texts = {key: value for key in ("baggage", "session_id") if (value := _carrier.text(carrier, key)) is not None}
        context = _baggage.extract(texts, _carrier.context_of(carrier, _EMPTY))
        return otel_context.set_value(_CONVERSATION, texts.get("session_id"), context)

    def trace_variables(self) -> dict[str, str]:
        """``TRACEPARENT`` and ``TRACESTATE`` of the current span, for a program in any language.

        Of the flags only the sampled one: OpenTelemetry's Rust SDK, and so Codex, refuses those that came later (W3C
        Trace Context, level 2).
        """
        found = {key.upper(): value for key, value in _carrier.fields(self.current()).items()}
        if (parent := found.get("TRACEPARENT")) is not None:
            found["TRACEPARENT"] = f"{parent[:-2]}{int(parent[-2:], 16) & 1:02x}"
        return found
