"""Tasks of A2A agents, from their first execution to their last state, and trace context between client and server.

Hooks: the agent executor that a request handler is made with (``execute`` runs the task),
``a2a.server.tasks.task_manager.TaskManager._save_task`` and the handler's ``_write_cancel`` (through which every state
goes), and a ``ClientCallInterceptor`` that adds W3C trace context to each call's service parameters, since the SDK
propagates nothing. The session is the A2A context. A task that asks for input or authorisation has not ended; when it
goes on it is the same task. The SDK's own spans (about 40 a task, none with an id or a state) are switched off by its
own variable, ``OTEL_INSTRUMENTATION_A2A_SDK_ENABLED``, unless it is set.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple
from weakref import WeakSet

import wrapt
from opentelemetry import context as otel_context
from opentelemetry import propagate, trace

import otel_agent_telemetry as telemetry
from otel_agent_instrumentation._hooks import FrameworkInstrumentor, quiet
from otel_agent_instrumentation._memory import Memory

if TYPE_CHECKING:
    from otel_agent_instrumentation._hooks import Hooks

    _Proxy = wrapt.ObjectProxy[Any]
else:
    _Proxy = wrapt.ObjectProxy  # generic from wrapt 2 on

__all__ = ["A2AInstrumentor"]

_NOISE = "OTEL_INSTRUMENTATION_A2A_SDK_ENABLED"
_SOURCE = "a2a"
_HANDLERS = {
    "a2a.server.request_handlers.default_request_handler_v2": "DefaultRequestHandlerV2",
    "a2a.server.request_handlers.default_request_handler": "LegacyRequestHandler",
}
_ERRORS = {"TASK_STATE_COMPLETED": None, "TASK_STATE_FAILED": "TaskFailed", "TASK_STATE_REJECTED": "TaskRejected"}
_FAILED, _CANCELLED = "TASK_STATE_FAILED", "TASK_STATE_CANCELED"
_PAUSES = frozenset({"TASK_STATE_INPUT_REQUIRED", "TASK_STATE_AUTH_REQUIRED"})


class A2AInstrumentor(FrameworkInstrumentor):
    """Reports the tasks of A2A agents."""

    requires: ClassVar[tuple[str, ...]] = ("a2a-sdk >= 1.0, < 2",)

    def install(self, hooks: Hooks) -> None:
        """Switch the noise off; hook the server's tasks and the client's calls."""
        if _NOISE not in os.environ and "a2a.utils.telemetry" not in sys.modules:
            os.environ[_NOISE] = "false"
            hooks.later(lambda: os.environ.pop(_NOISE, None))
        server, client = _Server(), _Client()
        hooks.later(server.leave)
        hooks.later(client.leave)

        def handler(module: Any) -> None:
            kind = getattr(module, _HANDLERS[module.__name__])
            hooks.wrap(kind, "__init__", server.made)
            hooks.wrap(kind, "_write_cancel", server.wrote)

        for module in _HANDLERS:
            hooks.when_imported(module, handler)
        hooks.when_imported(
            "a2a.server.tasks.task_manager", lambda module: hooks.wrap(module.TaskManager, "_save_task", server.wrote)
        )
        hooks.when_imported(
            "a2a.client.base_client", lambda module: hooks.wrap(module.BaseClient, "__init__", client.made)
        )


class _Open(NamedTuple):
    session: Any
    run: Any


class _Server:
    """What is known of the tasks of this process: the open run of each, how often it ran, and its last state."""

    def __init__(self) -> None:
        self._executors: WeakSet[Any] = WeakSet()
        self._open: dict[str, _Open] = {}
        self._attempts: Memory[str, int] = Memory()
        self._states: Memory[str, str] = Memory()

    # The wrappers --------------------------------------------------------------------------------------------------

    def made(self, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> None:
        wrapped(*args, **kwargs)
        self._join(instance)

    async def wrote(self, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        result = await wrapped(*args, **kwargs)
        self._see(args[0] if result is None else result)
        return result

    async def execute(self, wrapped: Any, context: Any, queue: Any) -> None:
        said: set[str] = set()
        self._begin(context)
        try:
            await wrapped(context, _Queue(queue, said))
        except BaseException as error:
            self._end(context.task_id, error)
            raise
        if said <= {"Message"}:  # a mere reply, of which the SDK makes no task with a state
            self._end(context.task_id)

    @quiet
    def _join(self, handler: Any) -> None:
        executor = handler.agent_executor
        if executor in self._executors:
            return
        original = executor.execute

        async def execute(context: Any, event_queue: Any) -> None:
            await self.execute(original, context, event_queue)

        executor.execute = execute
        self._executors.add(executor)

    def leave(self) -> None:
        for executor in self._executors:
            del executor.execute

    # What they tell ------------------------------------------------------------------------------------------------

    @quiet
    def _begin(self, context: Any) -> None:
        task_id = context.task_id
        attempt = self._attempts.get(task_id, 0) + 1
        self._attempts[task_id] = attempt
        _continue_trace(context)
        session = telemetry.session(id=context.context_id, harness_provider=_SOURCE).start()
        carrier = {"task_id": task_id, "task_source": _SOURCE, "task_attempt": str(attempt)}
        run = telemetry.task(id=task_id, source=_SOURCE) if attempt == 1 else telemetry.run_task(carrier)
        self._open[task_id] = _Open(session, run.start())

    @quiet
    def _see(self, task: Any) -> None:
        state = sys.modules["a2a.types.a2a_pb2"].TaskState.Name(task.status.state)
        if self._states.get(task.id) == state:  # saved again for a message or an artefact
            return
        self._states[task.id] = state
        if state in _PAUSES:
            self._close(task.id, None, "retried")
        elif state == _CANCELLED and task.id in self._open:
            self._close(task.id, None, "cancelled")
        elif state == _CANCELLED and task.id in self._attempts:
            telemetry.cancel_task({"task_id": task.id}, previous_status="paused", source=_SOURCE)
        elif state in _ERRORS:
            self._close(task.id, _ERRORS[state], None)

    @quiet
    def _end(self, task_id: str, error: BaseException | None = None) -> None:
        if task_id in self._open:
            # The SDK saves this state next.
            cancelled = isinstance(error, asyncio.CancelledError)
            self._states[task_id] = _CANCELLED if cancelled else _FAILED
        self._close(task_id, error, None)

    def _close(self, task_id: str, error: BaseException | str | None, outcome: str | None) -> None:
        found = self._open.pop(task_id, None)
        if found is not None:
            found.run.end(error, outcome=outcome)
            found.session.end(error, outcome=None if outcome == "retried" else outcome)


class _Queue(_Proxy):
    """The task's event queue, which notes the classes of what it is given."""

    def __init__(self, queue: Any, said: set[str]) -> None:
        super().__init__(queue)
        self._self_said = said

    async def enqueue_event(self, event: Any) -> Any:
        """Pass it on."""
        self._self_said.add(type(event).__name__)
        return await self.__wrapped__.enqueue_event(event)


class _Client:
    """The interceptor, and the clients that have it."""

    def __init__(self) -> None:
        self._clients: WeakSet[Any] = WeakSet()

    def made(self, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> None:
        wrapped(*args, **kwargs)
        self._join(instance)

    @quiet
    def _join(self, client: Any) -> None:
        client._interceptors = [*client._interceptors, self]  # noqa: SLF001 - the list may be the application's own
        self._clients.add(client)

    def leave(self) -> None:
        for client in self._clients:
            client._interceptors = [each for each in client._interceptors if each is not self]  # noqa: SLF001 - as above

    async def before(self, args: Any) -> None:
        """Add the current span to the call."""
        _inject(args)

    async def after(self, args: Any) -> None:
        """Nothing."""


@quiet
def _inject(args: Any) -> None:
    if args.context is None:
        args.context = sys.modules["a2a.client.client"].ClientCallContext()
    parameters = dict(args.context.service_parameters or {})
    propagate.inject(parameters)
    args.context.service_parameters = parameters


def _continue_trace(context: Any) -> None:
    # A web instrumentation has done it already, where there is one. Each execution has a context of its own.
    headers = context.call_context.state.get("headers") if context.call_context else None
    if headers and not trace.get_current_span().get_span_context().is_valid:
        otel_context.attach(propagate.extract(headers))
