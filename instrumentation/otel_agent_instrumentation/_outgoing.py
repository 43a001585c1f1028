"""What upstream instrumentations of HTTP clients, databases and caches are given in place of the tracer provider.

A span of theirs inside a model call is left out, whichever client makes it and whatever its address is, and no trace
context goes to the model's host: the call has a span of its own. Queries, query strings, credentials in addresses and
messages of exceptions stay out unless content is wanted (OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT).
"""

from __future__ import annotations

import inspect
import re
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from opentelemetry import trace
from opentelemetry.trace import INVALID_SPAN_CONTEXT, NonRecordingSpan, Status, Tracer, TracerProvider

import otel_agent_telemetry as telemetry
from otel_agent_instrumentation._content import wants_content
from otel_agent_instrumentation._hooks import quiet
from otel_agent_instrumentation._tracers import OwnTracer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.context import Context

__all__ = ["CLIENTS", "OutgoingProvider", "in_model_client"]

CLIENTS = frozenset(
    {
        *("aiohttp-client", "httpx", "httpx2", "requests", "urllib", "urllib3"),
        *("asyncpg", "psycopg", "psycopg2", "pymongo", "redis", "sqlalchemy", "sqlite3"),
    }
)
"""Entry points of the instrumentations that are given it."""

in_model_client: ContextVar[bool] = ContextVar("agent_telemetry_in_model_client", default=False)
"""True inside a request of a model client's own."""

_MODEL_CLIENTS = ("cohere", "google.genai", "huggingface_hub.inference", "litellm", "mistralai", "ollama")
"""Packages that ask models by an HTTP client, often before or after their call's span is the current one."""

_BETWEEN = frozenset(
    {
        *("aiohttp", "aiosignal", "contextlib", "httpcore", "httpx", "httpx2", "requests", "urllib", "urllib3"),
        *("opentelemetry", "otel_agent_instrumentation", "otel_agent_telemetry", "wrapt"),
    }
)
"""Top-level packages that lie between a request and who made it."""

_URLS = frozenset({"url.full", "http.url"})
_TARGETS = frozenset({"http.target"})
_LEFT_OUT = frozenset({"url.query", "db.query.text", "db.statement", "db.statement.parameters"})
_QUERIES = ("db.query.text", "db.statement")
_OPERATION = re.compile(r"\s*([A-Za-z]{2,20})\b")
_LONGEST_NAME = 80


class OutgoingProvider(TracerProvider):
    """The program's own provider, whose spans are left out or cleaned as the module says."""

    def get_tracer(self, *args: Any, **kwargs: Any) -> Tracer:
        """A tracer of the program's provider."""
        return _Tracer(trace.get_tracer_provider().get_tracer(*args, **kwargs))


class _Tracer(OwnTracer):
    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def start_span(
        self, name: str, context: Context | None = None, *args: Any, attributes: Any = None, **kwargs: Any
    ) -> Any:
        if _in_model_call(context):
            return _Silent(INVALID_SPAN_CONTEXT)
        if wants_content():
            return self._tracer.start_span(name, context, *args, attributes=attributes, **kwargs)
        told = _cleaned(attributes or {})
        return _discreet(self._tracer.start_span(_short(name), context, *args, attributes=told, **kwargs))


class _Silent(NonRecordingSpan):
    """Stands for what is left out; what is inside is left out, too."""


def _in_model_call(context: Context | None) -> bool:
    span = trace.get_current_span(context)
    return (
        in_model_client.get()
        or isinstance(span, _Silent)
        or bool(_is_model_call(span))
        or bool(_is_made_by_model_client())
    )


@quiet
def _is_made_by_model_client() -> bool:
    """Whether the package that called the HTTP client is one; a tool that it calls is in a package of its own."""
    package, frame = "", inspect.currentframe()
    while frame is not None:
        module: str = frame.f_globals.get("__name__", "")
        top = module.partition(".")[0]
        if top not in _BETWEEN:
            if package not in ("", top):
                return False
            if any(module == name or module.startswith(f"{name}.") for name in _MODEL_CLIENTS):
                return True
            package = top
        frame = frame.f_back
    return False


@quiet
def _is_model_call(span: Any) -> bool:
    return telemetry.is_model_call(span)


def _discreet(span: Any) -> Any:
    """The span, which from now on takes no content."""
    if span.is_recording():
        set_attributes, set_status, add_event = span.set_attributes, span.set_status, span.add_event

        def record_exception(exception: BaseException, *_: Any, **__: Any) -> None:
            kind = type(exception)
            name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
            add_event("exception", {"exception.type": name})

        def attributes_told(attributes: Mapping[str, Any]) -> None:
            set_attributes(_cleaned(attributes))

        def attribute_told(key: str, value: Any) -> None:
            set_attributes(_cleaned({key: value}))

        def status_told(status: Any, *_: Any) -> None:
            set_status(Status(status.status_code) if isinstance(status, Status) else status)

        span.set_attributes, span.set_attribute = attributes_told, attribute_told
        span.set_status, span.record_exception = status_told, record_exception
    return span


def _cleaned(attributes: Mapping[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for name, value in attributes.items():
        if name in _URLS:
            told[name] = _without_query(str(value))
        elif name in _TARGETS:
            told[name] = str(value).partition("?")[0]
        elif name in _QUERIES and "db.operation.name" not in attributes:
            operation = _OPERATION.match(str(value))
            if operation is not None:
                told["db.operation.name"] = operation[1].upper()
        elif name not in _LEFT_OUT:
            told[name] = value
    return told


def _without_query(url: str) -> str:
    """The address without credentials, query and fragment; nothing of one that cannot be read."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _short(name: str) -> str:
    """The name of a span; where it is a whole query, its first word."""
    return name if len(name) <= _LONGEST_NAME and "\n" not in name and "'" not in name else name.split(None, 1)[0]
