"""What Agent Framework reports by itself, with its sessions' ids and the error below its own.

Agent Framework has spans of its own, on the global provider and on unless ENABLE_INSTRUMENTATION says ``false``;
prompts and answers are left out of them unless ENABLE_SENSITIVE_DATA asks for them. Two things about them are changed.
The conversation of a run is that of the service (which the Responses API names anew by each response) or none: where it
is not one that stays, the id of the program's ``AgentSession`` takes its place (``_get_otel_conversation_id``). And a
client's error is one of the framework's (``ChatClientException``) whatever it was: ``error.type`` is that of its cause
(``observability.capture_exception``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from otel_agent_instrumentation._hooks import FrameworkInstrumentor, quiet

if TYPE_CHECKING:
    from otel_agent_instrumentation._hooks import Hooks

__all__ = ["AgentFrameworkInstrumentor"]

_ERROR_TYPE = "error.type"
_FRAMEWORK = "agent_framework"
_RESPONSE = ("resp_", "chatcmpl")  # ids of single responses


class AgentFrameworkInstrumentor(FrameworkInstrumentor):
    """Adds to what Agent Framework reports the ids of its sessions and the errors below its own."""

    requires: ClassVar[tuple[str, ...]] = ("agent-framework-core >= 1.20, < 2",)

    def install(self, hooks: Hooks) -> None:
        """Hook what the framework asks for a run's conversation, and what it marks a failed span with."""
        hooks.when_imported(
            "agent_framework._agents",
            lambda module: hooks.wrap(module.BaseAgent, "_get_otel_conversation_id", _conversation),
        )
        hooks.when_imported(
            "agent_framework.observability", lambda module: hooks.wrap(module, "capture_exception", _capture)
        )


def _conversation(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:  # noqa: ARG001 - wrapt's signature
    found = wrapped(*args, **kwargs)
    if not found or str(found).startswith(_RESPONSE):
        return _session_id(*args, **kwargs) or found
    return found


@quiet
def _session_id(session: Any) -> Any:
    return getattr(session, "session_id", None)


def _capture(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> None:  # noqa: ARG001 - wrapt's signature
    wrapped(*args, **kwargs)
    _name_cause(*args, **kwargs)


@quiet
def _name_cause(span: Any, exception: BaseException, timestamp: Any = None) -> None:  # noqa: ARG001 - as the framework's
    cause = exception.__cause__
    if cause is not None and type(exception).__module__.partition(".")[0] == _FRAMEWORK:
        span.set_attribute(_ERROR_TYPE, type(cause).__name__)
