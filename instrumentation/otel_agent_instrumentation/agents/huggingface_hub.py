"""Model calls of Hugging Face's client of inference providers and endpoints.

Hook: ``chat_completion`` of ``InferenceClient`` and ``AsyncInferenceClient``, which ``client.chat.completions`` calls
too. No other instrumentation of it is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from otel_agent_instrumentation._hooks import FrameworkInstrumentor
from otel_agent_instrumentation.agents._chat_completions import asynchronously, synchronously

if TYPE_CHECKING:
    from otel_agent_instrumentation._hooks import Hooks

__all__ = ["HuggingFaceInstrumentor"]

_PROVIDER = "huggingface"


class HuggingFaceInstrumentor(FrameworkInstrumentor):
    """Reports the model calls of Hugging Face's client."""

    requires: ClassVar[tuple[str, ...]] = ("huggingface-hub >= 0.30, < 3",)

    def install(self, hooks: Hooks) -> None:
        """Hook what asks for a completion."""
        hooks.when_imported(
            "huggingface_hub.inference._client",
            lambda found: hooks.wrap(found.InferenceClient, "chat_completion", synchronously(_PROVIDER)),
        )
        hooks.when_imported(
            "huggingface_hub.inference._generated._async_client",
            lambda found: hooks.wrap(found.AsyncInferenceClient, "chat_completion", asynchronously(_PROVIDER)),
        )
