"""RQ jobs from enqueueing to their end, and the start and stop of workers.

Hooks: ``Queue.enqueue_job``, ``schedule_job`` and ``enqueue_many`` where a task is created, whose carrier travels in
``job.meta``; ``perform_job`` of the worker where it runs. What kills a work horse (a stop command, a signal) is told by
the worker's main process in ``handle_job_failure``; what died with its worker by the registry that finds it abandoned;
a cancelled job by whoever cancels it. A retry is the same task: nothing is created again, and only its last attempt
ends it. A repetition, and a failed job that is requeued, are created anew.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ClassVar

import otel_agent_telemetry as telemetry
from otel_agent_instrumentation._hooks import FrameworkInstrumentor, quiet
from otel_agent_instrumentation._servers import EXIT_SECONDS, ServerLife, signal_name
from otel_agent_instrumentation._wrappers import after, before, within
from otel_agent_instrumentation.queues import SOURCE
from otel_agent_instrumentation.queues._carriers import KEY, carried, next_attempt

if TYPE_CHECKING:
    from collections.abc import Generator

    from otel_agent_instrumentation._hooks import Hooks, Wrapper

__all__ = ["RQInstrumentor"]

_HORSE_SECONDS = 0.5

# Statuses as RQ stores them; not every version has each.
_WAITING = frozenset({"created", "queued", "deferred", "scheduled", "rate_limited"})
_AGAIN = frozenset({"queued", "scheduled"})

_attempt: ContextVar[_Attempt | None] = ContextVar("agent_telemetry_rq_attempt", default=None)
_creating: ContextVar[bool] = ContextVar("agent_telemetry_rq_creating", default=False)
_requeuing: ContextVar[bool] = ContextVar("agent_telemetry_rq_requeuing", default=False)
_cleaning: ContextVar[bool] = ContextVar("agent_telemetry_rq_cleaning", default=False)


class RQInstrumentor(FrameworkInstrumentor):
    """Reports jobs and workers of RQ."""

    requires: ClassVar[tuple[str, ...]] = ("rq >= 2.0, < 4",)

    def install(self, hooks: Hooks) -> None:
        """Wrap what enqueues, runs and gives up jobs."""

        def when_imported(module: str, owners: tuple[str, ...], **wrappers: Wrapper) -> None:
            def wrap(loaded: Any) -> None:
                for owner in (getattr(loaded, name) for name in owners):
                    for name, wrapper in wrappers.items():
                        if name in vars(owner):  # which class has it depends on the version
                            hooks.wrap(owner, name, wrapper)

            hooks.when_imported(module, wrap)

        when_imported(
            "rq.queue",
            ("Queue",),
            enqueue_job=before(_enqueued),
            _enqueue_job=before(_put),
            _enqueue_rate_limited_job=before(_put),
            schedule_job=before(_scheduled),
            enqueue_many=within(_creating),
            create_job=after(_one_of_many),
        )
        when_imported("rq.job", ("Job",), perform=_perform, retry=before(_retried), cancel=_cancel, delete=_cancel)
        when_imported("rq.repeat", ("Repeat",), schedule=before(_repeated))
        when_imported("rq.registry", ("BaseRegistry",), requeue=within(_requeuing))
        when_imported("rq.registry", ("StartedJobRegistry", "DeferredJobRegistry"), cleanup=within(_cleaning))
        when_imported("rq.registry", ("FailedJobRegistry",), add=after(_failed))
        workers = _Workers()
        when_imported(
            "rq.worker",
            ("BaseWorker", "Worker"),
            perform_job=_perform_job,
            handle_exception=before(_raised),
            handle_job_retry=before(_returned_retry),
            handle_job_failure=_handle_job_failure,
            bootstrap=after(workers.started),
            request_stop=before(workers.signalled),
            teardown=after(workers.stopped),
        )


# Where a job is enqueued ---------------------------------------------------------------------------------------


def _enqueued(queue: Any, job: Any, *_: Any, unique: bool = False, **__: Any) -> None:
    # RQ refuses a unique job that has no id of its own, or that exists; asking for its id would make one up.
    if not unique or (job._id is not None and not job.exists(job.id, connection=queue.connection)):  # noqa: SLF001 - as said
        _create(job)


def _scheduled(queue: Any, job: Any, *_: Any, unique: bool = False, **__: Any) -> None:
    if job.started_at is None and _sent_with(job) is None:  # else a retry or a repetition that waits for its time
        _enqueued(queue, job, unique=unique)


def _one_of_many(job: Any, *_: Any, **__: Any) -> None:
    if _creating.get():
        _create(job)


def _repeated(_kind: Any, job: Any, *_: Any, **__: Any) -> None:
    _create(job)


def _put(_queue: Any, job: Any, *_: Any, **__: Any) -> None:
    if _requeuing.get():
        _create(job)


def _create(job: Any) -> None:
    # A new dictionary: the program may have given one that it uses again.
    job.meta = {**job.meta, KEY: telemetry.create_task(job.func_name, id=job.id, source=SOURCE)}


def _sent_with(job: Any) -> dict[str, str] | None:
    """What the publisher put into the job; a job's meta may have been copied from another one's."""
    return carried(job.meta.get(KEY), job.id)


def _carrier(job: Any) -> dict[str, str]:
    """What the publisher put into the job; the bare id where the publisher is not instrumented."""
    return _sent_with(job) or {"task_id": job.id}


# Where it runs -------------------------------------------------------------------------------------------------


class _Attempt:
    """One attempt at a job, while RQ decides how it ends; ``claimed`` is None where it ran in another process."""

    def __init__(self, job: Any, *, claimed: bool | None = None) -> None:
        self.job = job
        self.carrier = _carrier(job)
        self.run: Any = None
        if claimed is not None:
            name = None if "task_name" in self.carrier else job.func_name
            self.run = telemetry.run_task(self.carrier, name=name, claimed=claimed).start()
        self.error: BaseException | None = None
        self.is_retried = False
        self.returned_retry = False

    @quiet
    def end(self) -> None:
        status = self.job.get_status(refresh=False)
        if self.run is None:
            self._end_for_another(status)
        elif self.is_retried or (self.returned_retry and status in _AGAIN):
            self.run.end(outcome="retried")
        elif status == "stopped":
            self.run.end(outcome="cancelled")
        elif isinstance(self.error, SystemExit):  # which RQ takes for a failure, whatever its code
            self.run.end("SystemExit")
        elif self.error is None and status == "failed":
            self.run.end("MaxRetriesExceeded")
        else:
            self.run.end(self.error)

    def _end_for_another(self, status: Any) -> None:
        if self.is_retried:
            return
        if status == "stopped":
            telemetry.cancel_task(self.carrier, previous_status="in_progress", source=SOURCE)
        else:
            kind = "AbandonedJobError" if self.job.started_at is None else "WorkHorseKilledError"
            telemetry.fail_task(self.carrier, kind, source=SOURCE)


def _attempt_at(job: Any) -> _Attempt | None:
    attempt = _attempt.get()
    return attempt if attempt is not None and attempt.job.id == job.id else None


@contextmanager
def _current(attempt: _Attempt | None) -> Generator[None]:
    if attempt is None:
        yield
        return
    token = _attempt.set(attempt)
    try:
        yield
    except BaseException as error:
        attempt.error = error
        raise
    finally:
        _attempt.reset(token)
        attempt.end()


def _perform_job(wrapped: Any, worker: Any, args: Any, kwargs: Any) -> Any:
    try:
        with _current(_taken(*args, **kwargs)):
            return wrapped(*args, **kwargs)
    finally:
        if worker.is_horse:  # it leaves by os._exit
            quiet(telemetry.flush)(_HORSE_SECONDS, send=False)


def _perform(wrapped: Any, job: Any, args: Any, kwargs: Any) -> Any:
    if _attempt_at(job) is not None:
        return wrapped(*args, **kwargs)
    with _current(quiet(_Attempt)(job, claimed=False)):  # of a queue with is_async=False
        return wrapped(*args, **kwargs)


def _handle_job_failure(wrapped: Any, _worker: Any, args: Any, kwargs: Any) -> Any:
    with _current(_lost(*args, **kwargs)):
        return wrapped(*args, **kwargs)


@quiet
def _taken(job: Any, *_: Any, **__: Any) -> _Attempt:
    telemetry.declare_source("worker")  # a spawned work horse is a process of its own
    return _Attempt(job, claimed=True)


@quiet
def _lost(job: Any, *_: Any, **__: Any) -> _Attempt | None:
    return _Attempt(job) if _attempt_at(job) is None else None  # its work horse is dead; else the run says it


def _raised(_worker: Any, job: Any, _kind: Any, error: Any, *_: Any) -> None:
    if (attempt := _attempt_at(job)) is not None:
        attempt.error = error


def _returned_retry(_worker: Any, job: Any, *_: Any, **__: Any) -> None:
    if (attempt := _attempt_at(job)) is not None:
        attempt.returned_retry = True
    _count(job, attempt)


def _retried(job: Any, *_: Any, **__: Any) -> None:
    if (attempt := _attempt_at(job)) is not None:
        attempt.is_retried = True
    _count(job, attempt)


def _count(job: Any, attempt: _Attempt | None) -> None:
    # The program may have put another dictionary in the place of meta while it ran.
    carrier = _carrier(job) if attempt is None else attempt.carrier
    job.meta = {**job.meta, KEY: next_attempt(carrier)}


# What no run says ----------------------------------------------------------------------------------------------


def _failed(_result: Any, _registry: Any, job: Any, *_: Any, **__: Any) -> None:
    if _cleaning.get():
        telemetry.fail_task(_carrier(job), "AbandonedJobError", source=SOURCE)


def _cancel(wrapped: Any, job: Any, args: Any, kwargs: Any) -> Any:
    was_waiting = _is_waiting(job)
    result = wrapped(*args, **kwargs)
    if was_waiting:
        _cancelled(job)
    return result


@quiet
def _is_waiting(job: Any) -> bool:
    # One that runs is not stopped by this, and its run says how it ended. The status in the object may be out of date.
    return job.get_status(refresh=False) in _WAITING and job.get_status() in _WAITING


@quiet
def _cancelled(job: Any) -> None:
    telemetry.cancel_task(_carrier(job), previous_status="pending", source=SOURCE)


class _Workers:
    """The workers of this process, by name, from start to stop."""

    def __init__(self) -> None:
        self._lives: dict[str, ServerLife] = {}
        self._signal: str | None = None

    def started(self, _result: Any, worker: Any, *_: Any, **__: Any) -> None:
        self._lives[worker.name] = life = ServerLife("worker")
        life.started()

    def signalled(self, _worker: Any, number: int, *_: Any) -> None:
        self._signal = signal_name((number,))

    def stopped(self, _result: Any, worker: Any) -> None:
        life = self._lives.pop(worker.name, None)
        if life is not None:
            life.stopped(self._signal)
            telemetry.flush(EXIT_SECONDS, send=False)  # a pool's worker goes by os._exit
