"""AWS Lambda: each invocation of a function as a task, and each record that Powertools' batch processors take.

Hooks: ``handle_event_request`` of the runtime (awslambdaric), around which the function runs, so that no frame of ours
is in the stack that it reports; what it takes apart and what it reports tell the trace's context and the class of an
error. Before the runtime asks for the next invocation, as the sandbox is frozen then, what happened is handed over, for
half a second at most and never beyond the invocation's own time. A record that failed is delivered again: an attempt.
"""

from __future__ import annotations

import json
import os
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ClassVar

import otel_agent_telemetry as telemetry
from otel_agent_instrumentation._hooks import FrameworkInstrumentor, quiet
from otel_agent_instrumentation._wrappers import after, around, around_async, before
from otel_agent_instrumentation.queues import SOURCE

if TYPE_CHECKING:
    from otel_agent_instrumentation._hooks import Hooks

__all__ = ["LambdaInstrumentor"]

_MOST_SECONDS = 0.5
_RESERVE_SECONDS = 0.1
_TRACE = ("traceparent", "tracestate", "baggage")


class LambdaInstrumentor(FrameworkInstrumentor):
    """Reports the invocations of AWS Lambda functions."""

    requires: ClassVar[tuple[str, ...]] = ()  # the runtime is a part of AWS's image, and no distribution there

    def install(self, hooks: Hooks) -> None:
        """Wrap the runtime's loop and Powertools' batch processors."""

        def client(module: Any) -> None:
            # The multi-concurrent client has it from the same base; older runtimes have one class.
            owner = getattr(module, "BaseLambdaRuntimeClient", module.LambdaRuntimeClient)
            hooks.wrap(owner, "post_invocation_error", before(_failed))

        def batch(module: Any) -> None:
            hooks.wrap(module.BatchProcessor, "_process_record", around(_begin_record, _end_record))
            hooks.wrap(module.AsyncBatchProcessor, "_async_process_record", around_async(_begin_record, _end_record))
            hooks.wrap(module.BasePartialProcessor, "failure_handler", before(_record_failed))

        hooks.when_imported(
            "awslambdaric.bootstrap", lambda module: hooks.wrap(module, "handle_event_request", _handle_event_request)
        )
        hooks.when_imported("awslambdaric.lambda_runtime_client", client)
        hooks.when_imported(
            "awslambdaric.lambda_runtime_marshaller",
            lambda module: hooks.wrap(module.LambdaMarshaller, "unmarshal_request", after(_taken)),
        )
        hooks.when_imported("aws_lambda_powertools.utilities.batch.base", batch)


# Invocations ---------------------------------------------------------------------------------------------------------


class _Invocation:
    """One invocation of the function, from the runtime's taking it apart to its having reported how it ended."""

    def __init__(self, request_id: str, deadline_ms: Any) -> None:
        self._request_id = request_id
        self._deadline = int(deadline_ms) / 1000 if str(deadline_ms).isdecimal() else None
        self._around: Any = None
        self._handle: Any = None
        self.error: BaseException | str | None = None

    def start(self, event: Any) -> None:
        headers = event.get("headers") if isinstance(event, dict) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType] - AWS's
        self._around = telemetry.attached(_trace_of(headers))
        self._around.__enter__()
        name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
        self._handle = telemetry.task(name, id=self._request_id, source="api").start()

    @quiet
    def end(self) -> None:
        if self._handle is not None:
            self._handle.end(self.error)
        if self._around is not None:
            self._around.__exit__(None, None, None)
        left = _MOST_SECONDS if self._deadline is None else self._deadline - time.time() - _RESERVE_SECONDS
        telemetry.flush(max(0.0, min(left, _MOST_SECONDS)), send=False)


_invocation: ContextVar[_Invocation | None] = ContextVar("agent_telemetry_lambda", default=None)


def _trace_of(headers: Any) -> dict[str, str]:
    """The trace context among an HTTP event's headers, which come in any case; nothing else of them is read."""
    if not isinstance(headers, dict):
        return {}
    return {str(name).lower(): text for name, text in headers.items() if str(name).lower() in _TRACE}  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType] - AWS's


def _handle_event_request(wrapped: Any, _module: Any, args: Any, kwargs: Any) -> Any:
    invocation = _begin(*args, **kwargs)
    token = _invocation.set(invocation)
    try:
        return wrapped(*args, **kwargs)
    except BaseException as error:
        if invocation is not None:
            invocation.error = error
        raise
    finally:
        _invocation.reset(token)
        if invocation is not None:
            invocation.end()


@quiet
def _begin(*args: Any, **_: Any) -> _Invocation:
    return _Invocation(args[2], args[8])  # the runtime gives all by their places: the id, and the deadline


def _taken(event: Any, *_: Any, **__: Any) -> None:
    if (invocation := _invocation.get()) is not None:
        invocation.start(event)


def _failed(_client: Any, _invoke_id: Any, error: Any, *_: Any, **__: Any) -> None:
    if (invocation := _invocation.get()) is not None:
        invocation.error = str(json.loads(error).get("errorType") or "Error")  # a class's name


# Records of a batch --------------------------------------------------------------------------------------------------


class _Record:
    """One record in the hands of a batch processor."""

    def __init__(self, record: Any) -> None:
        given: dict[str, Any] = record.get("messageAttributes") or {}
        counted: dict[str, Any] = record.get("attributes") or {}
        carrier: dict[str, str] = {name: value["stringValue"] for name, value in given.items() if name in _TRACE}
        carrier["task_id"] = record.get("messageId") or record.get("eventID") or os.urandom(16).hex()
        carrier["task_attempt"] = str(counted.get("ApproximateReceiveCount", "1"))
        carrier["task_source"] = SOURCE
        self.run = telemetry.run_task(carrier, name=os.environ.get("AWS_LAMBDA_FUNCTION_NAME"), claimed=True).start()
        self.has_failed = False

    @quiet
    def end(self, error: BaseException | None = None) -> None:
        self.run.end(None if self.has_failed else error, outcome="retried" if self.has_failed else None)


_record: ContextVar[_Record | None] = ContextVar("agent_telemetry_lambda_record", default=None)


def _begin_record(_processor: Any, record: Any, *_: Any, **__: Any) -> Any:
    begun = _Record(record)
    return begun, _record.set(begun)


def _end_record(begun: Any, error: BaseException | None) -> None:
    if begun is not None:
        record, token = begun
        _record.reset(token)
        record.end(error)


def _record_failed(*_: Any, **__: Any) -> None:
    if (record := _record.get()) is not None:
        record.has_failed = True
