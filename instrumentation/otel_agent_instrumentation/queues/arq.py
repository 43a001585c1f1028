"""arq jobs from enqueueing to their end, and the start and stop of workers.

Hooks: ``ArqRedis.enqueue_job`` and ``serialize_job``, where a task is created and its carrier put beside the function's
name into what is serialised, so that the function's arguments stay as they are; ``Worker.run_job`` and
``deserialize_job_raw``, where it is taken out again. arq keeps an outcome in local variables alone; the worker's
counters and ``serialize_result`` are told of it in the job's own context, whatever runs at the same time. A job that is
to run again is the same task: only its last attempt ends it.
"""

from __future__ import annotations

import sys
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import uuid4

import otel_agent_telemetry as telemetry
from otel_agent_instrumentation._hooks import FrameworkInstrumentor, quiet
from otel_agent_instrumentation._servers import ServerLife, signal_name
from otel_agent_instrumentation._wrappers import before
from otel_agent_instrumentation.queues import SOURCE

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_agent_instrumentation._hooks import Hooks

__all__ = ["ArqInstrumentor"]

KEY = "agent_telemetry"
"""The key of the carrier in a serialised job, beside arq's own of one or two letters."""


_enqueued_id: ContextVar[str | None] = ContextVar("agent_telemetry_arq_enqueued_id", default=None)
_attempt: ContextVar[_Attempt | None] = ContextVar("agent_telemetry_arq_attempt", default=None)


class ArqInstrumentor(FrameworkInstrumentor):
    """Reports jobs and workers of arq."""

    requires: ClassVar[tuple[str, ...]] = ("arq >= 0.25, < 1",)

    def install(self, hooks: Hooks) -> None:
        """Wrap what enqueues and runs jobs."""

        def wrap_connections(module: Any) -> None:
            hooks.wrap(module.ArqRedis, "enqueue_job", _enqueue_job)
            hooks.wrap(module, "serialize_job", _serialize_job)

        def wrap_worker(module: Any) -> None:
            workers = _Workers()
            hooks.wrap(module, "deserialize_job_raw", _deserialize_job_raw)
            hooks.wrap(module, "serialize_result", before(_serialized))
            hooks.wrap(module.Worker, "run_job", _run_job)
            hooks.wrap(module.Worker, "_poll_iteration", before(workers.polls))
            hooks.wrap(module.Worker, "handle_sig", before(workers.signalled))
            hooks.wrap(module.Worker, "handle_sig_wait_for_completion", before(workers.signalled))
            hooks.wrap(module.Worker, "close", workers.close)
            for name, watched in _WATCHED.items():
                setattr(module.Worker, name, watched)
                hooks.later(lambda name=name: delattr(module.Worker, name))

        hooks.when_imported("arq.connections", wrap_connections)
        hooks.when_imported("arq.worker", wrap_worker)


# Where a job is enqueued ---------------------------------------------------------------------------------------


async def _enqueue_job(wrapped: Any, _redis: Any, args: Any, kwargs: Any) -> Any:
    job_id = kwargs.get("_job_id") or uuid4().hex  # as arq makes it
    token = _enqueued_id.set(job_id)
    try:
        return await wrapped(*args, **{**kwargs, "_job_id": job_id})
    finally:
        _enqueued_id.reset(token)


def _serialize_job(wrapped: Any, _module: Any, args: Any, kwargs: Any) -> Any:
    # arq comes here only where no job of this id exists.
    carrier = _create(*args, **kwargs)
    if carrier is None:
        return wrapped(*args, **kwargs)
    serializer = kwargs.get("serializer")
    if serializer is None:
        import pickle

        serializer = pickle.dumps

    def serialize(job: dict[str, Any]) -> bytes:
        try:
            return serializer({**job, KEY: carrier})
        except Exception:  # noqa: BLE001 - the program's own may take arq's keys alone
            return serializer(job)

    return wrapped(*args, **{**kwargs, "serializer": serialize})


@quiet
def _create(function_name: Any, *_: Any, **__: Any) -> dict[str, str] | None:
    job_id = _enqueued_id.get()
    return None if job_id is None else telemetry.create_task(function_name, id=job_id, source=SOURCE)


# Where it runs -------------------------------------------------------------------------------------------------


class _Attempt:
    """One attempt at a job; what arq makes of it is told while it does."""

    def __init__(self, job_id: str) -> None:
        self.carrier: dict[str, str] = {"task_id": job_id}
        self.name: str | None = None
        self.first_try = 1
        self.run: Any = None
        self.outcome: str | None = None
        self.error: BaseException | None = None

    def found(self, job: dict[str, Any]) -> None:
        """What the publisher enqueued."""
        self.name = job["f"]
        self.first_try = job["t"] or 1  # a program may say with which number it begins
        carrier = job.get(KEY)
        if isinstance(carrier, dict):
            self.carrier = carrier

    def start(self, job_try: int) -> None:
        """It runs now."""
        number = max(1, job_try - self.first_try + 1)
        self.run = telemetry.run_task(self.carrier | {"task_attempt": str(number)}, name=self.name, claimed=True)
        self.run.start()

    @quiet
    def end(self, error: BaseException | None) -> None:
        """How it ended; ``error`` is arq's own."""
        if self.run is not None:
            self._end_run(error)
        elif self.outcome == "failed":
            self._end_without_run()

    def _end_run(self, error: BaseException | None) -> None:
        if self.outcome == "failed":
            self.run.end(self.error or "JobExecutionFailed")
        elif self.outcome is None:
            self.run.end(error, outcome="abandoned")  # arq's own trouble, which the worker does not survive
        else:
            self.run.end(outcome=self.outcome)

    def _end_without_run(self) -> None:
        # By name: asyncio's has been another class in each Python.
        if type(self.error).__name__ == "CancelledError":
            telemetry.cancel_task(self.carrier, previous_status="pending", source=SOURCE)
        else:
            telemetry.fail_task(self.carrier, self.error or "JobExecutionFailed", source=SOURCE)


async def _run_job(wrapped: Any, _worker: Any, args: Any, kwargs: Any) -> Any:
    attempt = _Attempt(args[0] if args else kwargs["job_id"])
    token = _attempt.set(attempt)
    error: BaseException | None = None
    try:
        return await wrapped(*args, **kwargs)
    except BaseException as raised:
        error = raised
        raise
    finally:
        _attempt.reset(token)
        attempt.end(error)


def _deserialize_job_raw(wrapped: Any, _module: Any, args: Any, kwargs: Any) -> Any:
    attempt, deserializer = _attempt.get(), kwargs.get("deserializer")
    if attempt is None:
        return wrapped(*args, **kwargs)
    if deserializer is None:
        import pickle

        deserializer = pickle.loads

    def deserialize(data: bytes) -> Any:
        job = deserializer(data)
        quiet(attempt.found)(job)
        return job

    return wrapped(*args, **{**kwargs, "deserializer": deserialize})


def _serialized(_module: Any, *args: Any, **kwargs: Any) -> None:
    success, result = args[5:7] if args else (kwargs["success"], kwargs["result"])
    attempt = _attempt.get()
    if attempt is not None and not success:
        attempt.error = result


class _Counter:
    """An attribute of the worker, as it was; whoever counts there tells how the job around it ended."""

    def __init__(self, name: str, outcome: str) -> None:
        self._name = name
        self._outcome = outcome

    def __get__(self, worker: Any, kind: Any = None) -> Any:
        return self if worker is None else _stored(worker, self._name)

    def __set__(self, worker: Any, value: Any) -> None:
        worker.__dict__[self._name] = value
        attempt = _attempt.get()
        if attempt is not None:
            attempt.outcome = self._outcome
            attempt.error = attempt.error or sys.exc_info()[1]


class _JobStart:
    """The worker's ``on_job_start``, as the program set it; inside a job it begins the run first."""

    def __get__(self, worker: Any, kind: Any = None) -> Any:
        if worker is None:
            return self
        theirs, attempt = _stored(worker, "on_job_start"), _attempt.get()
        return theirs if attempt is None else _starting(attempt, theirs)

    def __set__(self, worker: Any, value: Any) -> None:
        worker.__dict__["on_job_start"] = value


def _stored(worker: Any, name: str) -> Any:
    try:
        return worker.__dict__[name]
    except KeyError:
        raise AttributeError(name) from None


def _starting(attempt: _Attempt, theirs: Callable[[Any], Any] | None) -> Callable[[Any], Any]:
    async def on_job_start(ctx: Any) -> None:
        quiet(attempt.start)(ctx["job_try"])
        if theirs:
            await theirs(ctx)

    return on_job_start


_WATCHED: dict[str, Any] = {
    "jobs_complete": _Counter("jobs_complete", "ok"),
    "jobs_retried": _Counter("jobs_retried", "retried"),
    "jobs_failed": _Counter("jobs_failed", "failed"),
    "on_job_start": _JobStart(),
}


# Workers -------------------------------------------------------------------------------------------------------


class _Workers:
    """The workers of this process, from their first look at the queue to their stop."""

    def __init__(self) -> None:
        self._lives: dict[int, ServerLife] = {}
        self._signal: str | None = None

    def polls(self, worker: Any) -> None:
        if id(worker) not in self._lives:
            self._lives[id(worker)] = life = ServerLife("worker")
            life.started()

    def signalled(self, worker: Any, signum: int, *_: Any) -> None:
        if worker._handle_signals:  # noqa: SLF001 - else close() makes one up
            self._signal = signal_name((signum,))

    async def close(self, wrapped: Any, worker: Any, args: Any, kwargs: Any) -> Any:
        try:
            return await wrapped(*args, **kwargs)
        finally:
            self._stopped(worker)

    @quiet
    def _stopped(self, worker: Any) -> None:
        life = self._lives.pop(id(worker), None)
        if life is not None:
            life.stopped(self._signal)
