"""APScheduler jobs: one that runs once is a task from ``add_job`` on, each run of any other a task of its own.

Hooks: ``BaseScheduler.add_job``, where a job that runs once is created, and the state in which a job is stored, where
its carrier has a key of its own that a scheduler without us does not look at. ``BaseExecutor.submit_job`` hands the
executor the job with a function that reports its run, in whichever thread, loop or process. What never ran because its
time had passed, because too many of it ran, or because it was removed, is cancelled; what went with a process of a pool
has failed. Every run of a recurring job is told as a run of its schedule, too.
"""

from __future__ import annotations

import functools
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ClassVar

import wrapt

import otel_agent_telemetry as telemetry
from otel_agent_instrumentation._hooks import FrameworkInstrumentor, quiet
from otel_agent_instrumentation._memory import Memory
from otel_agent_instrumentation._wrappers import after, before
from otel_agent_instrumentation.queues import SOURCE
from otel_agent_instrumentation.queues._carriers import KEY, carried

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from otel_agent_instrumentation._hooks import Hooks

__all__ = ["APSchedulerInstrumentor"]

_ERROR, _MISSED = 2**13, 2**14  # apscheduler.events
_COROUTINE = 0x80  # inspect.CO_COROUTINE

_Proxy: Any = wrapt.ObjectProxy
_waiting: Memory[str, dict[str, str]] = Memory()
_submitted: Memory[str, dict[str, str]] = Memory()
_adding: ContextVar[list[tuple[str, dict[str, str] | None]] | None] = ContextVar(
    "agent_telemetry_apscheduler_adding", default=None
)


class APSchedulerInstrumentor(FrameworkInstrumentor):
    """Reports the jobs of APScheduler."""

    requires: ClassVar[tuple[str, ...]] = ("apscheduler >= 3.10, < 4",)

    def install(self, hooks: Hooks) -> None:
        """Wrap what adds, stores and submits jobs."""

        def job(module: Any) -> None:
            hooks.wrap(module.Job, "__init__", _made)
            hooks.wrap(module.Job, "__getstate__", _stored)
            hooks.wrap(module.Job, "__setstate__", before(_loaded))

        def scheduler(module: Any) -> None:
            hooks.wrap(module.BaseScheduler, "add_job", _add_job)
            hooks.wrap(module.BaseScheduler, "remove_job", after(_removed))

        def executor(module: Any) -> None:
            hooks.wrap(module.BaseExecutor, "submit_job", _submit_job)
            hooks.wrap(module.BaseExecutor, "_run_job_success", before(_ended))
            hooks.wrap(module.BaseExecutor, "_run_job_error", before(_lost))

        hooks.when_imported("apscheduler.job", job)
        hooks.when_imported("apscheduler.schedulers.base", scheduler)
        hooks.when_imported("apscheduler.executors.base", executor)


# Where a job is added ------------------------------------------------------------------------------------------------


def _add_job(wrapped: Any, _scheduler: Any, args: Any, kwargs: Any) -> Any:
    made: list[tuple[str, dict[str, str] | None]] = []
    token = _adding.set(made)
    try:
        return wrapped(*args, **kwargs)
    except Exception:
        _refused(made)
        raise
    finally:
        _adding.reset(token)


def _made(wrapped: Any, job: Any, args: Any, kwargs: Any) -> Any:
    wrapped(*args, **kwargs)
    _create(job, _adding.get())


@quiet
def _create(job: Any, made: list[tuple[str, dict[str, str] | None]] | None) -> None:
    if made is not None and _runs_once(job):
        made.append((job.id, _waiting.get(job.id)))
        _waiting[job.id] = telemetry.create_task(_name(job), id=job.id, source=SOURCE)


@quiet
def _refused(made: list[tuple[str, dict[str, str] | None]]) -> None:
    for job_id, earlier in made:
        _cancel(_waiting.pop(job_id, None))
        if earlier is not None:
            _waiting[job_id] = earlier


def _runs_once(job: Any) -> bool:
    return type(job.trigger).__name__ == "DateTrigger"


def _name(job: Any) -> str:
    """The function's; a job's own name is the program's text."""
    function = _innermost(job.func)
    name = getattr(function, "__qualname__", type(function).__qualname__)
    return (job.func_ref or f"{function.__module__}.{name}").replace(":", ".")


def _innermost(function: Any) -> Any:
    while isinstance(function, functools.partial):
        function = function.func
    return function


def _stored(wrapped: Any, job: Any, args: Any, kwargs: Any) -> Any:
    state = wrapped(*args, **kwargs)
    carrier = _waiting.get(job.id) or _submitted.get(job.id)
    return state if carrier is None else {**state, KEY: carrier}


def _loaded(_job: Any, state: dict[str, Any]) -> None:
    carrier = carried(state.get(KEY), state["id"])
    if carrier is not None and state["id"] not in _submitted:
        _waiting[state["id"]] = carrier


def _removed(_result: Any, _scheduler: Any, job_id: Any, *_: Any, **__: Any) -> None:
    _cancel(_waiting.pop(job_id, None))


def _cancel(carrier: dict[str, str] | None) -> None:
    if carrier is not None:
        telemetry.cancel_task(carrier, previous_status="pending", source=SOURCE)


# Where it runs -------------------------------------------------------------------------------------------------------


def _submit_job(wrapped: Any, _executor: Any, args: Any, kwargs: Any) -> Any:
    observed = _observed(*args, **kwargs)
    if observed is None:
        return wrapped(*args, **kwargs)
    try:
        return wrapped(observed, *args[1:], **{name: value for name, value in kwargs.items() if name != "job"})
    except Exception:
        quiet(_cancel)(_submitted.pop(observed.id, None))
        raise


@quiet
def _observed(job: Any, *_: Any, **__: Any) -> _Observed:
    carrier = _waiting.pop(job.id, None)
    if carrier is not None:
        _submitted[job.id] = carrier
    return _Observed(job, carrier)


class _Observed(_Proxy):
    """A job on its way through an executor: its function reports the run."""

    def __init__(self, job: Any, carrier: dict[str, str] | None) -> None:
        _Proxy.__init__(self, job)
        self._self_carrier = carrier

    @property
    def func(self) -> Callable[..., Any]:
        return _reported(self.__wrapped__, self._self_carrier)

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return _Observed, (self.__wrapped__, self._self_carrier)


def _reported(job: Any, carrier: dict[str, str] | None) -> Callable[..., Any]:
    function = job.func
    inner = _innermost(function)
    code = getattr(getattr(inner, "__func__", inner), "__code__", None)

    async def call_coroutine(*args: Any, **kwargs: Any) -> Any:
        with _Run(job, carrier):
            return await function(*args, **kwargs)

    def call(*args: Any, **kwargs: Any) -> Any:
        with _Run(job, carrier):
            return function(*args, **kwargs)

    return call_coroutine if code is not None and code.co_flags & _COROUTINE else call


class _Run:
    """Context manager around one run, which belongs to who added the job and not to who started the scheduler."""

    def __init__(self, job: Any, carrier: dict[str, str] | None) -> None:
        self._job = job
        self._carrier = carrier
        self._handle: Any = None
        self._around: Any = None

    @quiet
    def __enter__(self) -> None:
        self._around = telemetry.attached({})
        self._around.__enter__()
        if self._carrier is not None:
            handle = telemetry.run_task(self._carrier, name=_name(self._job), claimed=True)
        else:
            handle = telemetry.task(_name(self._job), source=SOURCE)
        self._handle = handle.start()

    @quiet
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._handle is not None:
            self._handle.end("SystemExit" if isinstance(error, SystemExit) else error)  # a failure, whatever its code
        if self._around is not None:
            self._around.__exit__(None, None, None)


def _ended(_executor: Any, job_id: str, events: Any) -> None:
    carrier = _submitted.pop(job_id, None)
    for event in events:
        if carrier is None:
            _tell_schedule(event)
        elif event.code == _MISSED:
            _cancel(carrier)


def _tell_schedule(event: Any) -> None:
    if event.code != _MISSED:
        with telemetry.attached({}):
            name = "schedule.error" if event.code == _ERROR else "schedule.executed"
            telemetry.track(name, scheduleType="recurring")


def _lost(_executor: Any, job_id: str, error: BaseException, *_: Any, **__: Any) -> None:
    carrier = _submitted.pop(job_id, None)
    if carrier is not None:
        telemetry.fail_task(carrier, error, source=SOURCE)
