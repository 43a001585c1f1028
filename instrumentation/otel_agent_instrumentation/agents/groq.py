"""Model calls of Groq's client.

OpenInference's instrumentation of it ends a streamed call before its first chunk, without usage, and never ends one
that is cancelled. Hook: ``Completions.create``, synchronous and asynchronous.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from otel_agent_instrumentation._hooks import FrameworkInstrumentor
from otel_agent_instrumentation.agents._chat_completions import asynchronously, synchronously

if TYPE_CHECKING:
    from otel_agent_instrumentation._hooks import Hooks

__all__ = ["GroqInstrumentor"]

_PROVIDER = "groq"


class GroqInstrumentor(FrameworkInstrumentor):
    """Reports the model calls of Groq's client."""

    requires: ClassVar[tuple[str, ...]] = ("groq >= 0.11, < 2",)

    def install(self, hooks: Hooks) -> None:
        """Hook what asks for a completion."""
        module = "groq.resources.chat.completions"
        hooks.when_imported(module, lambda found: hooks.wrap(found.Completions, "create", synchronously(_PROVIDER)))
        hooks.when_imported(
            module, lambda found: hooks.wrap(found.AsyncCompletions, "create", asynchronously(_PROVIDER))
        )
