"""Jobs that end in each way that an RQ job can end."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from redis import Redis
from rq import Queue, get_current_job

import otel_agent_telemetry as telemetry

connection: Any = Redis.from_url(os.environ["REDIS_URL"])  # pyright: ignore[reportUnknownMemberType] - as redis types it
folder = Path(os.environ["HOME"])


def attempt(name: str) -> int:
    """How often this job has been run, this time included."""
    return connection.incr(f"{folder}:{name}")


def settle() -> None:
    """Let what has happened be written: a process that is killed takes along what is not."""
    with suppress(Exception):
        telemetry.flush(5, send=False)


def succeed() -> str:
    """End well."""
    return "done"


async def coroutine() -> str:
    """End well, in an event loop."""
    await asyncio.sleep(0)
    return "done"


def fail() -> None:
    """End with an exception."""
    raise LookupError


def leave() -> None:
    """End by sys.exit(), which is a failure to RQ."""
    raise SystemExit


def retry() -> str:
    """End well the second time; it drops what RQ calls meta before."""
    if attempt("retry") == 1:
        job = get_current_job()
        assert job is not None
        job.meta = {"progress": 50}
        job.save_meta()
        raise ConnectionError
    return "done"


def exhaust() -> None:
    """Fail each time."""
    raise ConnectionError


def ask_again() -> Any:
    """Return a wish to be run again, the first time."""
    from rq import Retry

    return Retry(max=1) if attempt("ask_again") == 1 else "done"


def ask_too_often() -> Any:
    """Return a wish to be run again, each time."""
    from rq import Retry

    return Retry(max=1)


def delegate() -> None:
    """Enqueue another job."""
    queue: Any = Queue(connection=connection)
    queue.enqueue(succeed)


def too_long() -> None:
    """Run into its timeout."""
    time.sleep(60)


def die() -> None:
    """Take the work horse along."""
    settle()
    os.kill(os.getpid(), signal.SIGKILL)


def killed_once() -> str:
    """End well the second time."""
    if attempt("killed_once") == 1:
        die()
    return "done"


def sleep() -> None:
    """Run until it is stopped."""
    settle()
    (folder / "sleeping").touch()
    time.sleep(60)


def wait() -> None:
    """Is cancelled before it runs."""


def drop() -> None:
    """Is deleted before it runs."""


def later() -> None:
    """Wait for its time."""


def after() -> None:
    """Wait for another job."""


def one_of_many() -> None:
    """Is enqueued with others."""


def once() -> None:
    """Is enqueued twice under one id."""


def repeat() -> None:
    """Run twice."""


def requeue() -> None:
    """End well once it is requeued."""
    if attempt("requeue") == 1:
        raise LookupError


def at_once() -> None:
    """Run where it is enqueued."""


def linger() -> None:
    """Run until the worker is gone."""
    settle()
    (folder / "lingering").write_text(str(os.getpid()), "utf-8")
    time.sleep(60)
