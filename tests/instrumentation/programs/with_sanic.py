"""A Sanic application."""

from __future__ import annotations

import with_web_story
from sanic import HTTPResponse, Request, Sanic, text
from sanic.worker.manager import WorkerManager

app = Sanic("shop")
WorkerManager.THRESHOLD = 1200  # tenths of a second that a busy machine may take for a worker


@app.get("/shop/items/<number:int>")
async def item(_: Request, number: int) -> HTTPResponse:
    """Answer."""
    assert number
    return text(await with_web_story.answer_async())


@app.get("/fails")
async def fails(_: Request) -> HTTPResponse:
    """Fail."""
    raise ConnectionError


@app.get("/stream")
async def stream(request: Request) -> None:
    """Answer bit by bit."""
    response = await request.respond(content_type="text/plain")
    async for part in with_web_story.stream_async():
        await response.send(part)
    await response.eof()


@app.get("/endless")
async def endless(request: Request) -> None:
    """Answer until nobody reads."""
    response = await request.respond(content_type="text/plain")
    async for part in with_web_story.endless_async():
        await response.send(part)


@app.get("/healthz")
async def health(_: Request) -> HTTPResponse:
    """Be well."""
    return text("well")
