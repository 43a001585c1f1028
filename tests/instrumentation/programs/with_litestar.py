"""A Litestar application."""

from __future__ import annotations

import with_web_story
from litestar import Litestar, Router, get
from litestar.response import Stream


@get("/items/{number:int}")
async def item(number: int) -> str:
    """Answer."""
    assert number
    return await with_web_story.answer_async()


@get("/fails")
async def fails() -> None:
    """Fail."""
    raise ConnectionError


@get("/stream")
async def stream() -> Stream:
    """Answer bit by bit."""
    return Stream(with_web_story.stream_async())


@get("/endless")
async def endless() -> Stream:
    """Answer until nobody reads."""
    return Stream(with_web_story.endless_async())


@get("/healthz")
async def health() -> str:
    """Be well."""
    return "well"


app = Litestar([Router("/shop", route_handlers=[item]), fails, stream, endless, health])
