"""An agent of AG2, on OpenAI's chat completions."""

from __future__ import annotations

from ag2 import Agent, MemoryStream
from ag2.config import OpenAIConfig
from story import AGENT, MODEL, get_stock_price, get_weather, tell


async def ask(question: str, conversation: str, *, stream: bool) -> None:
    """Ask the agent."""
    config = OpenAIConfig(MODEL, streaming=stream, max_retries=0)
    agent = Agent(AGENT, config=config, tools=[get_weather, get_stock_price])
    await agent.ask(question, stream=MemoryStream(id=conversation))


tell(ask)
