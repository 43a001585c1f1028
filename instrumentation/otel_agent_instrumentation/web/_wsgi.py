"""Requests of WSGI applications (PEP 3333), whatever the framework.

A request is over with the last part of its answer, so that what a generator does while it is read belongs to the
request. A server closes an answer that its client did not wait for before it is read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from opentelemetry import propagate

from otel_agent_instrumentation._hooks import quiet
from otel_agent_instrumentation.web._request import begin, excluded_urls, is_excluded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_agent_instrumentation._hooks import Wrapper
    from otel_agent_instrumentation.web._request import Request

__all__ = ["wsgi_wrapper"]


Route = Callable[[Any], "str | None"]
"""Reads the route from the environ, while the answer begins."""


def wsgi_wrapper(framework: str, route: Route | None = None) -> Wrapper:
    """What goes around an application's ``__call__(environ, start_response)``; ``framework`` as in its variable."""
    excluded = excluded_urls(framework)

    def serve(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:  # noqa: ARG001 - wrapt's signature
        call = dict(zip(("environ", "start_response"), args, strict=False)) | kwargs
        request = _begin(excluded, call.get("environ")) if "start_response" in call else None
        if request is None:
            return wrapped(*args, **kwargs)
        request.enter()
        try:
            result = wrapped(call["environ"], _start(request, call["start_response"], call["environ"], route))
        except BaseException as error:
            request.end(error)
            raise
        finally:
            request.leave()
        return _until_read(request, call["environ"], result)

    return serve


@quiet
def _begin(excluded: Any, environ: Any) -> Request | None:
    path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    path = path.encode("latin-1").decode("utf-8", "replace") or "/"
    scheme, host = environ.get("wsgi.url_scheme", "http"), environ.get("HTTP_HOST", "")
    if is_excluded(excluded, scheme, host, path):
        return None
    told: dict[str, Any] = {"url.scheme": scheme}
    if environ.get("SERVER_PROTOCOL", "").startswith("HTTP/"):
        told["network.protocol.version"] = environ["SERVER_PROTOCOL"][5:]
    if environ.get("SERVER_NAME"):
        told["server.address"] = environ["SERVER_NAME"]
    if str(environ.get("SERVER_PORT", "")).isdigit():
        told["server.port"] = int(environ["SERVER_PORT"])
    names = {name: f"HTTP_{name.upper().replace('-', '_')}" for name in propagate.get_global_textmap().fields}
    headers = {name: environ[variable] for name, variable in names.items() if variable in environ}
    query = environ.get("QUERY_STRING", "")
    return begin(environ["REQUEST_METHOD"], path, attributes=told, headers=headers, query=query)


def _start(request: Request, start_response: Any, environ: Any, route: Route | None) -> Any:
    def start(status: Any, *args: Any, **kwargs: Any) -> Any:
        _look(request, status, environ, route)
        return start_response(status, *args, **kwargs)

    return start


@quiet
def _look(request: Request, status: str, environ: Any, route: Route | None) -> None:
    if route is not None:
        request.routed(route(environ))
    request.answered(int(status.partition(" ")[0]))


def _until_read(request: Request, environ: Any, result: Any) -> Any:
    """The answer, watched until it is read; one that the server may send by itself stays what it is."""
    file_wrapper = environ.get("wsgi.file_wrapper")
    is_file = isinstance(file_wrapper, type) and isinstance(result, file_wrapper)
    if is_file or isinstance(result, (list, tuple)):
        request.end()
        return result  # pyright: ignore[reportUnknownVariableType] - the application's
    return _Answer(request, result)


class _Answer:
    """An iterable of an application's, each step of which runs in the context of its request."""

    def __init__(self, request: Request, answer: Any) -> None:
        self._request = request
        self._answer = answer
        self._parts: Iterator[bytes] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._answer, name)

    def __iter__(self) -> _Answer:
        return self

    def __next__(self) -> bytes:
        self._request.enter()
        try:
            if self._parts is None:
                self._parts = iter(self._answer)
            return next(self._parts)
        except StopIteration:
            self._request.end()
            raise
        except BaseException as error:
            self._request.end(error)
            raise
        finally:
            self._request.leave()

    def close(self) -> None:
        """Closed before it is read, it was given up; the answer to HEAD is not read at all."""
        close = getattr(self._answer, "close", None)
        self._request.enter()
        try:
            if close is not None:
                close()
        finally:
            self._request.leave()
            self._request.end(is_gone=self._request.method != "HEAD")
