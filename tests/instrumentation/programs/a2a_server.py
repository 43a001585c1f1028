"""An A2A agent that completes, fails, asks back, waits to be cancelled or merely replies, by what it is told."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import uvicorn
from a2a.helpers import new_task_from_user_message, new_text_message
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes
from a2a.server.tasks import InMemoryTaskStore, TaskUpdater
from a2a.types import AgentCapabilities, AgentCard, AgentInterface
from starlette.applications import Starlette

if TYPE_CHECKING:
    from a2a.server.events import EventQueue


class Agent(AgentExecutor):
    """The agent."""

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        """Do as told."""
        word = context.get_user_input()
        if word == "reply":
            await event_queue.enqueue_event(new_text_message("hello"))
            return
        if context.current_task is None and context.message is not None:
            await event_queue.enqueue_event(new_task_from_user_message(context.message))
        updater = TaskUpdater(event_queue, context.task_id or "", context.context_id or "")
        await updater.start_work()
        if word == "fail":
            raise ConnectionError
        if word == "ask":
            await updater.requires_input()
        elif word == "wait":
            await asyncio.sleep(30)
        else:
            await updater.complete()

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        """Stop."""
        await TaskUpdater(event_queue, context.task_id or "", context.context_id or "").cancel()


port = int(sys.argv[1])
card = AgentCard(
    name="agent",
    description="an agent",
    version="1.0",
    default_input_modes=["text"],
    default_output_modes=["text"],
    capabilities=AgentCapabilities(streaming=True),
    supported_interfaces=[AgentInterface(url=f"http://127.0.0.1:{port}/", protocol_binding="JSONRPC")],
)
handler = DefaultRequestHandler(Agent(), InMemoryTaskStore(), card)
app = Starlette(routes=[*create_agent_card_routes(card), *create_jsonrpc_routes(handler, "/")])
uvicorn.run(app, host="127.0.0.1", port=port)
