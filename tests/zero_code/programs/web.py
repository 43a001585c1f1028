"""An ASGI application, and a WSGI one that calls a tool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

import otel_agent_telemetry as telemetry

if TYPE_CHECKING:
    from collections.abc import Iterable


def answer(_: Any) -> PlainTextResponse:
    """200."""
    return PlainTextResponse("ok")


app = Starlette(routes=[Route("/", answer)])


def wsgi(_: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """200, after a tool call."""
    with telemetry.tool("web_search"):
        start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
