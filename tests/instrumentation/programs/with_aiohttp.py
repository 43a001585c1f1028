"""An aiohttp.web application with a part of its own; run by ``web.run_app`` at the port that is given."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import with_web_story
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


async def item(_: web.Request) -> web.Response:
    """Answer."""
    return web.Response(text=await with_web_story.answer_async())


async def fails(_: web.Request) -> web.Response:
    """Fail."""
    raise ConnectionError


async def _send(request: web.Request, parts: AsyncIterator[bytes]) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    async for part in parts:
        await response.write(part)
    return response


async def stream(request: web.Request) -> web.StreamResponse:
    """Answer bit by bit."""
    return await _send(request, with_web_story.stream_async())


async def endless(request: web.Request) -> web.StreamResponse:
    """Answer until nobody reads."""
    return await _send(request, with_web_story.endless_async())


async def health(_: web.Request) -> web.Response:
    """Be well."""
    return web.Response(text="well")


def made() -> web.Application:
    """The application."""
    shop = web.Application()
    shop.add_routes([web.get(r"/items/{number:\d+}", item)])
    app = web.Application()
    app.add_subapp("/shop", shop)
    app.add_routes([web.get(f"/{each.__name__}", each) for each in (fails, stream, endless)])
    app.add_routes([web.get("/healthz", health)])
    return app


if __name__ == "__main__":
    web.run_app(made(), host="127.0.0.1", port=int(sys.argv[1]))
