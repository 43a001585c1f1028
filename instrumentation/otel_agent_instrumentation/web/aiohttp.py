"""Requests of aiohttp.web applications. Hook: ``Application._handle`` of the outermost one.

aiohttp goes on with a handler whose client went away, unless ``handler_cancellation`` says otherwise; then the
connection tells it at the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from opentelemetry import propagate

from otel_agent_instrumentation._hooks import FrameworkInstrumentor, quiet
from otel_agent_instrumentation.web._request import begin, excluded_urls, is_excluded

if TYPE_CHECKING:
    from otel_agent_instrumentation._hooks import Hooks
    from otel_agent_instrumentation.web._request import Request

__all__ = ["AiohttpInstrumentor"]


class AiohttpInstrumentor(FrameworkInstrumentor):
    """One span a request of aiohttp.web."""

    requires: ClassVar[tuple[str, ...]] = ("aiohttp >= 3.9, < 4",)

    def install(self, hooks: Hooks) -> None:
        """Hook the applications."""
        hooks.when_imported(
            "aiohttp.web_app", lambda module: hooks.wrap(module.Application, "_handle", _Handler().handle)
        )


class _Handler:
    """Around ``Application._handle``."""

    def __init__(self) -> None:
        self._excluded = excluded_urls("AIOHTTP_SERVER")

    async def handle(self, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        asked = args[0] if args else kwargs.get("request")
        request = self._begin(asked)
        if request is None:
            return await wrapped(*args, **kwargs)
        request.enter()
        try:
            response = await wrapped(*args, **kwargs)
        except BaseException as error:
            _failed(request, asked, error)
            raise
        finally:
            request.leave()
        _answered(request, asked, response)
        return response

    @quiet
    def _begin(self, asked: Any) -> Request | None:
        if is_excluded(self._excluded, asked.scheme, asked.host, asked.path):
            return None
        told: dict[str, Any] = {
            "url.scheme": asked.scheme,
            "network.protocol.version": f"{asked.version.major}.{asked.version.minor}",
        }
        if asked.url.host:
            told |= {"server.address": asked.url.host, "server.port": asked.url.port}
        headers = {name: asked.headers[name] for name in propagate.get_global_textmap().fields if name in asked.headers}
        return begin(asked.method, asked.path, attributes=told, headers=headers, query=asked.query_string)


@quiet
def _answered(request: Request, asked: Any, response: Any) -> None:
    _route(request, asked)
    request.answered(response.status)
    request.end(is_gone=_is_gone(asked))


@quiet
def _failed(request: Request, asked: Any, error: BaseException) -> None:
    """An ``HTTPException`` is an answer; what else comes out is answered by 500, unless there was an answer before."""
    _route(request, asked)
    status = getattr(error, "status", None)
    is_answer = isinstance(status, int) and hasattr(error, "headers") and hasattr(error, "body")
    if is_answer:
        request.answered(int(status or 0))
    elif isinstance(error, Exception):
        request.answered(500)
    request.end(None if is_answer else error, is_gone=_is_gone(asked))


def _is_gone(asked: Any) -> bool:
    transport = asked.transport
    return transport is None or transport.is_closing()


def _route(request: Request, asked: Any) -> None:
    resource = asked.match_info.route.resource
    if resource is not None:
        request.routed(resource.canonical)
