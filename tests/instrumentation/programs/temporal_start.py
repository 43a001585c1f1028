# ruff: noqa: T201 - it prints for its test
"""``python -m temporal_start [KIND...]``: starts workflows, by default one of each kind, and prints how each ended."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING, Any

import temporal_app as app
from temporalio.client import Client, WithStartWorkflowOperation, WorkflowFailureError, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    Handle = WorkflowHandle[Any, Any]

QUEUE = app.PROCESSES if "PROCESSES" in os.environ else app.QUEUE
PLAIN = ("Succeed", "Fail", "Refuse", "Retry", "Exhaust", "Block", "Local", "Delegate", "Continue", "Think")


async def start(client: Client, kind: str, **options: Any) -> Handle:
    """Start a workflow, whose kind is its id."""
    return await client.start_workflow(kind, id=kind, task_queue=QUEUE, **options)


async def until_its_activity_runs(handle: Handle) -> None:
    """Return once a worker has it."""
    while True:
        pending = (await handle.describe()).raw_description.pending_activities
        if any(each.HasField("last_started_time") for each in pending):
            return
        await asyncio.sleep(0.05)


async def cancel(client: Client) -> Handle:
    """Start one, and cancel it while its activity runs."""
    handle = await start(client, "Wait")
    await until_its_activity_runs(handle)
    await handle.cancel()
    return handle


async def hand_over(client: Client) -> Handle:
    """Start one, and end its activity from here."""
    handle = await start(client, "HandOver")
    await until_its_activity_runs(handle)
    activity = client.get_async_activity_handle(
        workflow_id="HandOver", run_id=handle.result_run_id, activity_id="elsewhere"
    )
    await activity.complete("done")
    return handle


async def twice(client: Client) -> Handle:
    """Start one, and fail to start another with its id."""
    handle = await client.start_workflow("Signalled", id="Twice", task_queue=QUEUE)
    try:
        await client.start_workflow("Signalled", id="Twice", task_queue=QUEUE)
    except WorkflowAlreadyStartedError:
        await handle.signal("tell")
    return handle


async def update(client: Client) -> Handle:
    """Start one by an update."""
    operation = WithStartWorkflowOperation[Any, Any](
        "Signalled", id="Updated", task_queue=QUEUE, id_conflict_policy=WorkflowIDConflictPolicy.FAIL
    )
    await client.execute_update_with_start_workflow(  # pyright: ignore[reportUnknownMemberType] - an overload of the SDK's
        "hear", start_workflow_operation=operation
    )
    return await operation.workflow_handle()


async def outcome(handle: Handle) -> str:
    """The result, or the class of what it failed with."""
    try:
        return str(await handle.result())
    except WorkflowFailureError as error:
        return type(error.cause).__name__


async def main(kinds: Sequence[str]) -> None:
    """Start them, and wait for all."""
    client = await app.connect()
    handles = [await start(client, kind) for kind in kinds or PLAIN]
    if not kinds:
        handles += [
            await start(client, "Again", retry_policy=app.TWICE),
            await start(client, "Signalled", start_signal="tell"),
            await cancel(client),
            await hand_over(client),
            await twice(client),
            await update(client),
        ]
    for handle in handles:
        print(handle.id, await outcome(handle))


asyncio.run(main(sys.argv[1:]))
