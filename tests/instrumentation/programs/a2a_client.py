# ruff: noqa: T201 - it prints for its test
"""Gives the agent at the port that is its argument a task of each kind, and prints what came of it."""

from __future__ import annotations

import asyncio
import sys
import uuid
from typing import Any

from a2a.client import create_client
from a2a.types import CancelTaskRequest, Message, Part, Role, SendMessageRequest, TaskState
from opentelemetry import trace


async def send(client: Any, word: str, task_id: str = "", context_id: str = "") -> tuple[str, str, str]:
    """The last state, the task's id and its context's."""
    message = Message(
        message_id=str(uuid.uuid4()),
        role=Role.ROLE_USER,
        parts=[Part(text=word)],
        task_id=task_id,
        context_id=context_id or word,
    )
    state = "no task"
    try:
        async for answer in client.send_message(SendMessageRequest(message=message)):
            kind = answer.WhichOneof("payload")
            if kind == "task":
                state, task_id = TaskState.Name(answer.task.status.state), answer.task.id
            elif kind == "status_update":
                state, task_id = TaskState.Name(answer.status_update.status.state), answer.status_update.task_id
            if word == "wait" and state.endswith("WORKING"):
                task = asyncio.create_task(client.cancel_task(CancelTaskRequest(id=task_id)))
                state = TaskState.Name((await task).status.state)
                break
    except Exception as error:  # noqa: BLE001 - its class is what is printed
        state = type(error).__name__
    return state, task_id, word


async def main(port: str) -> None:
    """One after the other."""
    client: Any = await create_client(f"http://127.0.0.1:{port}")
    with trace.get_tracer("test").start_as_current_span("caller"):
        for word in ("complete", "fail", "wait", "reply"):
            print(word, (await send(client, word))[0])
    state, task_id, context_id = await send(client, "ask")
    print("ask", state)
    print("go on", (await send(client, "complete", task_id, context_id))[0])
    _, task_id, _ = await send(client, "ask", context_id="given up")
    cancelled = await client.cancel_task(CancelTaskRequest(id=task_id))
    print("give up", TaskState.Name(cancelled.status.state))


asyncio.run(main(sys.argv[1]))
