"""Knows when a model client's request is under way, so that instrumentations of HTTP clients are silent inside it.

Hooks: ``request`` of the base clients that OpenAI's, Anthropic's, Groq's and other generated SDKs share. Spans of model
calls are not always the current one, as those that LangChain's callbacks make.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from otel_agent_instrumentation._hooks import FrameworkInstrumentor
from otel_agent_instrumentation._outgoing import in_model_client
from otel_agent_instrumentation._wrappers import within, within_async

if TYPE_CHECKING:
    from otel_agent_instrumentation._hooks import Hooks

__all__ = ["ModelClientsInstrumentor"]

_SDKS = ("anthropic", "cerebras.cloud.sdk", "groq", "openai", "together")


class ModelClientsInstrumentor(FrameworkInstrumentor):
    """Marks what model clients send."""

    requires: ClassVar[tuple[str, ...]] = ()

    def install(self, hooks: Hooks) -> None:
        """Hook each SDK's clients."""

        def base_client(module: Any) -> None:
            hooks.wrap(module.SyncAPIClient, "request", within(in_model_client))
            hooks.wrap(module.AsyncAPIClient, "request", within_async(in_model_client))

        for sdk in _SDKS:
            hooks.when_imported(f"{sdk}._base_client", base_client)
