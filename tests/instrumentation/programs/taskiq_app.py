"""Tasks that end in each way that a Taskiq task can end."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from taskiq import Context, NoResultError, SimpleRetryMiddleware, TaskiqDepends
from taskiq_broker import Ends, ListBroker

import otel_agent_telemetry as telemetry

folder = Path(os.environ["HOME"])
url = os.environ["BROKER_URL"]
broker = ListBroker(url).with_result_backend(Ends(url)).with_middlewares(SimpleRetryMiddleware())

if "NATIVE" in os.environ:
    from taskiq.instrumentation import TaskiqInstrumentor

    TaskiqInstrumentor().instrument_broker(broker)


@broker.task(task_name="succeed")
async def succeed() -> None:
    """End well."""


@broker.task(task_name="fail")
async def fail() -> None:
    """End with an exception."""
    raise ValueError


@broker.task(task_name="retry", retry_on_error=True)
async def retry(context: Context = TaskiqDepends()) -> None:  # noqa: B008 - how Taskiq injects it
    """End well the second time."""
    if "_retries" not in context.message.labels:
        raise ConnectionError


@broker.task(task_name="exhaust", retry_on_error=True, max_retries=2)
async def exhaust() -> None:
    """Fail as often as it may."""
    raise ConnectionError


@broker.task(task_name="requeue")
async def requeue(context: Context = TaskiqDepends()) -> None:  # noqa: B008 - how Taskiq injects it
    """Go back to the queue once."""
    if "X-Taskiq-requeue" not in context.message.labels:
        await context.requeue()


@broker.task(task_name="reject")
async def reject(context: Context = TaskiqDepends()) -> None:  # noqa: B008 - how Taskiq injects it
    """Give the message back for good."""
    context.reject()


@broker.task(task_name="hide")
async def hide() -> None:
    """Leave no result."""
    (folder / "hidden").touch()
    raise NoResultError


@broker.task(task_name="delegate")
async def delegate() -> None:
    """Publish another task."""
    await succeed.kiq()


@broker.task(task_name="work")
def work() -> None:
    """Run in a thread of the pool, and use a tool there."""
    with telemetry.tool("search"):
        pass


@broker.task(task_name="too_long", timeout=0.1)
async def too_long() -> None:
    """Run into its timeout."""
    await asyncio.sleep(60)


@broker.task(task_name="cancel")
async def cancel() -> None:
    """Be cancelled."""
    current = asyncio.current_task()
    assert current is not None
    asyncio.get_running_loop().call_soon(current.cancel)
    await asyncio.sleep(60)


@broker.task(task_name="sleep")
async def sleep() -> None:
    """Run longer than the worker waits for."""
    (folder / "sleeping").touch()
    await asyncio.sleep(60)
