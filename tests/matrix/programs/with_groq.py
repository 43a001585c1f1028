"""Groq's client."""

from __future__ import annotations

import json
from typing import Any

from groq import AsyncGroq
from story import get_stock_price, get_weather, tell_all

TOOLS = {tool.__name__: tool for tool in (get_weather, get_stock_price)}
OFFERED: Any = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in TOOLS]


async def ask(question: str, conversation: str, *, stream: bool) -> None:
    """Ask the model, and run the tools that it calls."""
    messages: Any = [{"role": "user", "content": question}]
    async with AsyncGroq(max_retries=0) as client:
        while calls := await (streamed if stream else whole)(client, messages):
            messages.append({"role": "assistant", "content": "", "tool_calls": calls})
            for call in calls:
                answer = TOOLS[call["function"]["name"]](**json.loads(call["function"]["arguments"]))
                messages.append({"role": "tool", "tool_call_id": call["id"], "content": answer})


async def whole(client: Any, messages: Any) -> list[Any]:
    """The tool calls of a whole reply."""
    reply = await client.chat.completions.create(model="openai/gpt-oss-20b", messages=messages, tools=OFFERED)
    return [call.model_dump() for call in reply.choices[0].message.tool_calls or ()]


async def streamed(client: Any, messages: Any) -> list[Any]:
    """The tool calls of a streamed reply."""
    calls: list[Any] = []
    async for chunk in await client.chat.completions.create(
        model="openai/gpt-oss-20b", messages=messages, tools=OFFERED, stream=True
    ):
        for choice in chunk.choices:
            calls += [call.model_dump() for call in choice.delta.tool_calls or ()]
    return calls


tell_all(ask)
