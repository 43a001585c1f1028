"""Pydantic AI's own spans, switched on.

Hook: ``Agent.instrument_all`` and ``Embedder.instrument_all`` (pydantic-ai, "Debugging and Monitoring"), called once
the program has imported them. A program that has called them itself, or that instruments a single agent, keeps its
own settings. Prompts and answers are left out unless OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT asks for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from otel_agent_instrumentation._content import wants_content
from otel_agent_instrumentation._hooks import FrameworkInstrumentor

if TYPE_CHECKING:
    from otel_agent_instrumentation._hooks import Hooks

__all__ = ["PydanticAIInstrumentor"]

_OWNERS = ("Agent", "Embedder")
_DEFAULT = "_instrument_default"  # what instrument_all sets; there is no public way to ask for it


class PydanticAIInstrumentor(FrameworkInstrumentor):
    """Switches on what Pydantic AI reports by itself."""

    requires: ClassVar[tuple[str, ...]] = ("pydantic-ai-slim >= 2, < 3",)

    def install(self, hooks: Hooks) -> None:
        """Have every agent and embedder report, unless the program decided otherwise."""

        def imported(package: Any) -> None:
            for owner in filter(None, (getattr(package, name, None) for name in _OWNERS)):
                _switch_on(owner, hooks)

        hooks.when_imported("pydantic_ai", imported)


def _switch_on(owner: Any, hooks: Hooks) -> None:
    before = getattr(owner, _DEFAULT)
    if before:  # the program, or Logfire, was first
        return
    from pydantic_ai.models.instrumented import InstrumentationSettings  # pyright: ignore[reportMissingImports, reportUnknownVariableType] - loaded: its owner was

    ours: Any = InstrumentationSettings(include_content=wants_content(), include_binary_content=False)  # pyright: ignore[reportUnknownVariableType] - as above
    owner.instrument_all(ours)

    def restore() -> None:
        if getattr(owner, _DEFAULT) is ours:
            setattr(owner, _DEFAULT, before)

    hooks.later(restore)
