"""The worker: answers questions with an agent that has tools and can hand off to a specialist.

::

    celery --app worker --workdir examples/service worker --concurrency 2
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from agents import (
    Agent,
    ModelSettings,
    OpenAIChatCompletionsModel,
    Runner,
    SQLiteSession,
    function_tool,
    handoff,
    set_default_openai_client,
)
from broker import folder, queue
from openai import AsyncOpenAI

if TYPE_CHECKING:
    from celery import Task

app = queue


@function_tool
def get_weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"Sunny in {city}, 21 degrees"


@function_tool
def get_stock_price(symbol: str) -> str:
    """Tell the price of a share."""
    msg = f"no connection to the exchange for {symbol}"
    raise ConnectionError(msg)


def assistant() -> Agent:
    """The agent that takes a question; its client belongs to the event loop that runs it."""
    client = AsyncOpenAI(api_key=os.environ["MODEL_API_KEY"], max_retries=0)
    set_default_openai_client(client, use_for_tracing=False)
    specialist = Agent(
        name="specialist",
        model=OpenAIChatCompletionsModel("gpt-5", client),
        model_settings=ModelSettings(include_usage=True),  # the chat API streams no token counts unless asked
    )
    return Agent(
        name="assistant",
        instructions="Answer briefly. Hand off what you do not know.",
        model="gpt-5-mini",
        tools=[get_weather, get_stock_price],
        handoffs=[handoff(specialist, tool_name_override="transfer_to_specialist")],
    )


async def run(question: str, session: SQLiteSession, *, stream: bool) -> str:
    """The agent's answer to a question."""
    if not stream:
        return str((await Runner.run(assistant(), question, session=session)).final_output)
    result = Runner.run_streamed(assistant(), question, session=session)
    async for _event in result.stream_events():
        pass
    return str(result.final_output)


@queue.task(name="answer", bind=True, track_started=True)
def answer(task: Task, question: str, conversation: str | None = None, *, stream: bool = False) -> str:
    """Answer a question, with the history of its conversation."""
    session = SQLiteSession(conversation or str(task.request.id), folder / "conversations.db")
    try:
        return asyncio.run(run(question, session, stream=stream))
    finally:
        session.close()
