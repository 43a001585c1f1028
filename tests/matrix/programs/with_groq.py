"""Groq's client."""

from __future__ import annotations

from completions import converse, replies
from groq import AsyncGroq
from story import tell_all


async def ask(question: str, conversation: str, *, stream: bool) -> None:
    """Ask the model, and run the tools that it calls."""
    async with AsyncGroq(max_retries=0) as client:
        await converse(question, replies(client, "openai/gpt-oss-20b", stream=stream))


tell_all(ask)
