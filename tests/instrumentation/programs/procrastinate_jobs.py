"""Jobs that end in each way that a job of Procrastinate can end."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from procrastinate import App, PsycopgConnector, RetryStrategy
from procrastinate.exceptions import JobAborted

import otel_agent_telemetry as telemetry

folder = Path(os.environ["HOME"])
app = App(connector=PsycopgConnector(conninfo=os.environ["POSTGRES"]))
task: Any = app.task


@task()
def succeed(number: int = 0) -> None:
    """End well, with the program's own arguments alone, in a thread."""
    assert number in {0, 1}


@task(pass_context=True)
async def coroutine(context: Any) -> None:
    """End well, in the loop, and see nothing of ours."""
    assert (context.job.lock, context.job.queueing_lock) == (None, None)


@task(pass_context=True, lock="one", queueing_lock="one")
async def locked(context: Any) -> None:
    """Have both locks of the program's own."""
    assert (context.job.lock, context.job.queueing_lock) == ("one", "one")


@task(pass_context=True, lock="two")
async def half_locked(context: Any) -> None:
    """Have one lock."""
    assert (context.job.lock, context.job.queueing_lock) == ("two", None)


@task()
async def fail() -> None:
    """End with an exception."""
    raise LookupError


@task(retry=1, pass_context=True)
async def again(context: Any) -> None:
    """End well the second time."""
    if context.job.attempts == 0:
        raise ConnectionError


@task(retry=RetryStrategy(max_attempts=1))
async def exhaust() -> None:
    """Fail each time."""
    raise ConnectionError


@task(pass_context=True)
async def abort(context: Any) -> None:
    """Run until somebody asks it to stop."""
    (folder / "aborting").touch()
    while not context.should_abort():  # noqa: ASYNC110 - Procrastinate has no other way to ask
        await asyncio.sleep(0.05)
    raise JobAborted


@task()
async def delegate() -> None:
    """Defer another job."""
    await succeed.defer_async(number=1)


@task()
async def cancelled() -> None:
    """Is cancelled before it runs."""


@task()
async def twice() -> None:
    """Is refused the second time."""


@task(retry=3)
async def linger() -> None:
    """Outlive the first worker."""
    if (folder / "lingering").exists():
        return
    with suppress(Exception):
        telemetry.flush(5, send=False)
    (folder / "lingering").touch()
    await asyncio.sleep(60)
