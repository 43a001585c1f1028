"""Prefect's flow runs and task runs from their creation to their end, across processes, and its workers.

Hooks: ``set_state`` of the engines, which run in the process that runs the code; the client's
``create_flow_run_from_deployment`` and ``TaskRunCreate``, where a run is created for another process: its carrier
stands in a label of the run. A retry is the same task: only its last attempt ends it. What no engine can say,
as its process was killed or never started, is told where the server hears of it: ``set_flow_run_state``.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ClassVar

import otel_agent_telemetry as telemetry
from otel_agent_instrumentation._hooks import FrameworkInstrumentor, quiet
from otel_agent_instrumentation._memory import Memory
from otel_agent_instrumentation._servers import ServerLife, end
from otel_agent_instrumentation._wrappers import after, before
from otel_agent_instrumentation.queues import SOURCE
from otel_agent_instrumentation.queues._carriers import to_text
from otel_agent_instrumentation.queues._prefect_runs import (
    FLOW_LABEL,
    TASK_LABEL,
    carrier_of,
    engine_speaks,
    wrap_flows,
    wrap_tasks,
)

if TYPE_CHECKING:
    from otel_agent_instrumentation._hooks import Hooks

__all__ = ["PrefectInstrumentor"]


class PrefectInstrumentor(FrameworkInstrumentor):
    """Reports flow runs, task runs and workers of Prefect."""

    requires: ClassVar[tuple[str, ...]] = ("prefect >= 3.4, < 4",)

    def install(self, hooks: Hooks) -> None:
        """Wrap the engines, the client and the workers."""

        def client(module: Any) -> None:
            hooks.wrap(module.PrefectClient, "create_flow_run_from_deployment", _create_async)
            hooks.wrap(module.SyncPrefectClient, "create_flow_run_from_deployment", _create)
            hooks.wrap(module.PrefectClient, "read_deployment_by_name", _read_async)
            hooks.wrap(module.SyncPrefectClient, "read_deployment_by_name", after(_read))
            hooks.wrap(module.PrefectClient, "set_flow_run_state", _set_async)
            hooks.wrap(module.SyncPrefectClient, "set_flow_run_state", _set)
            hooks.wrap(module, "TaskRunCreate", _with_label)

        hooks.when_imported("prefect.flow_engine", lambda module: wrap_flows(hooks, module))
        hooks.when_imported("prefect.task_engine", lambda module: wrap_tasks(hooks, module))
        hooks.when_imported("prefect.client.orchestration", client)
        hooks.when_imported("prefect.tasks", lambda module: hooks.wrap(module.Task, "create_run", _create_run))
        _wrap_workers(hooks)


def _wrap_workers(hooks: Hooks) -> None:
    def task_worker(module: Any) -> None:
        hooks.wrap(module.TaskWorker, "astart", _serve)
        hooks.wrap(module.TaskWorker, "handle_sigterm", before(_signalled))

    def runner(module: Any) -> None:
        hooks.wrap(module.Runner, "start", _serve)
        hooks.wrap(module.Runner, "handle_sigterm", before(_signalled))

    hooks.when_imported("prefect.task_worker", task_worker)
    hooks.when_imported("prefect.runner.runner", runner)
    hooks.when_imported("prefect.workers.base", lambda module: hooks.wrap(module.BaseWorker, "start", _serve))


# Where a flow run is created for another process ----------------------------------------------------------------------


_flows: Memory[Any, str] = Memory()
"""Deployment's id -> the name of its flow."""


def _read(deployment: Any, _client: Any, name: str, *_: Any, **__: Any) -> None:
    _flows[deployment.id] = name.partition("/")[0]


async def _read_async(wrapped: Any, client: Any, args: Any, kwargs: Any) -> Any:
    deployment = await wrapped(*args, **kwargs)
    quiet(_read)(deployment, client, *args, **kwargs)
    return deployment


def _create(wrapped: Any, _client: Any, args: Any, kwargs: Any) -> Any:
    carrier, labelled = _labelled(args, kwargs)
    try:
        run = wrapped(*args, **labelled)
    except Exception:
        _refused(carrier)
        raise
    _created(run, carrier)
    return run


async def _create_async(wrapped: Any, _client: Any, args: Any, kwargs: Any) -> Any:
    carrier, labelled = _labelled(args, kwargs)
    try:
        run = await wrapped(*args, **labelled)
    except Exception:
        _refused(carrier)
        raise
    _created(run, carrier)
    return run


def _labelled(args: Any, kwargs: dict[str, Any]) -> tuple[dict[str, str] | None, dict[str, Any]]:
    name = _flows.get(args[0] if args else kwargs.get("deployment_id"))
    carrier = quiet(telemetry.create_task)(name, source=SOURCE)
    if carrier is None:
        return None, kwargs
    return carrier, {**kwargs, "labels": {**(kwargs.get("labels") or {}), FLOW_LABEL: to_text(carrier)}}


@quiet
def _refused(carrier: dict[str, str] | None) -> None:
    if carrier is not None:
        telemetry.cancel_task(carrier, previous_status="pending", source=SOURCE)


@quiet
def _created(run: Any, carrier: dict[str, str] | None) -> None:
    # With an idempotency key it may be one that was there, which has a carrier of its own, or none.
    if carrier is not None and (carrier_of(run, FLOW_LABEL) or {}).get("task_id") != carrier["task_id"]:
        _refused(carrier)


# Where a task run is created for another process ----------------------------------------------------------------------

_deferred: ContextVar[dict[str, str] | None] = ContextVar("agent_telemetry_prefect_deferred", default=None)


async def _create_run(wrapped: Any, task: Any, args: Any, kwargs: Any) -> Any:
    carrier = quiet(telemetry.create_task)(task.name, source=SOURCE) if kwargs.get("deferred") else None
    token = _deferred.set(carrier)
    try:
        return await wrapped(*args, **kwargs)
    except Exception:
        _refused(carrier)
        raise
    finally:
        _deferred.reset(token)


def _with_label(wrapped: Any, _module: Any, args: Any, kwargs: Any) -> Any:
    carrier = _deferred.get()
    if carrier is None:
        return wrapped(*args, **kwargs)
    labels: dict[str, Any] = {**(kwargs.get("labels") or {}), TASK_LABEL: to_text(carrier)}
    return wrapped(*args, **{**kwargs, "labels": labels})


# What no engine says --------------------------------------------------------------------------------------------------


def _set(wrapped: Any, client: Any, args: Any, kwargs: Any) -> Any:
    run = quiet(client.read_flow_run)(_run_id(args, kwargs)) if _is_end(*args, **kwargs) else None
    result = wrapped(*args, **kwargs)
    _told(run, result)
    return result


async def _set_async(wrapped: Any, client: Any, args: Any, kwargs: Any) -> Any:
    run = None
    if _is_end(*args, **kwargs):
        try:
            run = await client.read_flow_run(_run_id(args, kwargs))
        except Exception:  # noqa: BLE001 - what the server says to the state itself is the program's affair
            run = None
    result = await wrapped(*args, **kwargs)
    _told(run, result)
    return result


def _run_id(args: Any, kwargs: Any) -> Any:
    return args[0] if args else kwargs["flow_run_id"]


@quiet
def _is_end(_flow_run_id: Any = None, state: Any = None, *_: Any, **__: Any) -> bool:
    return not engine_speaks.get() and (state.is_final() or state.is_cancelling())


@quiet
def _told(run: Any, result: Any) -> None:
    state = getattr(result, "state", None)
    if run is None or run.state is None or state is None or run.state.is_final():
        return
    carrier = carrier_of(run, FLOW_LABEL) or {"task_id": str(run.id)}
    if state.is_crashed() or state.is_failed():
        telemetry.fail_task(carrier, "CrashedRun" if state.is_crashed() else "FailedRun", source=SOURCE)
    elif state.is_cancelled() and not (run.state.is_running() or run.state.is_cancelling()):
        telemetry.cancel_task(carrier, previous_status="pending", source=SOURCE)


# Workers --------------------------------------------------------------------------------------------------------------

_lives: dict[int, ServerLife] = {}


async def _serve(wrapped: Any, worker: Any, args: Any, kwargs: Any) -> Any:
    _begin(worker)
    try:
        return await wrapped(*args, **kwargs)
    finally:
        end(_lives.pop(id(worker), None))


@quiet
def _begin(worker: Any) -> None:
    _lives[id(worker)] = life = ServerLife("worker")
    life.started()


def _signalled(worker: Any, *_: Any) -> None:
    end(_lives.pop(id(worker), None), "SIGTERM")
