"""Workflows that end in each way that a workflow of DBOS can end."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from dbos import DBOS, DBOSConfig

import otel_agent_telemetry as telemetry

folder = Path(os.environ["HOME"])
config: DBOSConfig = {"name": "jobs", "system_database_url": os.environ["DATABASE_URL"], "log_level": "WARNING"}
workflow: Any = DBOS.workflow
step: Any = DBOS.step


@step(retries_allowed=True, interval_seconds=0.01, max_attempts=3)
def flaky() -> None:
    """Work the second time."""
    if not (folder / "flaked").exists():
        (folder / "flaked").touch()
        raise ConnectionError


@workflow()
def succeed(number: int = 0) -> int:
    """End well, with the program's own arguments and attributes alone."""
    here = DBOS.get_workflow_status(str(DBOS.workflow_id))
    assert here is not None
    assert here.attributes in (None, {"tenant": "acme"})
    return number


@workflow()
async def coroutine() -> None:
    """End well, in the loop."""
    await asyncio.sleep(0.01)


@workflow()
def retry() -> None:
    """Have a step that is tried twice: the workflow is one attempt."""
    flaky()


@workflow()
def fail() -> None:
    """End with an exception."""
    raise LookupError


@workflow()
async def fail_coroutine() -> None:
    """End with an exception, in the loop."""
    raise LookupError


@workflow()
def delegate() -> None:
    """Run another one here, start one and enqueue one."""
    assert succeed(1) == 1
    assert DBOS.start_workflow(succeed, 2).get_result() == 2
    assert DBOS.enqueue_workflow("jobs", succeed, 3).get_result(polling_interval_sec=0.1) == 3


@workflow()
async def delegate_coroutine() -> None:
    """Run another one here, and be where it was afterwards."""
    await coroutine()
    await coroutine()


@step()
def wait_for(name: str) -> None:
    """Return once somebody made a file."""
    (folder / f"{name}-waits").touch()
    deadline = time.monotonic() + 60
    while not (folder / name).exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@workflow()
def aborted() -> None:
    """Is cancelled while it runs, and hears of it."""
    wait_for("aborted")
    flaky()


@workflow()
def late() -> None:
    """Is cancelled in its last step, and does not hear of it."""
    wait_for("late")


@workflow()
def blocking() -> None:
    """Keep the busy queue from running anything else."""
    wait_for("blocking")


@workflow()
def cancelled() -> None:
    """Is cancelled before it runs."""


@workflow()
def hurried() -> None:
    """Enqueue one that runs out of its time before it runs, as this one does."""
    DBOS.enqueue_workflow("busy", timed_out)
    wait_for("hurried")


@workflow()
def timed_out() -> None:
    """Never runs."""


@workflow()
def family() -> None:
    """Enqueue one that is cancelled with it."""
    DBOS.enqueue_workflow("busy", orphan)
    wait_for("family")
    flaky()


@workflow()
def orphan() -> None:
    """Never runs."""


@DBOS.required_roles(["admin"])
@workflow()
def forbidden() -> None:
    """Never runs, as nobody may."""


@workflow()
def misfit(argument: Any) -> None:
    """Never runs, as its argument cannot be read here."""


@workflow()
def once() -> None:
    """Is enqueued twice, and accepted once."""
    wait_for("once")


@workflow()
def linger() -> None:
    """Outlive the first worker."""
    _linger("linger")


@workflow(max_recovery_attempts=0)
def doomed() -> None:
    """Is given up with the first worker."""
    _linger("doomed")


def _linger(name: str) -> None:
    if (folder / name).exists():
        return
    with suppress(Exception):
        telemetry.flush(5, send=False)
    (folder / name).touch()
    time.sleep(60)
