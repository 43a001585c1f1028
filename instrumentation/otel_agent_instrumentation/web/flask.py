"""Requests of Flask applications. Hook: ``Flask.__call__``; the route is that of the request in the environ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from otel_agent_instrumentation._hooks import FrameworkInstrumentor
from otel_agent_instrumentation.web._wsgi import wsgi_wrapper

if TYPE_CHECKING:
    from otel_agent_instrumentation._hooks import Hooks

__all__ = ["FlaskInstrumentor"]


class FlaskInstrumentor(FrameworkInstrumentor):
    """One span a request of Flask."""

    requires: ClassVar[tuple[str, ...]] = ("flask >= 2.3, < 4",)

    def install(self, hooks: Hooks) -> None:
        """Hook the applications."""
        serve = wsgi_wrapper("FLASK", _route)
        hooks.when_imported("flask.app", lambda module: hooks.wrap(module.Flask, "__call__", serve))


def _route(environ: Any) -> str | None:
    rule = getattr(environ.get("werkzeug.request"), "url_rule", None)
    return None if rule is None else environ.get("SCRIPT_NAME", "") + rule.rule
