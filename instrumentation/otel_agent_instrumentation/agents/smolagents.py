"""Tool calls of smolagents.

Agents' runs and the calls of models in the same process come from ``opentelemetry-instrumentation-genai-smolagents``,
other model calls from the instrumentation of their client; tool calls from neither. Hooks: ``Tool.__call__``, and the
``ThreadPoolExecutor`` that ``smolagents.local_python_executor`` runs generated code in, so that the tools and agents
which that code calls belong to the run. The tool ``final_answer``, by which an agent ends, is none here. Where another
instrumentation reports tool calls too, ours and its own are one event. Inputs and outputs are never read.
"""

from __future__ import annotations

from contextvars import copy_context
from typing import TYPE_CHECKING, Any, ClassVar

import otel_agent_telemetry as telemetry
from otel_agent_instrumentation._hooks import FrameworkInstrumentor
from otel_agent_instrumentation._wrappers import around

if TYPE_CHECKING:
    from otel_agent_instrumentation._hooks import Hooks

__all__ = ["SmolagentsInstrumentor"]

_END = "final_answer"


class SmolagentsInstrumentor(FrameworkInstrumentor):
    """Reports the tool calls of smolagents."""

    requires: ClassVar[tuple[str, ...]] = ("smolagents >= 1.24, < 2",)

    def install(self, hooks: Hooks) -> None:
        """Hook the call of a tool, and the threads of generated code."""
        hooks.when_imported(
            "smolagents.tools", lambda module: hooks.wrap(module.Tool, "__call__", around(_begin, _end))
        )
        hooks.when_imported(
            "smolagents.local_python_executor", lambda module: hooks.wrap(module, "ThreadPoolExecutor", _executor)
        )


def _begin(tool: Any, *_: Any, **__: Any) -> Any:
    return None if tool.name == _END else telemetry.tool(tool.name).start()


def _end(call: Any, error: BaseException | None) -> None:
    if call is not None:
        call.end(error)


def _executor(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:  # noqa: ARG001 - wrapt's signature
    """An executor of one call, whose thread begins in the context of here."""
    return wrapped(*args, **{**kwargs, "initializer": _enter, "initargs": (copy_context(),)})


def _enter(context: Any) -> None:
    for variable, value in context.items():
        variable.set(value)
