"""Procrastinate jobs from deferring to their end, across processes, and workers.

Hooks: ``JobManager._defer_jobs_query_kwargs``, where jobs are written, ``fetch_job``, where one is taken out of the
database, and ``Worker._process_job``. A row of ``procrastinate_jobs`` has no place for anything of ours but its two
locks. A lock that no other job has locks nothing, so the carrier stands in one that the program leaves empty; neither
the program nor its worker's code sees it there. A retry is the same task: only its last attempt ends it.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ClassVar

import otel_agent_telemetry as telemetry
from otel_agent_instrumentation._hooks import FrameworkInstrumentor, quiet
from otel_agent_instrumentation._memory import Memory
from otel_agent_instrumentation._servers import EXIT_SECONDS, ServerLife
from otel_agent_instrumentation._wrappers import before
from otel_agent_instrumentation.queues import SOURCE
from otel_agent_instrumentation.queues._carriers import KEY, from_text, to_text

if TYPE_CHECKING:
    from otel_agent_instrumentation._hooks import Hooks

__all__ = ["ProcrastinateInstrumentor"]

_MARK = f"{KEY}:"
_LOCKS = ("lock", "queueing_lock")
_LONGEST = 2000  # a row of an index takes no more than 2,704 bytes

_written: ContextVar[list[dict[str, str]] | None] = ContextVar("agent_telemetry_procrastinate", default=None)


class ProcrastinateInstrumentor(FrameworkInstrumentor):
    """Reports jobs and workers of Procrastinate."""

    requires: ClassVar[tuple[str, ...]] = ("procrastinate >= 3.0, < 4",)

    def install(self, hooks: Hooks) -> None:
        """Wrap what defers, fetches and runs jobs."""

        def manager(module: Any) -> None:
            jobs = _Jobs()
            hooks.wrap(module.JobManager, "_defer_jobs_query_kwargs", _write)
            hooks.wrap(module.JobManager, "batch_defer_jobs", jobs.defer)
            hooks.wrap(module.JobManager, "batch_defer_jobs_async", jobs.defer_async)
            hooks.wrap(module.JobManager, "cancel_job_by_id", jobs.cancel)
            hooks.wrap(module.JobManager, "cancel_job_by_id_async", jobs.cancel_async)
            hooks.wrap(module.JobManager, "fetch_job", _fetch_job)

        def worker(module: Any) -> None:
            hooks.wrap(module.Worker, "_process_job", _process_job)
            hooks.wrap(module.Worker, "_log_job_outcome", before(_ended))
            hooks.wrap(module.Worker, "run", _run)

        hooks.when_imported("procrastinate.manager", manager)
        hooks.when_imported("procrastinate.worker", worker)


# Where a job is deferred ---------------------------------------------------------------------------------------------


def _write(wrapped: Any, _manager: Any, args: Any, kwargs: Any) -> Any:
    jobs = args[0] if args else kwargs.get("jobs")
    if not isinstance(jobs, list):
        return wrapped(*args, **kwargs)
    return wrapped(jobs=[_with_carrier(job) or job for job in jobs])  # pyright: ignore[reportUnknownVariableType] - Procrastinate's


@quiet
def _with_carrier(job: Any) -> Any:
    priority = job.priority if isinstance(job.priority, int) else None
    carrier = telemetry.create_task(job.task_name, source=SOURCE, priority=priority)
    if (written := _written.get()) is not None:
        written.append(carrier)
    text = _MARK + to_text(carrier)
    free = next((lock for lock in _LOCKS if getattr(job, lock) is None), None)
    return job if free is None or len(text) > _LONGEST else job.evolve(**{free: text})


class _Jobs:
    """What this process deferred: a cancellation knows the number of a row alone."""

    def __init__(self) -> None:
        self._deferred: Memory[int, dict[str, str]] = Memory()

    def defer(self, wrapped: Any, _manager: Any, args: Any, kwargs: Any) -> Any:
        written: list[dict[str, str]] = []
        token = _written.set(written)
        try:
            jobs = wrapped(*args, **kwargs)
        except Exception:
            _refused(written)
            raise
        finally:
            _written.reset(token)
        self._remember(jobs, written)
        return jobs

    async def defer_async(self, wrapped: Any, _manager: Any, args: Any, kwargs: Any) -> Any:
        written: list[dict[str, str]] = []
        token = _written.set(written)
        try:
            jobs = await wrapped(*args, **kwargs)
        except Exception:
            _refused(written)
            raise
        finally:
            _written.reset(token)
        self._remember(jobs, written)
        return jobs

    @quiet
    def _remember(self, jobs: list[Any], written: list[dict[str, str]]) -> None:
        for job, carrier in zip(jobs, written, strict=True):
            self._deferred[job.id] = carrier

    def cancel(self, wrapped: Any, _manager: Any, args: Any, kwargs: Any) -> Any:
        is_done = wrapped(*args, **kwargs)
        self._cancelled(is_done, *args, **kwargs)
        return is_done

    async def cancel_async(self, wrapped: Any, _manager: Any, args: Any, kwargs: Any) -> Any:
        is_done = await wrapped(*args, **kwargs)
        self._cancelled(is_done, *args, **kwargs)
        return is_done

    @quiet
    def _cancelled(self, is_done: Any, job_id: int, abort: Any = False, *_: Any, **__: Any) -> None:  # noqa: FBT002 - as Procrastinate has it
        # With `abort` it may be running, and then its run says how it ends.
        if is_done and not abort and (carrier := self._deferred.get(job_id)) is not None:
            telemetry.cancel_task(carrier, previous_status="pending", source=SOURCE)


@quiet
def _refused(written: list[dict[str, str]]) -> None:
    for carrier in written:
        telemetry.cancel_task(carrier, previous_status="pending", source=SOURCE)


# Where it runs -------------------------------------------------------------------------------------------------------

_fetched: Memory[int, dict[str, str]] = Memory()


async def _fetch_job(wrapped: Any, _manager: Any, args: Any, kwargs: Any) -> Any:
    job = await wrapped(*args, **kwargs)
    return job if job is None else _without_carrier(job) or job


@quiet
def _without_carrier(job: Any) -> Any:
    for lock in _LOCKS:
        text = getattr(job, lock)
        if isinstance(text, str) and text.startswith(_MARK):
            carrier = from_text(text.removeprefix(_MARK))
            if carrier is not None:
                _fetched[job.id] = carrier
            job = job.evolve(**{lock: None})
    return job


class _Attempt:
    """One attempt at a job, while Procrastinate decides how it ends."""

    def __init__(self, context: Any) -> None:
        job = context.job
        carrier = _fetched.pop(job.id, None) or {"task_id": str(job.id)}
        carrier = {**carrier, "task_attempt": str(job.attempts + 1)}
        name = None if "task_name" in carrier else job.task_name
        self.run = telemetry.run_task(carrier, name=name, claimed=True).start()
        self.error: BaseException | None = None
        self.outcome: str | None = None

    @quiet
    def end(self) -> None:
        self.run.end(None if self.outcome else self.error, outcome=self.outcome)


_attempt: ContextVar[_Attempt | None] = ContextVar("agent_telemetry_procrastinate_attempt", default=None)


async def _process_job(wrapped: Any, _worker: Any, args: Any, kwargs: Any) -> Any:
    attempt = quiet(_Attempt)(*args, **kwargs)
    token = _attempt.set(attempt)
    try:
        return await wrapped(*args, **kwargs)
    finally:
        _attempt.reset(token)
        if attempt is not None:
            attempt.end()


def _ended(_worker: Any, *, status: Any, job_retry: Any, exc_info: Any = None, **_: Any) -> None:
    attempt = _attempt.get()
    if attempt is None:
        return
    attempt.error = exc_info if isinstance(exc_info, BaseException) else None
    if job_retry is not None:
        attempt.outcome = "retried"
    elif status.value == "aborted":
        attempt.outcome = "cancelled"


# Workers -------------------------------------------------------------------------------------------------------------


async def _run(wrapped: Any, _worker: Any, args: Any, kwargs: Any) -> Any:
    life = _begin()
    try:
        return await wrapped(*args, **kwargs)
    finally:
        _stopped(life)


@quiet
def _begin() -> ServerLife:
    life = ServerLife("worker")
    life.started()
    return life


@quiet
def _stopped(life: ServerLife | None) -> None:
    if life is not None:
        life.stopped()
        telemetry.flush(EXIT_SECONDS, send=False)
