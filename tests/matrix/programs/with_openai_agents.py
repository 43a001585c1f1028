"""An agent of the OpenAI Agents SDK, on the Responses API."""

from __future__ import annotations

import os

from agents import Agent, Runner, SQLiteSession, function_tool, set_default_openai_client
from openai import AsyncOpenAI
from story import AGENT, MODEL, get_stock_price, get_weather, tell


async def ask(question: str, conversation: str, *, stream: bool) -> None:
    """Ask the agent."""
    set_default_openai_client(AsyncOpenAI(api_key="none", max_retries=0), use_for_tracing=False)
    agent = Agent(name=AGENT, model=MODEL, tools=[function_tool(get_weather), function_tool(get_stock_price)])
    session = SQLiteSession(conversation)
    if not stream:
        await Runner.run(agent, question, session=session)
        return
    async for _ in Runner.run_streamed(agent, question, session=session).stream_events():
        pass


os.environ.pop("OPENAI_API_KEY")  # with it the SDK would report to its vendor
tell(ask)
