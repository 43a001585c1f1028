"""Enqueues the named jobs, or one of each kind, some of which it cancels, and waits until all have ended."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import rq_jobs as jobs
from rq import Queue, Retry
from rq.command import send_stop_job_command  # pyright: ignore[reportUnknownVariableType] - as rq types it
from rq.exceptions import DuplicateJobError
from rq.repeat import Repeat

if TYPE_CHECKING:
    from collections.abc import Callable

DEADLINE = time.monotonic() + 40
ENDS = {"finished", "failed", "stopped", "canceled"}
queue: Any = Queue(connection=jobs.connection)


def wait_until(what: Callable[[], object]) -> None:
    """Return once it is true."""
    while not what():
        assert time.monotonic() < DEADLINE
        time.sleep(0.02)


def ended(job: Any) -> bool:
    """Whether it is over."""
    return str(getattr(job.get_status(), "value", None)) in ENDS


def enqueue_each() -> list[Any]:
    """All that the worker has to end."""
    cancelled = queue.enqueue_in(timedelta(hours=1), jobs.wait)
    cancelled.cancel()
    queue.enqueue_in(timedelta(hours=1), jobs.drop).delete()
    stopped = queue.enqueue(jobs.sleep)
    wait_until((jobs.folder / "sleeping").exists)
    send_stop_job_command(jobs.connection, stopped.id)
    plain = (
        jobs.succeed,
        jobs.coroutine,
        jobs.fail,
        jobs.leave,
        jobs.ask_again,
        jobs.ask_too_often,
        jobs.delegate,
        jobs.die,
    )
    published = [stopped, *(queue.enqueue(each) for each in plain)]
    meta = {"tenant": 7}
    published += [
        queue.enqueue(jobs.retry, retry=Retry(max=2), meta=meta),
        queue.enqueue(jobs.exhaust, retry=Retry(max=1), meta=meta),
        queue.enqueue(jobs.killed_once, retry=Retry(max=1, interval=1)),
        queue.enqueue(jobs.too_long, job_timeout=1),
        queue.enqueue_in(timedelta(seconds=1), jobs.later),
        queue.enqueue(jobs.after, depends_on=published[1]),
        *queue.enqueue_many([queue.prepare_data(jobs.one_of_many), queue.prepare_data(jobs.one_of_many)]),
        queue.enqueue(jobs.repeat, repeat=Repeat(times=1)),
    ]
    once = {"job_id": f"once-{time.time_ns()}", "unique": True}
    published.append(queue.enqueue(jobs.once, **once))
    with suppress(DuplicateJobError):
        queue.enqueue(jobs.once, **once)
    requeued = queue.enqueue(jobs.requeue)
    wait_until(lambda: ended(requeued))
    requeued.requeue()
    published.append(requeued)
    at_once: Any = Queue(connection=jobs.connection, is_async=False)
    at_once.enqueue(jobs.at_once)
    assert meta == {"tenant": 7}
    return published


def main(*names: str) -> None:
    """Do it."""
    published = [queue.enqueue(getattr(jobs, name)) for name in names] if names else enqueue_each()
    wait_until(lambda: all(ended(each) for each in published))


if __name__ == "__main__":
    main(*sys.argv[1:])
