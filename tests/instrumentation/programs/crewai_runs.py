# ruff: noqa: T201 - it prints for its test
# pyright: reportMissingImports=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUntypedFunctionDecorator=false, reportUntypedBaseClass=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportUnknownLambdaType=false
# CrewAI has an environment of its own.
"""Runs crews, flows and lone agents of CrewAI in each way that there is, and prints how each run ended."""

from __future__ import annotations

import asyncio
import logging
from itertools import count
from typing import TYPE_CHECKING, Any

from crewai import LLM, Agent, Crew, Task
from crewai.events.utils.console_formatter import set_suppress_console_output
from crewai.flow.flow import Flow, listen, start
from crewai.tools import tool

if TYPE_CHECKING:
    from collections.abc import Callable

logging.disable()
set_suppress_console_output(True)
attempts = count(1)


@tool("get_weather")
def get_weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"Sunny in {city}"


@tool("get_stock_price")
def get_stock_price(symbol: str) -> str:
    """Tell the price of a share."""
    raise ConnectionError(symbol)


def agent(role: str, *tools: Any, retries: int = 0) -> Agent:
    """An agent that asks the scripted model."""
    llm = LLM(model="gpt-5-mini", max_retries=0)
    return Agent(role=role, goal="g", backstory="b", llm=llm, tools=[*tools], max_retry_limit=retries)


def task(question: str, by: Agent, **options: Any) -> Task:
    """A task for an agent."""
    return Task(description=question, expected_output="e", agent=by, **options)


def crew(name: str, *tasks: Task) -> Crew:
    """A crew of the agents of these tasks."""
    return Crew(name=name, agents=[each.agent for each in tasks], tasks=[*tasks])


class Chain(Flow):
    """A flow with a crew in it."""

    @start()
    def first(self) -> str:
        """Do nothing."""
        return "done"

    @listen(first)
    def second(self) -> str:
        """Run a crew."""
        return str(crew("inner", task("hello", agent("writer"))).kickoff())


class Failing(Flow):
    """A flow that fails."""

    @start()
    def only(self) -> str:
        """Fail."""
        raise LookupError


def outcome(run: Callable[[], Any]) -> str:
    """How a run ends."""
    try:
        run()
    except Exception as error:  # noqa: BLE001 - its class is what is printed
        return type(error).__name__
    return "ended"


async def interrupted() -> None:
    """A native asynchronous run that is cancelled while it waits for the model."""
    await asyncio.wait_for(crew("interrupted", task("slow", agent("writer"))).akickoff(), 1)


both = crew("two", task("weather", agent("reader", get_weather)), task("stock", agent("broker", get_stock_price)))
print("two", outcome(both.kickoff))
print("retried", outcome(crew("retried", task("server error", agent("writer", retries=1))).kickoff))
print("limited", outcome(crew("limited", task("hello", agent("a")), task("rate limit", agent("b"))).kickoff))
second = task("hello", agent("writer"), guardrail=lambda output: (next(attempts) > 1, output.raw))
print("guarded", outcome(crew("guarded", second).kickoff))
print("each", outcome(lambda: crew("each", task("hello {n}", agent("w"))).kickoff_for_each([{"n": "1"}, {"n": "2"}])))
aside = crew("aside", task("hello", agent("a"), async_execution=True), task("hello", agent("b")))
print("aside", outcome(aside.kickoff))
print("native", outcome(lambda: asyncio.run(crew("native", task("weather", agent("w", get_weather))).akickoff())))
print("interrupted", outcome(lambda: asyncio.run(interrupted())))
print("flow", outcome(Chain().kickoff))
print("failing", outcome(Failing().kickoff))
print("alone", outcome(lambda: agent("alone", get_weather).kickoff("weather")))
print("bare", outcome(lambda: LLM(model="gpt-5-mini").call("hello")))
