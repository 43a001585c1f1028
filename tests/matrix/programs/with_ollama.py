"""Ollama's client."""

from __future__ import annotations

from typing import Any

from ollama import AsyncClient
from story import get_stock_price, get_weather, tell_all

TOOLS = {tool.__name__: tool for tool in (get_weather, get_stock_price)}
MODEL = "qwen3:8b"


async def ask(question: str, conversation: str, *, stream: bool) -> None:
    """Ask the model, and run the tools that it calls."""
    client = AsyncClient()
    messages: Any = [{"role": "user", "content": question}]
    while calls := await (streamed if stream else whole)(client, messages):
        messages.append({"role": "assistant", "content": "", "tool_calls": calls})
        for call in calls:
            answer = TOOLS[call.function.name](**call.function.arguments)
            messages.append({"role": "tool", "tool_name": call.function.name, "content": answer})


async def whole(client: AsyncClient, messages: Any) -> list[Any]:
    """The tool calls of a whole reply."""
    reply = await client.chat(MODEL, messages, tools=[*TOOLS.values()])
    return [*(reply.message.tool_calls or ())]


async def streamed(client: AsyncClient, messages: Any) -> list[Any]:
    """The tool calls of a streamed reply."""
    parts = await client.chat(MODEL, messages, tools=[*TOOLS.values()], stream=True)
    return [call async for part in parts for call in part.message.tool_calls or ()]


tell_all(ask)
