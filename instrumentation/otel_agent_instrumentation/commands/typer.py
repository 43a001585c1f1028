"""Commands of typer programs, like those of click.

Newer releases of typer carry a copy of click (``typer._click``), which nothing hooked in click sees; older ones use
click itself, which the click module covers.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, ClassVar

from otel_agent_instrumentation._hooks import FrameworkInstrumentor
from otel_agent_instrumentation.commands.click import install_on

if TYPE_CHECKING:
    from otel_agent_instrumentation._hooks import Hooks

__all__ = ["TyperInstrumentor"]


class TyperInstrumentor(FrameworkInstrumentor):
    """Reports the commands of typer programs."""

    requires: ClassVar[tuple[str, ...]] = ("typer >= 0.12, < 1",)

    def install(self, hooks: Hooks) -> None:
        """Hook the copy of click, where there is one."""

        def core(module: Any) -> None:
            copied = sys.modules.get("typer._click.core")
            if copied is not None:
                install_on(hooks, copied.Command, module.TyperGroup)

        hooks.when_imported("typer.core", core)
