"""Cohere's client."""

from __future__ import annotations

import json
from typing import Any

from cohere import AsyncClientV2
from story import get_stock_price, get_weather, tell_all

TOOLS = {tool.__name__: tool for tool in (get_weather, get_stock_price)}
OFFERED: Any = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in TOOLS]
MODEL = "command-a-03-2025"
ONCE: Any = {"max_retries": 0}


async def ask(question: str, conversation: str, *, stream: bool) -> None:
    """Ask the model, and run the tools that it calls."""
    client = AsyncClientV2(api_key="none")
    messages: Any = [{"role": "user", "content": question}]
    while calls := await (streamed if stream else whole)(client, messages):
        messages.append({"role": "assistant", "tool_calls": calls})
        for call in calls:
            answer = TOOLS[call.function.name](**json.loads(call.function.arguments))
            messages.append({"role": "tool", "tool_call_id": call.id, "content": answer})


async def whole(client: AsyncClientV2, messages: Any) -> list[Any]:
    """The tool calls of a whole reply."""
    reply = await client.chat(model=MODEL, messages=messages, tools=OFFERED, request_options=ONCE)
    return [*(reply.message.tool_calls or ())]


async def streamed(client: AsyncClientV2, messages: Any) -> list[Any]:
    """The tool calls of a streamed reply."""
    events = client.chat_stream(model=MODEL, messages=messages, tools=OFFERED, request_options=ONCE)
    return [event.delta.message.tool_calls async for event in events if event.type == "tool-call-start"]


tell_all(ask)
