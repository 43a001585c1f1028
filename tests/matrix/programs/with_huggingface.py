"""Hugging Face's client of inference endpoints."""

from __future__ import annotations

import dataclasses
import os
from typing import Any

from completions import OFFERED, converse
from huggingface_hub import AsyncInferenceClient
from story import tell_all


async def ask(question: str, conversation: str, *, stream: bool) -> None:
    """Ask the model, and run the tools that it calls."""
    async with AsyncInferenceClient(base_url=os.environ["HUGGINGFACE_BASE_URL"], api_key="none") as client:
        await converse(question, lambda messages: (streamed if stream else whole)(client, messages))


async def whole(client: Any, messages: Any) -> list[Any]:
    """The tool calls of a whole reply."""
    reply = await client.chat_completion(model="Qwen/Qwen3-8B", messages=messages, tools=OFFERED)
    return [dataclasses.asdict(call) for call in reply.choices[0].message.tool_calls or ()]


async def streamed(client: Any, messages: Any) -> list[Any]:
    """The tool calls of a streamed reply."""
    calls: list[Any] = []
    async for chunk in await client.chat_completion(
        model="Qwen/Qwen3-8B", messages=messages, tools=OFFERED, stream=True, stream_options={"include_usage": True}
    ):
        for choice in chunk.choices:
            calls += [dataclasses.asdict(call) for call in choice.delta.tool_calls or ()]
    return calls


tell_all(ask)
