"""The running span of a handle: what it is given while it runs, and how it ends."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from opentelemetry.trace import Status, StatusCode

from otel_agent_telemetry import _losses
from otel_agent_telemetry import semconv as names
from otel_agent_telemetry._log import logger as _logger
from otel_agent_telemetry.lifecycle import _whole
from otel_agent_telemetry.lifecycle._attributes import attributes, value_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.context import Context
    from opentelemetry.trace import Span
    from opentelemetry.util.types import AttributeValue

    from otel_agent_telemetry.lifecycle._meter import UsageMeter
    from otel_agent_telemetry.lifecycle._templates import Template

__all__ = ["LiveSpan"]

_USED = frozenset({names.GEN_AI_USAGE_INPUT_TOKENS, names.GEN_AI_USAGE_OUTPUT_TOKENS})

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
    "read_from": names.AGENT_HARNESS_READ_FROM,
}


class Around(Protocol):
    """Where spans are current, and where the usage of model calls is counted."""

    usage: UsageMeter

    def enter(self, context: Context) -> Context:
        """Make a context current; what was current before."""
        ...

    def leave(self, context: Context, previous: Context) -> None:
        """Go back to what was current before."""
        ...


class LiveSpan:
    """The running span of a handle; ends once."""

    __slots__ = (
        "_around",
        "_ended",
        "_error",
        "_outcome",
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
        around: Around,
        span: Span,
        context: Context,
        kind: str,
        template: Template,
        *,
        at: int | None,
    ) -> None:
        self._around = around
        self.span = span
        self.context = context
        self.kind = kind
        self.id = template.id
        self.attributes = template.attributes
        self.previous: Context | None = None
        self._started = _clock(at) if kind == names.LIFECYCLE_MODEL_CALL else 0.0
        self._error: BaseException | str | None = None
        self._outcome: str | None = None
        self._ended = False

    def enter(self, context: Context) -> Context:
        """Make a context current, in the place where this span's is; what was current before."""
        return self._around.enter(context)

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
                _whole.end(self.span, self.attributes, at)
        except Exception:
            _losses.count("instrumentation_error")
            _logger.debug("a %s span could not be ended", self.kind, exc_info=True)
        finally:
            if self.previous is not None:
                self._around.leave(self.context, self.previous)

    def _describe_end(self, at: int | None) -> None:
        error, outcome = self._error, self._outcome
        if isinstance(error, BaseException) and outcome in {None, names.OUTCOME_ERROR}:
            outcome = self._left() if isinstance(error, GeneratorExit) else _outcome_of(error)
        outcome = outcome or (names.OUTCOME_ERROR if error is not None else names.OUTCOME_OK)
        span = self.span
        failed = error if isinstance(error, BaseException) and outcome == names.OUTCOME_ERROR else None
        if outcome == names.OUTCOME_ERROR:
            self._set({names.ERROR_TYPE: _type_of(error)})
            said = None if failed is None else f"{type(failed).__name__}: {_said(failed)}"
            span.set_status(Status(StatusCode.ERROR, said))
        if outcome != names.OUTCOME_OK:
            self._set({names.AGENT_OUTCOME: outcome})
        if self.kind == names.LIFECYCLE_MODEL_CALL:
            self._around.usage.record(self.attributes, _clock(at) - self._started)
        if failed is not None:
            span.record_exception(failed)  # last, as the host's own __str__ may raise

    def _left(self) -> str:
        """How it ends where the reader of a generator goes away: a model's stream without its usage was given up."""
        is_unanswered = self.kind == names.LIFECYCLE_MODEL_CALL and _USED.isdisjoint(self.attributes)
        return names.OUTCOME_CANCELLED if is_unanswered else names.OUTCOME_LEFT

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


def _outcome_of(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
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
