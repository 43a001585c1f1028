"""Requests of Litestar applications. Hook: ``Litestar.__call__``; the route is in the ASGI scope, ``path_template``."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from otel_agent_instrumentation._hooks import FrameworkInstrumentor
from otel_agent_instrumentation.web._asgi import in_request

if TYPE_CHECKING:
    from otel_agent_instrumentation._hooks import Hooks

__all__ = ["LitestarInstrumentor"]


class LitestarInstrumentor(FrameworkInstrumentor):
    """One span a request of Litestar."""

    requires: ClassVar[tuple[str, ...]] = ("litestar >= 2.12, < 3",)

    def install(self, hooks: Hooks) -> None:
        """Hook the applications."""
        serve = in_request("LITESTAR")
        hooks.when_imported("litestar.app", lambda module: hooks.replace(module.Litestar, "__call__", serve))
