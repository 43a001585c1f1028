"""One request and the server span around it, by OpenTelemetry's semantic conventions for HTTP server spans.

Names and attributes: https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-server. The query string is
among them only where content is wanted. Health checks have no span: OTEL_PYTHON_<FRAMEWORK>_EXCLUDED_URLS, else
OTEL_PYTHON_EXCLUDED_URLS, says which URLs those are (opentelemetry-util-http), else :data:`HEALTH_CHECKS`.
"""

from __future__ import annotations

import os
import re
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from opentelemetry import context, propagate, trace
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.util.http import (
    ExcludeList,
    get_excluded_urls,
    sanitize_method,
)

from otel_agent_instrumentation._content import wants_content
from otel_agent_instrumentation._hooks import quiet

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.trace import Span

__all__ = ["CANCELLED", "HEALTH_CHECKS", "Request", "begin", "current", "excluded_urls", "is_excluded"]

CANCELLED = "cancelled"
_OUTCOME = "agent.outcome"
_SERVER_ERROR = 500
_HEALTH = r"health(?:z|[-_]?checks?)?(?:/(?:live(?:ness)?|ready|readiness|startup))?"
_AT_THE_ROOT = r"livez?|liveness|readyz?|readiness|startupz?|ping|heartbeat|metrics|favicon\.ico"
HEALTH_CHECKS = (rf"^[^?]*/(?:_|-/)?{_HEALTH}/?$", rf"^\w+://[^/?]*/(?:-/)?(?:{_AT_THE_ROOT})/?$")
"""URLs without a span where the operator says nothing: what probes ask, wherever it is, or right at the root."""

current: ContextVar[Request | None] = ContextVar("agent_telemetry_request", default=None)
"""The request that is being answered."""

_SPACE = re.compile(r"[\s?#].*", re.DOTALL)


def excluded_urls(framework: str) -> ExcludeList:
    """What has no span in that framework, such as ``DJANGO``."""
    said = (f"OTEL_PYTHON_{framework}_EXCLUDED_URLS", "OTEL_PYTHON_EXCLUDED_URLS")
    return get_excluded_urls(framework) if any(name in os.environ for name in said) else ExcludeList(HEALTH_CHECKS)


def is_excluded(excluded: ExcludeList, scheme: str, host: str, path: str) -> bool:
    """Whether a request has no span."""
    return excluded.url_disabled(f"{scheme}://{host}{path}")


@quiet
def begin(
    method: str,
    path: str,
    *,
    attributes: Mapping[str, Any],
    headers: Mapping[str, str],
    query: str = "",
) -> Request | None:
    """The request, its span begun below what the client sent along; None inside the same request, as in a mount."""
    around = current.get()
    if around is not None and around.is_open and around.method == method and around.path.endswith(path):
        return None
    known = sanitize_method(method) or "_OTHER"
    told: dict[str, Any] = {"http.request.method": known, "url.path": path, **attributes}
    if known == "_OTHER":
        told["http.request.method_original"] = method
    if query and wants_content():
        told["url.query"] = query
    # What started the server's thread, such as a command, is not what the request belongs to.
    base = context.Context() if around is None else context.get_current()
    above = propagate.extract(headers, base) if headers else base
    verb = "HTTP" if known == "_OTHER" else known
    tracer = trace.get_tracer("otel_agent_instrumentation.web")
    span = tracer.start_span(verb, above, SpanKind.SERVER, attributes=told)
    return Request(span, method, verb, path, above)


class Request:
    """One request; every call of it is quiet, and what comes after its end is left alone."""

    __slots__ = ("_span", "_status", "_tokens", "is_open", "method", "path", "state", "verb")

    def __init__(self, span: Span, method: str, verb: str, path: str, above: context.Context) -> None:
        self._span = span
        self._status: int | None = None
        self._tokens: Any = None
        self.method, self.verb, self.path = method, verb, path
        self.is_open = True
        self.state = trace.set_span_in_context(span, above)
        """The context that the application's code is in: of code that runs step by step, as its last step left it."""

    @property
    def status(self) -> int | None:
        """What was answered so far."""
        return self._status

    def enter(self) -> None:
        """Make it the current one, in this task or thread."""
        self._tokens = context.attach(self.state), current.set(self)

    def leave(self) -> None:
        """Take that back, in the same task or thread."""
        attached, was_set = self._tokens
        self.state = context.get_current()
        current.reset(was_set)
        context.detach(attached)

    @quiet
    def routed(self, route: str | None) -> None:
        """The template that its path matched, such as ``/items/{id}``."""
        if route and self.is_open:
            template = _SPACE.sub("", route if route.startswith("/") else f"/{route}")
            self._span.update_name(f"{self.verb} {template}")
            self._span.set_attribute("http.route", template)

    @quiet
    def answered(self, status: int) -> None:
        """The status that goes to the client."""
        if self.is_open:
            self._status = status
            self._span.set_attribute("http.response.status_code", status)

    @quiet
    def end(self, error: BaseException | None = None, *, is_gone: bool = False) -> None:
        """It is over; ``is_gone`` where the client went away before the end of the answer."""
        if not self.is_open:
            return
        self.is_open = False
        if is_gone or _is_cancellation(error):
            self._span.set_attribute(_OUTCOME, CANCELLED)
        elif error is not None or (self._status or 0) >= _SERVER_ERROR:
            self._span.set_attribute("error.type", _name(error) if error is not None else str(self._status))
            self._span.set_status(StatusCode.ERROR)
        self._span.end()


def _is_cancellation(error: BaseException | None) -> bool:
    return error is not None and type(error).__name__ in {"CancelledError", "GeneratorExit", "ClientDisconnect"}


def _name(error: BaseException) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
