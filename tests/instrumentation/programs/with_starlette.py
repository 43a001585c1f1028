"""A Starlette application."""

from __future__ import annotations

from typing import TYPE_CHECKING

import with_web_story
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Mount, Route

if TYPE_CHECKING:
    from starlette.requests import Request


async def item(_: Request) -> PlainTextResponse:
    """Answer."""
    return PlainTextResponse(await with_web_story.answer_async())


async def fails(_: Request) -> PlainTextResponse:
    """Fail."""
    raise ConnectionError


async def stream(_: Request) -> StreamingResponse:
    """Answer bit by bit."""
    return StreamingResponse(with_web_story.stream_async())


async def endless(_: Request) -> StreamingResponse:
    """Answer until nobody reads."""
    return StreamingResponse(with_web_story.endless_async())


async def health(_: Request) -> PlainTextResponse:
    """Be well."""
    return PlainTextResponse("well")


shop = Starlette(routes=[Route("/items/{number:int}", item)])
app = Starlette(
    routes=[
        Mount("/shop", shop),
        Route("/fails", fails),
        Route("/stream", stream),
        Route("/endless", endless),
        Route("/healthz", health),
    ]
)
