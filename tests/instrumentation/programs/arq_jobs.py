# ruff: noqa: ARG001
# arq calls each with its context.
"""Jobs that end in each way that an arq job can end, and a worker for them."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from arq import Retry, cron, func
from arq.connections import RedisSettings

import otel_agent_telemetry as telemetry

folder = Path(os.environ["HOME"])
settings = RedisSettings.from_dsn(os.environ["REDIS_URL"])
AT_ONCE = 6
met: list[int] = []
all_met = asyncio.Event()


async def succeed(ctx: dict[str, Any], *args: int, **kwargs: int) -> str:
    """End well, where nobody but the program has changed anything."""
    assert (args, kwargs, ctx["hooked"]) == ((1,), {"two": 2}, True)
    assert sorted(ctx) == ["enqueue_time", "hooked", "job_id", "job_try", "redis", "score"]
    return "done"


async def fail(ctx: Any) -> None:
    """End with an exception."""
    raise LookupError


async def forget(ctx: Any) -> None:
    """End well, and leave no result."""


async def unseen(ctx: Any) -> None:
    """End with an exception, and leave no result."""
    raise LookupError


async def again(ctx: dict[str, Any]) -> str:
    """End well the second time."""
    if ctx["job_try"] == 1:
        raise Retry
    return "done"


async def exhaust(ctx: Any) -> None:
    """Ask for another run each time."""
    raise Retry


async def delegate(ctx: dict[str, Any]) -> None:
    """Enqueue another job."""
    await ctx["redis"].enqueue_job("succeed", 1, two=2)


async def too_long(ctx: Any) -> None:
    """Run into its timeout."""
    await asyncio.sleep(60)


async def sleep(ctx: Any) -> None:
    """Run until it is aborted."""
    (folder / "sleeping").touch()
    await asyncio.sleep(60)


async def wait(ctx: Any) -> None:
    """Is aborted before it runs."""


async def later(ctx: Any) -> None:
    """Wait for its time."""


async def expire(ctx: Any) -> None:
    """Is gone when its time has come."""


async def once(ctx: Any) -> None:
    """Is enqueued twice under one id."""


async def together(ctx: Any, number: int) -> None:
    """Run until all of its kind do; those of odd numbers then fail."""
    met.append(number)
    if len(met) == AT_ONCE:
        all_met.set()
    await all_met.wait()
    if number % 2:
        raise ArithmeticError


async def tick(ctx: Any) -> None:
    """Run when the worker starts."""


async def linger(ctx: dict[str, Any]) -> str:
    """Outlive the first worker."""
    if ctx["job_try"] > 1:
        return "done"
    with suppress(Exception):
        telemetry.flush(5, send=False)
    (folder / "lingering").touch()
    await asyncio.sleep(60)
    return "too late"


async def on_job_start(ctx: dict[str, Any]) -> None:
    """The program's own hook."""
    ctx["hooked"] = True


def dump(job: dict[str, Any]) -> bytes:
    """A serialisation that knows arq's own keys alone."""
    assert sorted(job) == ["a", "et", "f", "k", "t"]
    return repr(job).encode()


def load(data: bytes) -> dict[str, Any]:
    """What was dumped."""
    return eval(data)  # noqa: S307 - the test's own


# What ``arq arq_jobs.QUIET`` runs; the others differ in one thing.
QUIET: dict[str, Any] = {
    "functions": [
        succeed,
        fail,
        func(forget, keep_result=0),
        func(unseen, keep_result=0),
        again,
        func(exhaust, max_tries=2),
        delegate,
        func(too_long, timeout=0.2),
        sleep,
        wait,
        later,
        expire,
        once,
        together,
        linger,
    ],
    "redis_settings": settings,
    "on_job_start": on_job_start,
    "allow_abort_jobs": True,
    "poll_delay": 0.05,
}
EACH = {**QUIET, "cron_jobs": [cron(tick, month=1, day=1, hour=0, minute=0, run_at_startup=True)]}
STRICT = {**QUIET, "job_serializer": dump, "job_deserializer": load}
