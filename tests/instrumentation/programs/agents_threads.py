"""Runs an agent in two conversations at once; its tool asks the model from a thread, a timer and a pool."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from threading import Thread, Timer
from typing import Any

from agents import Agent, OpenAIChatCompletionsModel, Runner, SQLiteSession, function_tool, set_trace_processors
from openai import AsyncOpenAI, OpenAI

set_trace_processors([])


def ask(question: str) -> str:
    """Ask the model."""
    client = OpenAI(api_key=os.environ["MODEL_API_KEY"], max_retries=0)
    asked = client.chat.completions.create(model="gpt-5-mini", messages=[{"role": "user", "content": question}])
    return str(asked.choices[0].message.content)


@function_tool
def get_weather(city: str) -> str:
    """Tell the weather."""
    alone = [Thread(target=ask, args=[city]), Timer(0, ask, [city])]
    for each in alone:
        each.start()
    with ThreadPoolExecutor(1) as pool:
        told = list(pool.map(ask, [city, city]))
    for each in alone:
        each.join()
    return told[0]


async def talk(name: str) -> None:
    """One conversation."""
    model = OpenAIChatCompletionsModel("gpt-5-mini", AsyncOpenAI(api_key=os.environ["MODEL_API_KEY"], max_retries=0))
    agent = Agent[Any](name="assistant", model=model, tools=[get_weather])
    await Runner.run(agent, "weather", session=SQLiteSession(name))


async def main() -> None:
    """Both."""
    await asyncio.gather(talk("left"), talk("right"))


asyncio.run(main())
