"""An agent of Pydantic AI, on OpenAI's chat completions."""

from __future__ import annotations

from openai import AsyncOpenAI
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from story import AGENT, MODEL, get_stock_price, get_weather, tell


async def ask(question: str, conversation: str, *, stream: bool) -> None:
    """Ask the agent."""
    provider = OpenAIProvider(openai_client=AsyncOpenAI(max_retries=0))
    agent = Agent(OpenAIChatModel(MODEL, provider=provider), name=AGENT, tools=[get_weather, get_stock_price])
    if not stream:
        await agent.run(question, conversation_id=conversation)
        return
    async with agent.run_stream(question, conversation_id=conversation) as answer:
        async for _ in answer.stream_text():
            pass


tell(ask)
