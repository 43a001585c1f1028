"""Workflows and activities that end in each way that one can end, and ``python -m temporal_app``, a worker for them.

It runs until SIGTERM. ``PROCESSES`` in the environment adds a second worker, whose activities run in a process pool;
with ``UNCACHED`` each workflow task replays its workflow from the beginning.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from temporalio import activity, workflow
from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.common import HeaderCodecBehavior, Priority, RetryPolicy
from temporalio.converter import PayloadCodec
from temporalio.exceptions import ApplicationError
from temporalio.worker import SharedStateManager, Worker

if TYPE_CHECKING:
    from collections.abc import Sequence

with workflow.unsafe.imports_passed_through():
    from opentelemetry import trace

QUEUE = "agents"
PROCESSES = "agents-in-processes"
SOON = timedelta(milliseconds=50)
LONG = timedelta(seconds=20)
TWICE = RetryPolicy(initial_interval=SOON, maximum_attempts=2)


@activity.defn
async def succeed() -> str:
    """End well, with a span inside."""
    with trace.get_tracer("app").start_as_current_span("look up"):
        return "done"


@activity.defn
async def fail() -> None:
    """End with an exception."""
    raise ApplicationError("no", type="RateLimitError", non_retryable=True)


@activity.defn
async def refuse() -> None:
    """End with an exception that the policy of the caller does not retry."""
    raise ValueError


@activity.defn
async def retry() -> str:
    """End well the second time."""
    if activity.info().attempt == 1:
        raise ConnectionError
    return "done"


@activity.defn
async def exhaust() -> None:
    """Never end well."""
    raise ConnectionError


@activity.defn
async def wait() -> None:
    """Run until it is cancelled."""
    while True:
        activity.heartbeat()
        await asyncio.sleep(0.05)


@activity.defn
def block() -> None:
    """Take longer than it may, in a thread that cannot be stopped."""
    with activity.shield_thread_cancel_exception():
        time.sleep(2)


@activity.defn
def think() -> str:
    """End well, with a span inside, in a thread or another process."""
    with trace.get_tracer("app").start_as_current_span("think about"):
        return "done"


@activity.defn
async def hand_over() -> str:
    """Leave the end to somebody else."""
    activity.raise_complete_async()


ACTIVITIES = [succeed, fail, refuse, retry, exhaust, wait, block, think, hand_over]


@workflow.defn
class Succeed:
    """One activity."""

    @workflow.run
    async def run(self) -> str:
        """Run it."""
        return await workflow.execute_activity(succeed, start_to_close_timeout=LONG)


@workflow.defn
class Fail:
    """An activity that fails for good."""

    @workflow.run
    async def run(self) -> None:
        """Run it."""
        await workflow.execute_activity(fail, start_to_close_timeout=LONG)


@workflow.defn
class Refuse:
    """An activity whose exception is not retried."""

    @workflow.run
    async def run(self) -> None:
        """Run it."""
        policy = RetryPolicy(non_retryable_error_types=["ValueError"])
        await workflow.execute_activity(refuse, start_to_close_timeout=LONG, retry_policy=policy)


@workflow.defn
class Retry:
    """An activity that needs two attempts."""

    @workflow.run
    async def run(self) -> str:
        """Run it."""
        return await workflow.execute_activity(
            retry, start_to_close_timeout=LONG, retry_policy=TWICE, priority=Priority(priority_key=4)
        )


@workflow.defn
class Exhaust:
    """An activity that has two attempts and would need more."""

    @workflow.run
    async def run(self) -> str:
        """Run it, and end well all the same."""
        try:
            await workflow.execute_activity(exhaust, start_to_close_timeout=LONG, retry_policy=TWICE)
        except Exception:  # noqa: BLE001 - whatever it was
            return "done"
        return "never"


@workflow.defn
class Wait:
    """An activity that the workflow's cancellation cancels."""

    @workflow.run
    async def run(self) -> None:
        """Run it."""
        await workflow.execute_activity(
            wait,
            start_to_close_timeout=LONG,
            heartbeat_timeout=timedelta(seconds=1),
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )


@workflow.defn
class Block:
    """An activity that takes too long."""

    @workflow.run
    async def run(self) -> None:
        """Run it."""
        once = RetryPolicy(maximum_attempts=1)
        await workflow.execute_activity(block, start_to_close_timeout=timedelta(seconds=1), retry_policy=once)


@workflow.defn
class Local:
    """A local activity whose second attempt the workflow itself waits for."""

    @workflow.run
    async def run(self) -> str:
        """Run it."""
        return await workflow.execute_local_activity(
            retry,
            start_to_close_timeout=LONG,
            retry_policy=TWICE,
            local_retry_threshold=timedelta(milliseconds=1),
        )


@workflow.defn
class Delegate:
    """Another workflow."""

    @workflow.run
    async def run(self) -> str:
        """Run it."""
        name = f"{workflow.info().workflow_id}-child"
        return await workflow.execute_child_workflow(Succeed.run, id=name, priority=Priority(priority_key=2))


@workflow.defn
class Continue:
    """Two runs, one after the other."""

    @workflow.run
    async def run(self, runs: int = 0) -> str:
        """End well in the second."""
        if not runs:
            workflow.continue_as_new(runs + 1)
        return "done"


@workflow.defn
class Again:
    """A workflow that needs two attempts."""

    @workflow.run
    async def run(self) -> str:
        """End well the second time."""
        if workflow.info().attempt == 1:
            raise ApplicationError("no")
        return "done"


@workflow.defn
class HandOver:
    """An activity that somebody else ends."""

    @workflow.run
    async def run(self) -> str:
        """Run it."""
        return await workflow.execute_activity(hand_over, activity_id="elsewhere", start_to_close_timeout=LONG)


@workflow.defn
class Think:
    """A synchronous activity."""

    @workflow.run
    async def run(self) -> str:
        """Run it."""
        return await workflow.execute_activity(think, start_to_close_timeout=LONG)


@workflow.defn
class Signalled:
    """Ends when it is told to, with an activity before and one after."""

    def __init__(self) -> None:
        self._waits = self._is_told = False

    @workflow.run
    async def run(self) -> str:
        """Wait for it."""
        await workflow.execute_activity(succeed, start_to_close_timeout=LONG)
        self._waits = True
        await workflow.wait_condition(lambda: self._is_told)
        return await workflow.execute_activity(think, start_to_close_timeout=LONG)

    @workflow.signal
    def tell(self) -> None:
        """Tell it."""
        self._is_told = True

    @workflow.update
    async def hear(self) -> None:
        """Be told, and answer."""
        self._is_told = True

    @workflow.query
    def waits(self) -> bool:
        """Whether the first activity is done."""
        return self._waits


WORKFLOWS = [
    Succeed,
    Fail,
    Refuse,
    Retry,
    Exhaust,
    Wait,
    Block,
    Local,
    Delegate,
    Continue,
    Again,
    HandOver,
    Think,
    Signalled,
]


class Reversing(PayloadCodec):
    """Stands for one that encrypts, and refuses what it has not encoded itself."""

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Turn the bytes around."""
        return [Payload(metadata={"encoding": b"reversed"}, data=each.SerializeToString()[::-1]) for each in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Turn them around again."""
        if any(each.metadata["encoding"] != b"reversed" for each in payloads):
            raise ValueError
        return [Payload.FromString(each.data[::-1]) for each in payloads]


async def connect() -> Client:
    """A client of the test's server, made from another one's settings as Temporal's documentation shows.

    With ``TRACED`` in the environment it has Temporal's own tracing, with ``ENCODED`` a codec for headers too.
    """
    config = (await Client.connect(os.environ["TEMPORAL_ADDRESS"])).config()
    if "TRACED" in os.environ:
        from temporalio.contrib.opentelemetry import TracingInterceptor

        config["interceptors"] = [*config["interceptors"], TracingInterceptor()]
    if "ENCODED" in os.environ:
        config["data_converter"] = replace(config["data_converter"], payload_codec=Reversing())
        config["header_codec_behavior"] = HeaderCodecBehavior.CODEC
    return Client(**config)


async def main() -> None:
    """Run the workers until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    client = await connect()
    async with AsyncExitStack() as stack:
        threads = stack.enter_context(ThreadPoolExecutor(4))
        worker = Worker(
            client,
            task_queue=QUEUE,
            workflows=WORKFLOWS,
            activities=ACTIVITIES,
            activity_executor=threads,
            max_cached_workflows=0 if "UNCACHED" in os.environ else 1000,
        )
        await stack.enter_async_context(worker)
        if "PROCESSES" in os.environ:
            processes = stack.enter_context(ProcessPoolExecutor(1, multiprocessing.get_context("spawn")))
            manager = stack.enter_context(multiprocessing.get_context("spawn").Manager())
            worker = Worker(
                client,
                task_queue=PROCESSES,
                workflows=[Think],
                activities=[think],
                activity_executor=processes,
                shared_state_manager=SharedStateManager.create_from_multiprocessing(manager),
            )
            await stack.enter_async_context(worker)
        (Path(os.environ["HOME"]) / "ready").touch()
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(main())
