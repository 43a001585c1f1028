# ruff: noqa: T201 - it prints for its test
"""``python -m temporal_tell start|tell|ask``: starts a workflow that waits, tells it to go on, or asks it.

The test server may hand work to a worker that has gone, and learns of it by a timeout: so these are short.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta

import temporal_app as app
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError

SHORT = timedelta(seconds=2)


async def main(what: str) -> None:
    """Do it, and return once what it leads to is done."""
    client = await app.connect()
    handle = client.get_workflow_handle("Signalled")
    if what == "start":
        await client.start_workflow("Signalled", id="Signalled", task_queue=app.QUEUE, task_timeout=SHORT)
    elif what == "tell":
        await handle.signal("tell")
        while (await handle.describe()).status is not WorkflowExecutionStatus.COMPLETED:  # noqa: ASYNC110 - not ours
            await asyncio.sleep(0.05)
    waits = False
    while what != "tell" and not waits:
        try:
            waits = await handle.query("waits", rpc_timeout=SHORT)
        except RPCError:
            continue
    print(what)


asyncio.run(main(sys.argv[1]))
