# ruff: noqa: T201 - it prints for its test
"""Runs agents in each way that the OpenAI Agents SDK has; prints how each run ended."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

from agents import (
    Agent,
    OpenAIChatCompletionsModel,
    RunConfig,
    Runner,
    SQLiteSession,
    function_tool,
    handoff,
    set_default_openai_client,
    set_trace_processors,
)
from openai import AsyncOpenAI

if TYPE_CHECKING:
    from collections.abc import Coroutine


@function_tool
def get_weather(city: str) -> str:
    """Tell the weather."""
    return f"Sunny in {city}"


@function_tool
def get_stock_price(symbol: str) -> str:
    """Tell the price of a share."""
    raise ConnectionError(symbol)


def assistant() -> Agent[Any]:
    """An agent whose client belongs to the running loop."""
    client = AsyncOpenAI(api_key=os.environ["MODEL_API_KEY"], max_retries=0)
    set_default_openai_client(client, use_for_tracing=False)
    specialist = Agent[Any](name="specialist", model=OpenAIChatCompletionsModel("gpt-5", client))
    to_specialist: Any = handoff(specialist, tool_name_override="transfer_to_specialist")
    return Agent[Any](
        name="assistant", model="gpt-5-mini", tools=[get_weather, get_stock_price], handoffs=[to_specialist]
    )


def session(name: str) -> Any:
    """A conversation of that name, in memory."""
    return SQLiteSession(name)


async def streamed(question: str, name: str, *, leave: bool = False) -> str:
    """A streamed run, left in its middle or read to its end."""
    result = Runner.run_streamed(assistant(), question, session=session(name))
    async for _ in result.stream_events():
        if leave:
            result.cancel()
    return str(result.final_output)


async def whole(question: str, name: str) -> str:
    """A run that is not streamed."""
    return str((await Runner.run(assistant(), question, session=session(name))).final_output)


async def grouped() -> str:
    """A run whose conversation is named by its group."""
    config = RunConfig(group_id="group", trace_include_sensitive_data=False)
    return str((await Runner.run(assistant(), "hand off", run_config=config)).final_output)


async def at_once() -> str:
    """Two conversations at the same time."""
    return " ".join(await asyncio.gather(whole("weather", "left"), whole("weather", "right")))


async def outcome(run: Coroutine[Any, Any, str], seconds: float = 20) -> str:
    """How a run ends within that time."""
    try:
        return await asyncio.wait_for(run, seconds)
    except Exception as error:  # noqa: BLE001 - its class is what is printed
        return type(error).__name__


async def main() -> None:
    """Run all, one after the other."""
    print("whole", await outcome(whole("weather", "whole")))
    print("streamed", await outcome(streamed("stock", "streamed")))
    print("grouped", await outcome(grouped()))
    print("at once", await outcome(at_once()))
    print("rate limit", await outcome(whole("rate limit", "limited")))
    print("server error", await outcome(streamed("server error", "broken")))
    print("cancelled", await outcome(whole("slow", "cancelled"), 1))
    print("left", await outcome(streamed("weather", "left early", leave=True)))
    set_trace_processors([])
    print("no processors", await outcome(whole("weather", "again")))


asyncio.run(main())
print("sync", Runner.run_sync(assistant(), "hello", session=session("sync")).final_output)
