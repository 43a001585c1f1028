"""OpenAI's client alone: a loop of the program's own around chat completions and their tools."""

from __future__ import annotations

from completions import converse, replies
from openai import AsyncOpenAI
from story import MODEL, tell


async def ask(question: str, conversation: str, *, stream: bool) -> None:
    """Ask the model, and run the tools that it calls."""
    client = AsyncOpenAI(max_retries=0)
    await converse(question, replies(client, MODEL, stream=stream, stream_options={"include_usage": True}))


tell(ask)
