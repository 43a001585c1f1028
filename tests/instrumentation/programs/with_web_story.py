"""What every web framework's program does for a request: a session with one model call, at once or while it streams."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from openai import AsyncOpenAI, OpenAI

import otel_agent_telemetry as telemetry

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

MODEL = "gpt-5-mini"
MESSAGES = [{"role": "user", "content": "Say hello."}]
PARTS = 400


def answer() -> str:
    """One session with one model call."""
    with telemetry.session(agent="assistant"), OpenAI() as client:
        client.chat.completions.create(model=MODEL, messages=MESSAGES)
    return "hello"


async def answer_async() -> str:
    """The same, asynchronously."""
    with telemetry.session(agent="assistant"):
        async with AsyncOpenAI() as client:
            await client.chat.completions.create(model=MODEL, messages=MESSAGES)
    return "hello"


def stream() -> Iterator[bytes]:
    """Two parts, and a session between them."""
    yield b"one "
    yield f"{answer()} ".encode()


async def stream_async() -> AsyncIterator[bytes]:
    """The same, asynchronously."""
    yield b"one "
    yield f"{await answer_async()} ".encode()


def endless() -> Iterator[bytes]:
    """Parts for a client that does not wait for all of them; large, so that the server notices."""
    for _ in range(PARTS):
        yield b"x" * 65536
        time.sleep(0.05)


async def endless_async() -> AsyncIterator[bytes]:
    """The same, asynchronously."""
    for _ in range(PARTS):
        yield b"x" * 65536
        await asyncio.sleep(0.05)
