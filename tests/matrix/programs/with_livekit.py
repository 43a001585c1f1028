"""An agent of LiveKit's, spoken to in text, on OpenAI's chat completions."""

from __future__ import annotations

import logging
from contextlib import aclosing

from livekit.agents import Agent, AgentSession, APIConnectOptions, function_tool
from livekit.agents.voice.agent_session import SessionConnectOptions
from livekit.plugins import openai
from story import MODEL, tell_all
from story import get_stock_price as stock_price
from story import get_weather as weather


@function_tool
async def get_weather(city: str) -> str:
    """Tell the weather in a city."""
    return weather(city)


@function_tool
async def get_stock_price(symbol: str) -> str:
    """Tell the price of a share."""
    return stock_price(symbol)


async def ask(question: str, conversation: str, *, stream: bool) -> None:
    """Ask the agent, whose model always streams."""
    once = SessionConnectOptions(llm_conn_options=APIConnectOptions(max_retry=0))
    model = openai.LLM(model=MODEL, max_retries=0)
    async with aclosing(model), AgentSession(llm=model, conn_options=once) as session:
        await session.start(Agent(instructions="Be short.", tools=[get_weather, get_stock_price]))
        await session.run(user_input=question)


logging.disable()  # it writes down what a tool or a model raised
tell_all(ask)
