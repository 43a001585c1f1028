"""Agent runs and tools of BeeAI; its model calls go by LiteLLM, and come with the extra for that.

OpenInference's instrumentation of it makes all spans of a run when that is over: model calls and what tools do are in
other traces, and what is cancelled ends well. Hook: ``RunContext.enter``, by which whatever runs in BeeAI runs. Names
are read; inputs and outputs are not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import otel_agent_telemetry as telemetry
from otel_agent_instrumentation._hooks import FrameworkInstrumentor, quiet

if TYPE_CHECKING:
    from otel_agent_instrumentation._hooks import Hooks

__all__ = ["BeeAIInstrumentor"]

_LAST = "FinalAnswerTool"
"""By which an agent says that it has done."""


class BeeAIInstrumentor(FrameworkInstrumentor):
    """Reports what BeeAI's agents do."""

    requires: ClassVar[tuple[str, ...]] = ("beeai-framework >= 0.1.80, < 0.2",)

    def install(self, hooks: Hooks) -> None:
        """Hook what enters a run."""
        hooks.when_imported("beeai_framework.context", lambda module: hooks.wrap(module.RunContext, "enter", _enter))


def _enter(wrapped: Any, _: Any, args: Any, kwargs: Any) -> Any:
    """The run, whose own function tells when it begins and ends: it is in a task of its own, which may be cancelled."""
    kind = _kind(args[0]) if len(args) > 1 else None
    if kind is None:
        return wrapped(*args, **kwargs)
    instance, function, *rest = args

    async def told(context: Any) -> Any:
        begun = _begin(kind, instance)
        try:
            result = await function(context)
        except BaseException as error:
            _end(begun, error)
            raise
        _end(begun, None)
        return result

    return wrapped(instance, told, *rest, **kwargs)


@quiet
def _kind(instance: Any) -> Any:
    """What tells of it: an agent, a tool, or nothing of ours."""
    names = {f"{each.__module__}.{each.__name__}" for each in type(instance).__mro__}
    if "beeai_framework.agents.base.BaseAgent" in names:
        return telemetry.agent
    is_tool = "beeai_framework.tools.tool.Tool" in names
    return telemetry.tool if is_tool and type(instance).__name__ != _LAST else None


@quiet
def _begin(kind: Any, instance: Any) -> Any:
    name = instance.name if kind is telemetry.tool else instance.meta.name
    return kind(name).start()


@quiet
def _end(begun: Any, error: BaseException | None) -> None:
    if begun is not None:
        begun.end(error)
