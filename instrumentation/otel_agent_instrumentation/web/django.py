"""Requests of Django, under WSGI, ASGI and ``runserver``.

Hooks: ``WSGIHandler.__call__`` and ``ASGIHandler.__call__``, so that no setting has to be there yet and an answer that
streams is part of its request; ``BaseHandler.resolve_request`` for the route.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from otel_agent_instrumentation._hooks import FrameworkInstrumentor
from otel_agent_instrumentation._wrappers import after
from otel_agent_instrumentation.web._asgi import in_request
from otel_agent_instrumentation.web._request import current
from otel_agent_instrumentation.web._wsgi import wsgi_wrapper

if TYPE_CHECKING:
    from otel_agent_instrumentation._hooks import Hooks

__all__ = ["DjangoInstrumentor"]


class DjangoInstrumentor(FrameworkInstrumentor):
    """One span a request of Django."""

    requires: ClassVar[tuple[str, ...]] = ("django >= 4.2, < 7",)

    def install(self, hooks: Hooks) -> None:
        """Hook both handlers, and what resolves a path."""
        wsgi, asgi = wsgi_wrapper("DJANGO"), in_request("DJANGO")
        hooks.when_imported(
            "django.core.handlers.wsgi", lambda module: hooks.wrap(module.WSGIHandler, "__call__", wsgi)
        )
        hooks.when_imported(
            "django.core.handlers.asgi", lambda module: hooks.replace(module.ASGIHandler, "__call__", asgi)
        )
        hooks.when_imported(
            "django.core.handlers.base",
            lambda module: hooks.wrap(module.BaseHandler, "resolve_request", after(_route)),
        )


def _route(match: Any, _handler: Any, _request: Any) -> None:
    request = current.get()
    if request is not None:
        request.routed(match.route or "/")
