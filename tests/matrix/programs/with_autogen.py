"""An agent of AutoGen's AgentChat, on OpenAI's chat completions."""

from __future__ import annotations

from typing import Any

from autogen_agentchat.agents import AssistantAgent
from autogen_ext.models.openai import OpenAIChatCompletionClient
from story import AGENT, MODEL, get_stock_price, get_weather, tell

USAGE: Any = {"include_usage": True}


async def ask(question: str, conversation: str, *, stream: bool) -> None:
    """Ask the agent; its names are Python's."""
    model = f"{MODEL}-2025-08-07"  # the framework warns of an answer by another name
    client = OpenAIChatCompletionClient(model=model, max_retries=0, **({"stream_options": USAGE} if stream else {}))
    agent = AssistantAgent(
        AGENT.replace("-", "_"),
        client,
        tools=[get_weather, get_stock_price],
        model_client_stream=stream,
        max_tool_iterations=5,
    )
    if not stream:
        await agent.run(task=question)
        return
    async for _ in agent.run_stream(task=question):
        pass


tell(ask)
