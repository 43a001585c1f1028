# ruff: noqa: T201 - it prints for its test
"""A Starlette and a FastAPI application that say when they start and stop, and one that cannot start."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


@contextlib.asynccontextmanager
async def lifespan(_: Any) -> AsyncGenerator[None]:
    """Say so."""
    print("application starts", flush=True)
    yield
    print("application stops", flush=True)


@contextlib.asynccontextmanager
async def cannot_start(_: Any) -> AsyncGenerator[None]:
    """Fail before the first request."""
    raise ConnectionError
    yield


async def hello(_: Any) -> PlainTextResponse:
    """Answer."""
    return PlainTextResponse("hello")


inner = FastAPI(lifespan=lifespan)
app = Starlette(routes=[Route("/", hello), Mount("/inner", inner)], lifespan=lifespan)
broken = Starlette(lifespan=cannot_start)
