"""Flows and tasks that end in each way that Prefect's can end."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.states import Failed

import otel_agent_telemetry as telemetry

folder = Path(os.environ["HOME"])
NOTHING: dict[str, Any] = {"log_prints": False, "persist_result": False}


def first_time(name: str) -> bool:
    """Whether it is."""
    try:
        (folder / name).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


@task
def step(number: int = 0) -> int:
    """End well."""
    return number


@task
async def coroutine() -> None:
    """End well, in the loop."""
    await asyncio.sleep(0.01)


@task(retries=1)
def flaky() -> None:
    """Work the second time."""
    if first_time("flaked"):
        raise ConnectionError


@task(retries=1, retry_delay_seconds=0.1)
async def patient() -> None:
    """Work the second time, in the loop and a moment later."""
    if first_time("waited"):
        raise ConnectionError


@task
def broken() -> None:
    """End with an exception."""
    raise LookupError


@flow
def succeed() -> None:
    """Run tasks here and in threads."""
    step(1)
    step.submit(2).result()


@flow
async def in_loop() -> None:
    """Run tasks in the loop, and another flow."""
    await coroutine()
    await child()


@flow
async def child() -> None:
    """Is run by another."""
    await patient()


@flow
def fail() -> None:
    """Fail with its task, whose retries are other attempts."""
    flaky()
    broken()


@flow
def say_failed() -> Any:
    """Fail without an exception."""
    return Failed(message="no")


@flow(retries=1)
def again() -> None:
    """End well the second time."""
    if first_time("again"):
        raise ConnectionError


@flow(timeout_seconds=0.3)
async def slow() -> None:
    """Take too long."""
    await asyncio.sleep(30)


@flow
def cancelled() -> None:
    """Is cancelled before it runs, or while."""
    (folder / "cancelling").touch()
    time.sleep(60)


@flow
def killed() -> None:
    """Kill its own process."""
    with suppress(Exception):
        telemetry.flush(5, send=False)
    os.kill(os.getpid(), 9)


@task(retries=1)
def background(number: int) -> None:
    """Work the second time, wherever that is."""
    if first_time("background"):
        raise ConnectionError
    assert number == 1


@task
async def plain() -> None:
    """Need no parameters."""
    (folder / "plain").touch()
