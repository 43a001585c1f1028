"""Instructor on OpenAI's client: what the model says is validated, and asked for again where it is not valid."""

from __future__ import annotations

import logging
from typing import Any

import instructor
from openai import AsyncOpenAI
from pydantic import BaseModel, field_validator
from story import MODEL, SECRET, tell_all


class get_weather(BaseModel):  # noqa: N801 - by this name the script knows it
    """The weather that was asked for."""

    city: str


class get_stock_price(BaseModel):  # noqa: N801 - as above
    """The share that was asked for."""

    symbol: str

    @field_validator("symbol")
    @classmethod
    def is_known(cls, value: str) -> str:
        """Know none."""
        raise ValueError(f"{SECRET}: no {value}")


async def ask(question: str, conversation: str, *, stream: bool) -> None:
    """Ask for an object."""
    client = instructor.from_openai(AsyncOpenAI(max_retries=0))
    kind: Any = get_stock_price if "stock" in question else get_weather
    asked: Any = {"model": MODEL, "messages": [{"role": "user", "content": question}], "max_retries": 1}
    if not stream:
        await client.chat.completions.create(response_model=kind, **asked)
        return
    streaming = {"stream_options": {"include_usage": True}}
    async for _ in client.chat.completions.create_partial(response_model=kind, **asked, **streaming):
        pass


logging.disable()  # it writes down each attempt that failed
tell_all(ask)
