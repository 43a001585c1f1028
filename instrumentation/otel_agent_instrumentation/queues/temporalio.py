"""Temporal workflows and activities as tasks, workflow runs, and the start and stop of workers.

Hooks: an interceptor that is added to each client (``intercept_client``) and one that is added to each worker
(``intercept_activity``); for workflows, what the worker and its core exchange, so that nothing of ours runs inside a
workflow (``_temporal_runs`` says more).

A workflow that a client or another workflow starts is a task: created there, claimed by the worker that first runs it.
It goes on through retries of the workflow, ``continue_as_new`` and a move to another worker; the run that closes it
ends it. An activity is a task too, created by the workflow that schedules it. Each attempt knows from the activity's
retry policy whether another one follows, and only the last ends it. An attempt that timed out ends nothing: the worker
of the workflow learns of the last timeout. Carriers travel in Temporal's headers, unless a codec encodes those.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, ClassVar

import otel_agent_telemetry as telemetry
from otel_agent_instrumentation._hooks import FrameworkInstrumentor, quiet
from otel_agent_instrumentation._servers import ServerLife
from otel_agent_instrumentation.queues import SOURCE
from otel_agent_instrumentation.queues._temporal_runs import Runs
from otel_agent_instrumentation.queues._temporal_tasks import HEADER, Attempt, payload_of, trace_here

if TYPE_CHECKING:
    from otel_agent_instrumentation._hooks import Hooks

__all__ = ["TemporalInstrumentor"]

_ALREADY = "WorkflowAlreadyStartedError"


class TemporalInstrumentor(FrameworkInstrumentor):
    """Reports workflows, activities and workers of Temporal."""

    requires: ClassVar[tuple[str, ...]] = ("temporalio >= 1.18, < 2",)

    def install(self, hooks: Hooks) -> None:
        """Hook clients, workers, and what workers exchange with their core."""
        observer = _Observer()
        hooks.later(observer.leave)

        def client(module: Any) -> None:
            hooks.wrap(module.Client, "__init__", observer.make_client)

        def worker(module: Any) -> None:
            hooks.wrap(module.Worker, "__init__", observer.make_worker)
            hooks.wrap(module.Worker, "run", observer.run_worker)

        def core(module: Any) -> None:
            hooks.wrap(module.Worker, "validate", observer.validate)
            hooks.wrap(module.Worker, "poll_workflow_activation", observer.runs.poll)
            hooks.wrap(module.Worker, "complete_workflow_activation", observer.runs.complete)

        hooks.when_imported("temporalio.client", client)
        hooks.when_imported("temporalio.worker", worker)
        hooks.when_imported("temporalio.bridge.worker", core)


class _Observer:
    """What the hooks share. Clients and workers outlive :meth:`leave`; their interceptors then do nothing."""

    def __init__(self) -> None:
        self.is_active = True
        self.runs = Runs()
        self._serving: list[Any] = []
        self._life: ServerLife | None = None

    def leave(self) -> None:
        self.is_active = False
        self.runs.leave()

    # Clients -------------------------------------------------------------------------------------------------------

    def make_client(self, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> None:
        wrapped(*args, **(self._with_client_interceptor(kwargs) or kwargs))

    @quiet
    def _with_client_interceptor(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        given = _without_ours(kwargs)
        if _are_encoded(kwargs):
            return {**kwargs, "interceptors": given}
        # The last, so that the task is created within the spans of other interceptors.
        return {**kwargs, "interceptors": [*given, _client_interceptor(self)]}

    @quiet
    def create(self, start: Any) -> dict[str, str] | None:
        """Put the carrier of a new task into the headers of a start; only the trace where one may run already."""
        if not self.is_active or HEADER in start.headers or start.cron_schedule:
            return None
        is_new = getattr(start, "start_signal", "") is None and start.id_conflict_policy.name != "USE_EXISTING"
        priority = getattr(getattr(start, "priority", None), "priority_key", None)
        carrier = telemetry.create_task(start.workflow, source=SOURCE, priority=priority) if is_new else trace_here()
        start.headers = {**start.headers, HEADER: payload_of(carrier)}
        return carrier if is_new else None

    @quiet
    def refuse(self, carrier: dict[str, str] | None, error: Exception) -> None:
        """The server did not take the start."""
        if carrier is None:
            return
        if type(error).__name__ == _ALREADY:
            telemetry.cancel_task(carrier, previous_status="pending")
        else:
            telemetry.fail_task(carrier, error)

    # Workers -------------------------------------------------------------------------------------------------------

    def make_worker(self, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> None:
        wrapped(*args, **(self._with_activity_interceptor(kwargs) or kwargs))
        self._join(instance)

    @quiet
    def _with_activity_interceptor(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        # The first, so that it sees what the server is told.
        return {**kwargs, "interceptors": [_activity_interceptor(self), *_without_ours(kwargs)]}

    @quiet
    def _join(self, worker: Any) -> None:
        core = worker._bridge_worker  # noqa: SLF001 - nothing public leads to it
        self.runs.watch(core, has_headers=not _are_encoded(worker.client.config()))

    async def validate(self, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        result = await wrapped(*args, **kwargs)
        self._started(instance)
        return result

    async def run_worker(self, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> None:
        try:
            await wrapped(*args, **kwargs)
        finally:
            self._stopped(instance)

    @quiet
    def _started(self, core: Any) -> None:
        if not self.runs.watches(core):  # a replayer's
            return
        self._serving.append(core)
        if self._life is None:
            self._life = ServerLife("worker")
            self._life.started()

    @quiet
    def _stopped(self, worker: Any) -> None:
        core = worker._bridge_worker  # noqa: SLF001 - nothing public leads to it
        self.runs.forget(core)
        if core not in self._serving:
            return
        self._serving.remove(core)
        if not self._serving and self._life is not None:
            self._life.stopped()
            self._life = None

    # Activities ----------------------------------------------------------------------------------------------------

    @quiet
    def begin(self, headers: Any) -> Attempt | None:
        """An attempt, started."""
        return Attempt.start(headers) if self.is_active else None

    @quiet
    def end(self, attempt: Attempt | None, error: BaseException | None = None) -> None:
        """The activity's function came back."""
        if attempt is not None:
            attempt.end(error)


def _without_ours(config: dict[str, Any]) -> list[Any]:
    """The interceptors of a client or worker; one that is made from another's settings is given ours too."""
    return [each for each in config.get("interceptors") or () if not getattr(each, "is_agent_telemetry", False)]


def _are_encoded(config: Any) -> bool:
    """Whether headers go through the payload codec, as by default they do not."""
    behavior = config.get("header_codec_behavior")
    return behavior is not None and behavior.name != "NO_CODEC"


# The interceptors, made where their base classes are ----------------------------------------------------------------


def _client_interceptor(observer: _Observer) -> Any:
    client: Any = sys.modules["temporalio.client"]

    class Outbound(client.OutboundInterceptor):
        async def start_workflow(self, input: Any) -> Any:  # noqa: A002 - the SDK's name
            carrier = observer.create(input)
            try:
                return await self.next.start_workflow(input)
            except Exception as error:
                observer.refuse(carrier, error)
                raise

        async def start_update_with_start_workflow(self, input: Any) -> Any:  # noqa: A002 - the SDK's name
            observer.create(input.start_workflow_input)
            return await self.next.start_update_with_start_workflow(input)

    class Interceptor(client.Interceptor):
        is_agent_telemetry = True

        def intercept_client(self, next: Any) -> Any:  # noqa: A002 - the SDK's name
            return Outbound(next)

    return Interceptor()


def _activity_interceptor(observer: _Observer) -> Any:
    worker: Any = sys.modules["temporalio.worker"]

    class Inbound(worker.ActivityInboundInterceptor):
        async def execute_activity(self, input: Any) -> Any:  # noqa: A002 - the SDK's name
            attempt = observer.begin(input.headers)
            try:
                result = await self.next.execute_activity(input)
            except BaseException as error:
                observer.end(attempt, error)
                raise
            observer.end(attempt)
            return result

    class Interceptor(worker.Interceptor):
        is_agent_telemetry = True

        def intercept_activity(self, next: Any) -> Any:  # noqa: A002 - the SDK's name
            return Inbound(next)

    return Interceptor()
