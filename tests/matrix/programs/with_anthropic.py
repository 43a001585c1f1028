"""Anthropic's client and the tool runner that comes with it."""

from __future__ import annotations

import logging

from anthropic import AsyncAnthropic, beta_async_tool
from story import get_stock_price, get_weather, tell


@beta_async_tool(name="get_weather")
async def weather(city: str) -> str:
    """Tell the weather in a city."""
    return get_weather(city)


@beta_async_tool(name="get_stock_price")
async def stock_price(symbol: str) -> str:
    """Tell the price of a share."""
    return get_stock_price(symbol)


async def ask(question: str, conversation: str, *, stream: bool) -> None:
    """Ask the model, and have the runner call its tools."""
    client = AsyncAnthropic(max_retries=0)
    asked = [{"role": "user", "content": question}]
    runner = client.beta.messages.tool_runner(
        model="claude-sonnet-4-5", max_tokens=512, messages=asked, tools=[weather, stock_price], stream=stream
    )
    async for reply in runner:
        if stream:
            async for _ in reply:
                pass


logging.getLogger("anthropic").setLevel(logging.CRITICAL)  # it logs each exception of a tool
tell(ask)
