"""OpenAI's client, and vLLM's server in the place of OpenAI's."""

from __future__ import annotations

import os

from completions import converse, replies
from openai import AsyncOpenAI
from story import tell_all


async def ask(question: str, conversation: str, *, stream: bool) -> None:
    """Ask the model, and run the tools that it calls."""
    async with AsyncOpenAI(base_url=os.environ["VLLM_BASE_URL"], max_retries=0) as client:
        await converse(
            question, replies(client, "Qwen/Qwen3-8B", stream=stream, stream_options={"include_usage": True})
        )


tell_all(ask)
