"""Teams of AutoGen: one runs twice, one is inside another, one in a session of the program's own, and one fails."""

from __future__ import annotations

import asyncio
import sys

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.conditions import MaxMessageTermination
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_ext.models.openai import OpenAIChatCompletionClient

import otel_agent_telemetry as telemetry


def team(name: str, *members: str | RoundRobinGroupChat) -> RoundRobinGroupChat:
    """A team in which each member speaks once."""
    client = OpenAIChatCompletionClient(model="gpt-5-mini-2025-08-07", max_retries=0)
    agents = [AssistantAgent(member, client) if isinstance(member, str) else member for member in members]
    end = MaxMessageTermination(len(agents) + 1)
    return RoundRobinGroupChat(agents, name=name, termination_condition=end)


async def twice() -> None:
    """A team goes on with its conversation."""
    writers = team("writers", "author", "editor")
    await writers.run(task="hello")
    await writers.reset()
    async for _ in writers.run_stream(task="hello"):
        pass


async def nested() -> None:
    """A team is a member of another."""
    await team("outer", team("inner", "author")).run(task="hello")


async def inside() -> None:
    """The program has a session of its own."""
    with telemetry.session(agent="own", id="own"):
        await team("writers", "author").run(task="hello")


async def failing() -> None:
    """The model fails."""
    try:
        await team("writers", "author").run(task="rate limit")
    except RuntimeError:
        sys.stdout.write("RuntimeError\n")


asyncio.run({"twice": twice, "nested": nested, "inside": inside, "failing": failing}[sys.argv[1]]())
