"""A conversation over the chat completions protocol, with the tools of the story."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from story import get_stock_price, get_weather

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

TOOLS = {tool.__name__: tool for tool in (get_weather, get_stock_price)}
OFFERED: Any = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in TOOLS]


async def converse(question: str, reply: Callable[[Any], Awaitable[list[Any]]]) -> None:
    """Ask the model, and run the tools that it calls: ``reply(messages)`` gives the calls of its next reply."""
    messages: Any = [{"role": "user", "content": question}]
    while calls := await reply(messages):
        messages.append({"role": "assistant", "content": "", "tool_calls": calls})
        for call in calls:
            answer = TOOLS[call["function"]["name"]](**json.loads(call["function"]["arguments"]))
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": answer})


def replies(client: Any, model: str, *, stream: bool, **streaming: Any) -> Callable[[Any], Awaitable[list[Any]]]:
    """What gives the next reply of a client with ``chat.completions``; ``streaming`` are options of streamed ones."""

    async def whole(messages: Any) -> list[Any]:
        answer = await client.chat.completions.create(model=model, messages=messages, tools=OFFERED)
        return [call.model_dump() for call in answer.choices[0].message.tool_calls or ()]

    async def streamed(messages: Any) -> list[Any]:
        asked = {"model": model, "messages": messages, "tools": OFFERED}
        calls: list[Any] = []
        async for chunk in await client.chat.completions.create(**asked, stream=True, **streaming):
            for choice in chunk.choices:
                calls += [call.model_dump() for call in choice.delta.tool_calls or ()]
        return calls

    return streamed if stream else whole
