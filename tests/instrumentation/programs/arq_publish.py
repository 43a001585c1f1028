"""Enqueues the named job, or one of each kind, two of which it aborts, and waits until all have ended."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from typing import TYPE_CHECKING, Any

import arq_jobs as jobs
from arq import create_pool

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

DEADLINE = time.monotonic() + 25


async def until(what: Callable[[], Awaitable[object]]) -> None:
    """Return once it is true."""
    while not await what():
        assert time.monotonic() < DEADLINE
        await asyncio.sleep(0.02)


async def enqueue_each(redis: Any) -> None:
    """One of each kind."""
    waiting = await redis.enqueue_job("wait", _defer_by=3600)
    assert await waiting.abort(poll_delay=0.02)
    running = await redis.enqueue_job("sleep")
    await until(lambda: asyncio.to_thread((jobs.folder / "sleeping").exists))
    assert await running.abort(poll_delay=0.02)
    await redis.enqueue_job("succeed", 1, two=2)
    for name in ("fail", "forget", "unseen", "again", "exhaust", "delegate", "too_long", "nowhere"):
        await redis.enqueue_job(name)
    await redis.enqueue_job("later", _defer_by=1)
    await redis.enqueue_job("expire", _defer_by=1, _expires=0.5)
    assert [await redis.enqueue_job("once", _job_id=str(jobs.folder)) is None for _ in range(2)] == [False, True]
    for number in range(jobs.AT_ONCE):
        await redis.enqueue_job("together", number)


async def main(*names: str) -> None:
    """Do it."""
    redis: Any = await create_pool(jobs.settings, job_serializer=jobs.dump if "STRICT" in os.environ else None)
    for name in names:
        await redis.enqueue_job(name)
    if not names:
        await enqueue_each(redis)

    async def is_done() -> bool:
        return await redis.zcard("arq:queue") == 0

    await until(is_done)
    await redis.aclose() if hasattr(redis, "aclose") else await redis.close()


asyncio.run(main(*sys.argv[1:]))
