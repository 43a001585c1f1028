"""Semantic Kernel's own spans, switched on, with the id of the agent's thread.

Semantic Kernel has spans of agent runs and model calls, which a variable of its own switches on before it is imported,
and of its functions, which are the tools (``semantic_kernel.utils.telemetry``). Here all are on, unless the operator
said otherwise in SEMANTICKERNEL_EXPERIMENTAL_GENAI_ENABLE_OTEL_DIAGNOSTICS; prompts, arguments and answers are left out
unless that variable with ``_SENSITIVE`` or OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT asks for them. An agent's
run has the id of its thread as that of the conversation. Hooks: the settings of its three modules of spans, and
``Agent._ensure_thread_exists_with_messages``.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from opentelemetry import trace

from otel_agent_instrumentation._content import wants_content
from otel_agent_instrumentation._hooks import FrameworkInstrumentor, quiet

if TYPE_CHECKING:
    from otel_agent_instrumentation._hooks import Hooks

__all__ = ["SemanticKernelInstrumentor"]

_CONVERSATION_ID = "gen_ai.conversation.id"
_TELEMETRY = "semantic_kernel.utils.telemetry"
_MODULES = (
    f"{_TELEMETRY}.agent_diagnostics.decorators",
    f"{_TELEMETRY}.model_diagnostics.decorators",
    f"{_TELEMETRY}.model_diagnostics.function_tracer",
)


class SemanticKernelInstrumentor(FrameworkInstrumentor):
    """Switches on what Semantic Kernel reports by itself, and completes it."""

    requires: ClassVar[tuple[str, ...]] = ("semantic-kernel >= 1.45, < 2",)

    def install(self, hooks: Hooks) -> None:
        """Hook the settings and an agent's thread."""
        for name in _MODULES:
            hooks.when_imported(name, lambda module: _switch_on(module.MODEL_DIAGNOSTICS_SETTINGS, hooks))
        hooks.when_imported(
            "semantic_kernel.agents.agent",
            lambda module: hooks.wrap(module.Agent, "_ensure_thread_exists_with_messages", _thread),
        )


def _switch_on(settings: Any, hooks: Hooks) -> None:
    said: set[str] = settings.model_fields_set
    for name, value in (("enable_otel_diagnostics", True), ("enable_otel_diagnostics_sensitive", wants_content())):
        if name not in said:
            hooks.later(partial(said.discard, name))  # which setting it, and setting it back, adds
            hooks.later(partial(setattr, settings, name, getattr(settings, name)))
            setattr(settings, name, value)


async def _thread(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:  # noqa: ARG001 - wrapt's signature
    thread = await wrapped(*args, **kwargs)
    _name_conversation(thread)
    return thread


@quiet
def _name_conversation(thread: Any) -> None:
    if isinstance(thread.id, str):
        trace.get_current_span().set_attribute(_CONVERSATION_ID, thread.id)
