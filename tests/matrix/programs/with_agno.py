"""An agent of Agno, on OpenAI's chat completions."""

from __future__ import annotations

import logging

from agno.agent import Agent
from agno.models.openai import OpenAIChat
from story import AGENT, MODEL, get_stock_price, get_weather, tell


async def ask(question: str, conversation: str, *, stream: bool) -> None:
    """Ask the agent."""
    model = OpenAIChat(id=MODEL, max_retries=0)
    agent = Agent(model=model, name=AGENT, tools=[get_weather, get_stock_price], telemetry=False)
    if not stream:
        await agent.arun(question, session_id=conversation)
        return
    async for _ in agent.arun(question, session_id=conversation, stream=True):
        pass


logging.disable()  # it writes down what a tool raised, with the places where
tell(ask)
