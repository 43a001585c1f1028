"""A Quart application."""

from __future__ import annotations

from typing import Any

import with_web_story
from quart import Quart

app = Quart(__name__)


@app.get("/shop/items/<int:number>")
async def item(number: int) -> str:
    """Answer."""
    assert number
    return await with_web_story.answer_async()


@app.get("/fails")
async def fails() -> str:
    """Fail."""
    raise ConnectionError


@app.get("/stream")
async def stream() -> Any:
    """Answer bit by bit."""
    return with_web_story.stream_async()


@app.get("/endless")
async def endless() -> Any:
    """Answer until nobody reads."""
    return with_web_story.endless_async()


@app.get("/healthz")
async def health() -> str:
    """Be well."""
    return "well"
