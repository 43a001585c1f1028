"""An agent of Microsoft's Agent Framework, on OpenAI's Responses, with a session per conversation."""

from __future__ import annotations

import logging

from agent_framework import Agent
from agent_framework.openai import OpenAIChatClient
from openai import AsyncOpenAI
from story import AGENT, MODEL, get_stock_price, get_weather, tell

logging.getLogger("agent_framework").addHandler(logging.NullHandler())


async def ask(question: str, conversation: str, *, stream: bool) -> None:
    """Ask the agent."""
    client = OpenAIChatClient(model=MODEL, async_client=AsyncOpenAI(max_retries=0))
    agent = Agent(client, name=AGENT, tools=[get_weather, get_stock_price])
    session = agent.create_session(session_id=conversation)
    if not stream:
        await agent.run(question, session=session)
        return
    async for _ in agent.run(question, session=session, stream=True):
        pass


tell(ask)
