"""Lifecycle calls as spans, on the OpenTelemetry API only."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import SpanKind, Status, StatusCode

from otel_agent_telemetry import _carrier, _losses
from otel_agent_telemetry import semconv as names
from otel_agent_telemetry._shapes import SHAPES, named
from otel_agent_telemetry._values import attributes, value_of
from otel_agent_telemetry.usage import UsageMeter

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Span, TracerProvider
    from opentelemetry.util.types import AttributeValue

    from otel_agent_telemetry._handle import Handle
    from otel_agent_telemetry._shapes import Shape

__all__ = ["LiveSpan", "Spans"]

_SCOPE = "otel_agent_telemetry"
_SESSION = otel_context.create_key("agent-session")
_TASK = otel_context.create_key("agent-task")
_CONVERSATION = otel_context.create_key("agent-conversation")
_EMPTY = otel_context.Context()
_ENDED_INTO = "agent_telemetry_ended_into"
_logger = logging.getLogger("otel_agent_telemetry")

# Kind of handle -> context key under which code inside finds it.
_FOUND_UNDER = {names.LIFECYCLE_SESSION: _SESSION, names.LIFECYCLE_TASK: _TASK}

_SET = {
    "model": names.GEN_AI_REQUEST_MODEL,
    "provider": names.GEN_AI_PROVIDER_NAME,
    "harness_provider": names.AGENT_SESSION_HARNESS,
    "harness_variant": names.AGENT_HARNESS_VARIANT,
    "harness_version": names.AGENT_HARNESS_VERSION,
    "exit_code": names.AGENT_EXIT_CODE,
    "steps_completed": names.AGENT_WORKFLOW_STEPS_COMPLETED,
    "steps_failed": names.AGENT_WORKFLOW_STEPS_FAILED,
    "agent": names.GEN_AI_AGENT_NAME,
}


class Spans:
    """Makes spans with the given providers, or with the global ones whenever they are set.

    With ``isolated`` there is a context of its own: no parent from the host's traces, and nothing of ours in them.
    """

    def __init__(
        self,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        *,
        isolated: bool = False,
    ) -> None:
        self.tracer = trace.get_tracer(_SCOPE, tracer_provider=tracer_provider)
        self.usage = UsageMeter(meter_provider)
        self._own: ContextVar[Context] | None = ContextVar("agent_telemetry_context") if isolated else None
        self._inherited = otel_context.Context()
        if not isolated and "TRACEPARENT" in os.environ:
            self._inherited = _carrier.context_of(
                {"traceparent": os.environ["TRACEPARENT"], "tracestate": os.environ.get("TRACESTATE", "")},
                self._inherited,
            )

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
            return self._begin(handle, arguments, parent, make_current=make_current, at=at)
        except Exception:
            _losses.count("instrumentation_error")
            _logger.debug("a %s span could not be started", handle.kind, exc_info=True)
            return None

    def _begin(
        self,
        handle: Handle,
        arguments: Mapping[str, object],
        parent: Handle | None,
        *,
        make_current: bool,
        at: int | None,
    ) -> LiveSpan:
        base = self.current()
        live_parent = None if parent is None else parent.live()
        if live_parent is not None:
            base = live_parent.context
        carrier = arguments.get("carrier")
        if carrier is not None and isinstance(carrier, Mapping):
            base = _carrier.context_of(carrier, base)  # pyright: ignore[reportUnknownArgumentType] - text is checked there
        shape = SHAPES[handle.kind](arguments)
        started_with = shape.attributes
        conversation = started_with.get(names.GEN_AI_CONVERSATION_ID) or base.get(_CONVERSATION)
        if isinstance(conversation, str):
            started_with[names.GEN_AI_CONVERSATION_ID] = conversation
        span = self.tracer.start_span(shape.name, base, shape.kind, started_with, start_time=at)
        context = trace.set_span_in_context(span, base)
        key = _FOUND_UNDER.get(handle.kind)
        if key is not None:
            context = otel_context.set_value(key, handle, context)
            context = otel_context.set_value(_CONVERSATION, conversation, context)
        live = LiveSpan(self, span, context, handle.kind, shape, at=at)
        if make_current:
            live.previous = _still_open(self.enter(context))
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
        """A span without duration that stands for an event; the context in which it is current.

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
            span = self.tracer.start_span(name or event, base, kind, given, start_time=now)
            span.end(end_time=now)
            return trace.set_span_in_context(span, base)
        except Exception:
            _losses.count("instrumentation_error")
            _logger.debug("an event span could not be made", exc_info=True)
            return base

    def current(self) -> Context:
        """The context that code runs in; where no span is current, the span that TRACEPARENT named at start."""
        context = _still_open(otel_context.get_current() if self._own is None else self._own.get(_EMPTY))
        if self._inherited and not trace.get_current_span(context).get_span_context().is_valid:
            return otel_context.Context({**context, **self._inherited})
        return context

    def enter(self, context: Context) -> Context:
        """Make it current; what was current before."""
        if self._own is None:
            previous = otel_context.get_current()
            otel_context.attach(context)
        else:
            previous = self._own.get(_EMPTY)
            self._own.set(context)
        return previous

    def leave(self, context: Context, previous: Context) -> None:
        """Go back to ``previous`` if ``context`` is current; else note that it ended, for wherever it still is current.

        A token would not do: callbacks may end in another order, task or thread than they began in, and detaching
        there logs an error into the host's log.
        """
        previous = _still_open(previous)
        if (otel_context.get_current() if self._own is None else self._own.get(_EMPTY)) is context:
            self.enter(previous)
        else:
            setattr(context, _ENDED_INTO, previous)

    def current_session(self) -> Handle | None:
        """The handle of the session around this code."""
        return otel_context.get_value(_SESSION, self.current())  # pyright: ignore[reportReturnType] - only handles are stored under this key

    def current_task(self) -> Handle | None:
        """The handle of the task around this code."""
        return otel_context.get_value(_TASK, self.current())  # pyright: ignore[reportReturnType] - only handles are stored under this key

    def trace_variables(self) -> dict[str, str]:
        """``TRACEPARENT`` and ``TRACESTATE`` of the current span."""
        return {key.upper(): value for key, value in _carrier.fields(self.current()).items()}


class LiveSpan:
    """The running span of a handle; ends once."""

    __slots__ = (
        "_ended",
        "_error",
        "_outcome",
        "_spans",
        "_started",
        "attributes",
        "context",
        "id",
        "kind",
        "previous",
        "span",
    )

    def __init__(
        self,
        spans: Spans,
        span: Span,
        context: Context,
        kind: str,
        shape: Shape,
        *,
        at: int | None,
    ) -> None:
        self._spans = spans
        self.span = span
        self.context = context
        self.kind = kind
        self.id = shape.id
        self.attributes = shape.attributes
        self.previous: Context | None = None
        self._started = _clock(at) if kind == names.LIFECYCLE_MODEL_CALL else 0.0
        self._error: BaseException | str | None = None
        self._outcome: str | None = None
        self._ended = False

    def enter(self, context: Context) -> Context:
        """Make a context current, in the place where this span's is; what was current before."""
        return self._spans.enter(context)

    def mark(self, error: BaseException | str | None, outcome: str | None) -> None:
        """Remember how it will end."""
        self._error = error if error is not None else self._error
        self._outcome = outcome or (names.OUTCOME_ERROR if error is not None else self._outcome)

    def set(self, values: Mapping[str, object]) -> None:
        known = ((_SET[key], value) for key, value in values.items() if key in _SET)
        self._set(attributes(known))
        for _ in values.keys() - _SET.keys():
            _losses.count("undeclared_property")

    def record(
        self,
        tokens: Mapping[str, int | None],
        cost_usd: float | None,
        response_model: str | None,
        response_id: str | None,
    ) -> None:
        given = {
            names.GEN_AI_USAGE_INPUT_TOKENS: _tokens(tokens["input"]),
            names.GEN_AI_USAGE_OUTPUT_TOKENS: _tokens(tokens["output"]),
            names.GEN_AI_USAGE_CACHE_READ: _tokens(tokens["cache_read"]),
            names.GEN_AI_USAGE_CACHE_WRITE: _tokens(tokens["cache_write"]),
            names.GEN_AI_USAGE_REASONING: _tokens(tokens["reasoning"]),
            names.AGENT_COST_USD: _money(cost_usd),
            names.GEN_AI_RESPONSE_MODEL: response_model,
            names.GEN_AI_RESPONSE_ID: response_id,
        }
        self._set(attributes(given.items()))

    def finish(self, error: BaseException | str | None, outcome: str | None, at: int | None = None) -> None:
        """End the span once, whatever happens; never raises."""
        if self._ended:
            return
        self._ended = True
        try:
            try:
                if error is not None or outcome is not None:
                    self.mark(error, outcome)
                if self._error is not None or self._outcome is not None or self._started:
                    self._describe_end(at)
            finally:
                self.span.end(at)
        except Exception:
            _losses.count("instrumentation_error")
            _logger.debug("a %s span could not be ended", self.kind, exc_info=True)
        finally:
            if self.previous is not None:
                self._spans.leave(self.context, self.previous)

    def _describe_end(self, at: int | None) -> None:
        error, outcome = self._error, self._outcome
        if isinstance(error, BaseException) and outcome in {None, names.OUTCOME_ERROR}:
            outcome = _outcome_of(error)
        outcome = outcome or (names.OUTCOME_ERROR if error is not None else names.OUTCOME_OK)
        span = self.span
        failed = error if isinstance(error, BaseException) and outcome == names.OUTCOME_ERROR else None
        if outcome == names.OUTCOME_ERROR:
            self._set({names.ERROR_TYPE: _type_of(error)})
            said = None if failed is None else f"{type(failed).__name__}: {_said(failed)}"
            span.set_status(Status(StatusCode.ERROR, said))
        if outcome != names.OUTCOME_OK:
            span.set_attribute(names.AGENT_OUTCOME, outcome)
        if self.kind == names.LIFECYCLE_MODEL_CALL:
            self._spans.usage.record(self.attributes, _clock(at) - self._started)
        if failed is not None:
            span.record_exception(failed)  # last, as the host's own __str__ may raise

    def _set(self, given: dict[str, AttributeValue]) -> None:
        if self._ended and not self.span.is_recording():
            return
        self.attributes.update(given)
        for key, value in given.items():
            self.span.set_attribute(key, value)


def _clock(at: int | None) -> float:
    """The monotonic clock, at a moment that the other one tells."""
    now = time.perf_counter()
    return now if at is None else now - (time.time_ns() - at) / 1e9


def _still_open(context: Context) -> Context:
    """The context, or where its run ended while another one was current, the one that was there before it."""
    while (before := getattr(context, _ENDED_INTO, None)) is not None:
        context = before
    return context


def _outcome_of(error: BaseException) -> str:
    if isinstance(error, (GeneratorExit, KeyboardInterrupt)):
        return names.OUTCOME_CANCELLED
    if isinstance(error, SystemExit):
        return names.OUTCOME_OK if error.code in (None, 0) else names.OUTCOME_ERROR
    # By name, so that asyncio need not be imported: asyncio's, concurrent.futures' and anyio's are all called this.
    cancelled = any(kind.__name__ in {"CancelledError", "Cancelled"} for kind in type(error).__mro__)
    return names.OUTCOME_CANCELLED if cancelled else names.OUTCOME_ERROR


def _type_of(error: BaseException | str | None) -> str:
    """``error.type``: the class with its module, as the semantic conventions for exceptions want it."""
    if isinstance(error, BaseException):
        kind = type(error)
        return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return str(value_of(error)) if error else "_OTHER"


def _said(error: BaseException) -> str:
    try:
        return str(value_of(str(error)))
    except Exception:  # noqa: BLE001 - the host's own __str__ may raise
        return ""


def _tokens(count: object) -> int | None:
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        if count is not None:
            _losses.count("wrong_type")
        return None
    return count


def _money(amount: object) -> float | None:
    if isinstance(amount, bool) or not isinstance(amount, (int, float)) or not 0 <= amount < 1e9:  # noqa: PLR2004 - as Usd
        if amount is not None:
            _losses.count("wrong_type")
        return None
    return float(amount)
