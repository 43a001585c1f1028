"""Mistral's client."""

from __future__ import annotations

import os
from typing import Any

from completions import OFFERED, converse
from mistralai.client import Mistral
from story import tell_all


async def ask(question: str, conversation: str, *, stream: bool) -> None:
    """Ask the model, and run the tools that it calls."""
    client = Mistral(api_key="none", server_url=os.environ["MISTRAL_BASE_URL"])
    await converse(question, lambda messages: (streamed if stream else whole)(client, messages))


async def whole(client: Any, messages: Any) -> list[Any]:
    """The tool calls of a whole reply."""
    reply = await client.chat.complete_async(model="mistral-small-latest", messages=messages, tools=OFFERED)
    return [call.model_dump() for call in reply.choices[0].message.tool_calls or ()]


async def streamed(client: Any, messages: Any) -> list[Any]:
    """The tool calls of a streamed reply."""
    calls: list[Any] = []
    async for chunk in await client.chat.stream_async(model="mistral-small-latest", messages=messages, tools=OFFERED):
        for choice in chunk.data.choices:
            calls += [call.model_dump() for call in choice.delta.tool_calls or ()]
    return calls


tell_all(ask)
