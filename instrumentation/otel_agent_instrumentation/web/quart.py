"""Requests of Quart applications. Hooks: ``Quart.__call__``; ``full_dispatch_request`` for the route."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from otel_agent_instrumentation._hooks import FrameworkInstrumentor
from otel_agent_instrumentation._wrappers import before
from otel_agent_instrumentation.web._asgi import in_request
from otel_agent_instrumentation.web._request import current

if TYPE_CHECKING:
    from otel_agent_instrumentation._hooks import Hooks

__all__ = ["QuartInstrumentor"]


class QuartInstrumentor(FrameworkInstrumentor):
    """One span a request of Quart."""

    requires: ClassVar[tuple[str, ...]] = ("quart >= 0.19, < 1",)

    def install(self, hooks: Hooks) -> None:
        """Hook the applications and their dispatch."""
        serve = in_request("QUART")

        def app(module: Any) -> None:
            hooks.replace(module.Quart, "__call__", serve)
            hooks.wrap(module.Quart, "full_dispatch_request", before(_route))

        hooks.when_imported("quart.app", app)


def _route(_app: Any, context: Any = None) -> None:
    request, rule = current.get(), getattr(getattr(context, "request", None), "url_rule", None)
    if request is not None and rule is not None:
        request.routed(rule.rule)
