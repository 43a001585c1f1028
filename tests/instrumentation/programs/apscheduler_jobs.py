"""Jobs that end in each way that a job of APScheduler can end, in threads, processes and a loop."""

from __future__ import annotations

import asyncio
import datetime as dt
import functools
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from apscheduler.executors.pool import ProcessPoolExecutor  # pyright: ignore[reportMissingTypeStubs] - it has none
from apscheduler.jobstores.base import ConflictingIdError  # pyright: ignore[reportMissingTypeStubs] - it has none
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore  # pyright: ignore[reportMissingTypeStubs] - as above
from apscheduler.schedulers.asyncio import AsyncIOScheduler  # pyright: ignore[reportMissingTypeStubs] - as above
from apscheduler.schedulers.background import BackgroundScheduler  # pyright: ignore[reportMissingTypeStubs] - as above

import otel_agent_telemetry as telemetry

folder = Path(os.environ["HOME"])
STORE = {"default": {"type": "sqlalchemy", "url": f"sqlite:///{folder / 'jobs.db'}"}}
LONG_AGO = dt.datetime(2000, 1, 1, tzinfo=dt.timezone.utc)
assert SQLAlchemyJobStore


def succeed(number: int = 0) -> None:
    """End well, with the program's own arguments alone."""
    with telemetry.tool("work"):
        assert number in {0, 1}


def fail() -> None:
    """End with an exception."""
    raise LookupError


def leave() -> None:
    """End as a program does."""
    sys.exit(0)


def tick() -> None:
    """Run at each interval."""
    (folder / "ticked").open("a", encoding="utf-8").write("x")


def missed() -> None:
    """Never run: its time has passed."""


def removed() -> None:
    """Never run: it is removed."""


def stored() -> None:
    """Run by another process than the one that added it."""
    (folder / "stored").touch()


def die() -> None:
    """Take the process along."""
    with suppress(Exception):
        telemetry.flush(5, send=False)
    (folder / "dying").touch()
    os.kill(os.getpid(), signal.SIGKILL)


async def coroutine(number: int) -> None:
    """End well, in the loop."""
    await asyncio.sleep(0)
    assert number == 1


def in_seconds(seconds: float) -> dt.datetime:
    """That time from now."""
    return dt.datetime.now(dt.timezone.utc) + dt.timedelta(seconds=seconds)


def wait_until(what: Any) -> None:
    """Return once it is true."""
    deadline = time.monotonic() + 60
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def in_background() -> None:
    """In threads, and one in a process."""
    scheduler: Any = BackgroundScheduler(executors={"default": {"type": "threadpool"}, "other": ProcessPoolExecutor(1)})
    ended: list[str] = []

    def heard(event: Any) -> None:
        ended.append(event.job_id)

    scheduler.add_listener(heard, 2**12 | 2**13 | 2**14)
    with telemetry.session(id="caller"):
        scheduler.add_job(removed, "date", run_date=in_seconds(3600), id="removed")
        scheduler.add_job(succeed, args=[1], misfire_grace_time=None)
        scheduler.start()
        for each in (fail, leave):
            scheduler.add_job(each, misfire_grace_time=None)
        scheduler.add_job(missed, "date", run_date=LONG_AGO, misfire_grace_time=1)
        scheduler.add_job(functools.partial(succeed, 1), name="secret", misfire_grace_time=None)
        scheduler.add_job(succeed, executor="other", misfire_grace_time=None)
        try:
            scheduler.add_job(removed, "date", run_date=LONG_AGO, id="removed")
        except ConflictingIdError:
            scheduler.remove_job("removed")
    scheduler.add_job(tick, "interval", seconds=1, id="tick", next_run_time=in_seconds(0), misfire_grace_time=None)
    wait_until(lambda: len(ended) >= 7 and len((folder / "ticked").read_text("utf-8")) == 2)
    scheduler.remove_job("tick")
    scheduler.add_job(die, executor="other", misfire_grace_time=None)
    wait_until((folder / "dying").exists)
    # Nothing else tells the program that its pool broke.
    wait_until(lambda: not scheduler._executors["other"]._instances)  # noqa: SLF001 - as said
    scheduler.shutdown()


async def in_loop() -> None:
    """A coroutine function."""
    scheduler: Any = AsyncIOScheduler()
    done = asyncio.Event()
    scheduler.add_listener(lambda _: done.set(), 2**12)  # pyright: ignore[reportUnknownLambdaType] - untyped
    scheduler.start()
    scheduler.add_job(coroutine, args=[1], misfire_grace_time=None)
    await asyncio.wait_for(done.wait(), 30)
    scheduler.shutdown()


def add_stored() -> None:
    """Leave a job in the store."""
    scheduler: Any = BackgroundScheduler(jobstores=STORE)
    scheduler.start(paused=True)
    scheduler.add_job(stored, "date", run_date=in_seconds(3), misfire_grace_time=None)
    scheduler.shutdown()


def run_stored() -> None:
    """Run what is in the store."""
    scheduler: Any = BackgroundScheduler(jobstores=STORE)
    scheduler.start()
    wait_until((folder / "stored").exists)
    scheduler.shutdown()


def main(what: str) -> None:
    """Do it."""
    if what == "loop":
        asyncio.run(in_loop())
    else:
        {"background": in_background, "add": add_stored, "run": run_stored}[what]()


if __name__ == "__main__":
    main(sys.argv[1])
