"""Defers the named jobs, or one of each kind, and waits until all have ended."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any

import procrastinate_jobs as jobs
from procrastinate.exceptions import AlreadyEnqueued

DEADLINE = time.monotonic() + 60


async def wait_until(what: Any) -> None:
    """Return once it is true."""
    while not await what():
        assert time.monotonic() < DEADLINE
        await asyncio.sleep(0.05)


async def all_ended() -> bool:
    """Whether none waits or runs."""
    each = await jobs.app.job_manager.list_jobs_async()
    return all(job.status not in {"todo", "doing"} for job in each)


async def defer_each() -> None:
    """One of each kind."""
    manager = jobs.app.job_manager
    later = await jobs.cancelled.configure(schedule_in={"hours": 1}).defer_async()
    assert await manager.cancel_job_by_id_async(later)
    aborted = await jobs.abort.defer_async()

    async def is_aborting() -> bool:
        return (jobs.folder / "aborting").exists()

    await wait_until(is_aborting)
    assert await manager.cancel_job_by_id_async(aborted, abort=True)
    for each in ("coroutine", "locked", "half_locked", "again", "exhaust", "delegate"):
        await getattr(jobs, each).defer_async()
    await jobs.fail.configure(priority=7).defer_async()
    await jobs.succeed.batch_defer_async({"number": 1}, {"number": 0})
    waiting = jobs.twice.configure(queueing_lock="twice", schedule_in={"hours": 1})
    first = await waiting.defer_async()
    try:
        await waiting.defer_async()
    except AlreadyEnqueued:
        assert await manager.cancel_job_by_id_async(first)


async def main(*names: str) -> None:
    """Do it."""
    async with jobs.app.open_async():
        for name in names:
            await getattr(jobs, name).defer_async()
        if not names:
            await defer_each()
        if names != ("linger",):
            await wait_until(all_ended)


asyncio.run(main(*sys.argv[1:]))
