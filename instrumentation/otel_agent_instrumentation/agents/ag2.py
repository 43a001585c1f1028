"""AG2's own spans, switched on.

AG2 has spans of agent runs, tools, model calls and waits for a human, and leaves it to the program to give an agent the
middleware that makes them (``ag2.middleware.builtin.telemetry``). Here every agent has it, around all others, with the
agent's name and, as the conversation's id, that of its stream. An agent to which the program gave one keeps its own.
Its spans that say again what calls and subtasks used are left out. So are prompts and answers, unless
OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT asks for them. Hook: ``Agent.__init__``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from otel_agent_instrumentation._content import wants_content
from otel_agent_instrumentation._hooks import FrameworkInstrumentor, quiet
from otel_agent_instrumentation._wrappers import after

if TYPE_CHECKING:
    from otel_agent_instrumentation._hooks import Hooks

__all__ = ["AG2Instrumentor"]

_CONVERSATION_ID = "gen_ai.conversation.id"


class AG2Instrumentor(FrameworkInstrumentor):
    """Switches on what AG2 reports by itself."""

    requires: ClassVar[tuple[str, ...]] = ("ag2 >= 1.2, < 2",)

    def install(self, hooks: Hooks) -> None:
        """Hook the making of an agent."""
        hooks.when_imported("ag2.agent", lambda module: hooks.wrap(module.Agent, "__init__", after(_show)))


def _show(_: None, agent: Any, *__: Any, **___: Any) -> None:
    """Put the middleware before the agent's own, as what it gets later is around less."""
    from ag2.middleware.builtin.telemetry import TelemetryMiddleware  # pyright: ignore[reportMissingImports, reportUnknownVariableType] - loaded: its agent was

    middleware: list[Any] = agent._middleware  # noqa: SLF001 - the public way puts it last
    if not any(isinstance(each, TelemetryMiddleware) for each in middleware):
        middleware.insert(0, _conversing(TelemetryMiddleware)(agent_name=agent.name, capture_content=wants_content()))


def _conversing(middleware: Any) -> Any:
    """AG2's middleware, with the conversation's id on the spans of each turn, and no spans for usage alone."""

    def __call__(self: Any, event: Any, context: Any) -> Any:  # noqa: N807 - it is one of a class
        turn = middleware.__call__(self, event, context)
        _complete(turn, context)
        return turn

    return type(middleware.__name__, (middleware,), {"__call__": __call__})


@quiet
def _complete(turn: Any, context: Any) -> None:
    turn._span_attributes = {_CONVERSATION_ID: str(context.stream.id), **turn._span_attributes}  # noqa: SLF001 - what a middleware is made with is the same for all turns
    turn._subscribe_usage = _nothing  # noqa: SLF001 - it has no setting


def _nothing(_: Any) -> None:
    """What is done for usage alone."""
