"""A FastAPI application, with another mounted in it."""

from __future__ import annotations

import with_web_story
from fastapi import FastAPI
from starlette.responses import StreamingResponse

app = FastAPI()
shop = FastAPI()


@shop.get("/items/{number}")
async def item(number: int) -> str:
    """Answer."""
    assert number
    return await with_web_story.answer_async()


@app.get("/fails")
async def fails() -> None:
    """Fail."""
    raise ConnectionError


@app.get("/stream")
async def stream() -> StreamingResponse:
    """Answer bit by bit."""
    return StreamingResponse(with_web_story.stream_async())


@app.get("/endless")
async def endless() -> StreamingResponse:
    """Answer until nobody reads."""
    return StreamingResponse(with_web_story.endless_async())


@app.get("/healthz")
async def health() -> str:
    """Be well."""
    return "well"


app.mount("/shop", shop)
