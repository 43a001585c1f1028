"""Programs, agents, tools and model calls of DSPy.

DSPy has callbacks, which neither begin nor end anything that is cancelled in their own context; OpenInference's
instrumentation of it shows no tokens and no tools. Hooks: ``Module.__call__`` and ``acall``, whose outermost is the
program, a workflow, or else a run where it is one of DSPy's agents, such as ``ReAct``; ``Tool.__call__`` and ``acall``;
and, from DSPy 3.4 on, each attempt of a model call, below DSPy's cache and its retries. What is answered from the cache
is none. Instructions, inputs and outputs are never read.
"""

from __future__ import annotations

from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import otel_agent_telemetry as telemetry
from otel_agent_instrumentation._hooks import FrameworkInstrumentor
from otel_agent_instrumentation._wrappers import around, around_async

if TYPE_CHECKING:
    from otel_agent_instrumentation._hooks import Hooks

__all__ = ["DSPyInstrumentor"]

_AGENTS = frozenset({"Avatar", "CodeAct", "ProgramOfThought", "ReAct", "ReActV2", "RLM"})
_inside = ContextVar("otel_agent_instrumentation.dspy.inside", default=False)


class DSPyInstrumentor(FrameworkInstrumentor):
    """Reports what DSPy's programs do."""

    requires: ClassVar[tuple[str, ...]] = ("dspy >= 3.4, < 4",)

    def install(self, hooks: Hooks) -> None:
        """Hook programs, tools and the attempts of model calls."""

        def called(owner: Any, begin: Any, end: Any) -> None:
            hooks.wrap(owner, "__call__", around(begin, end))
            hooks.wrap(owner, "acall", around_async(begin, end))

        def attempted(module: Any) -> None:
            begin = partial(_begin_attempt, module.settings)
            hooks.wrap(module, "_attempt", around(begin, _end_attempt))
            hooks.wrap(module, "_aattempt", around_async(begin, _end_attempt))

        hooks.when_imported("dspy.primitives.module", lambda module: called(module.Module, _begin_run, _end_run))
        hooks.when_imported("dspy.adapters.types.tool", lambda module: called(module.Tool, _begin_tool, _end_tool))
        hooks.when_imported("dspy.clients.execution", attempted)


def _begin_run(module: Any, *_: Any, **__: Any) -> Any:
    kind = next((each.__name__ for each in type(module).__mro__ if _is_agent(each)), None)
    if kind is not None:
        begun = telemetry.agent(type(module).__name__).start()
    elif not _inside.get():
        begun = telemetry.workflow(type(module).__name__).start()
    else:
        return None
    return begun, _inside.set(True)


def _is_agent(kind: type) -> bool:
    return kind.__name__ in _AGENTS and kind.__module__.startswith("dspy.")


def _end_run(begun: Any, error: BaseException | None) -> None:
    if begun is not None:
        run, token = begun
        run.end(error)
        _inside.reset(token)


def _begin_tool(tool: Any, *_: Any, **__: Any) -> Any:
    if str(getattr(tool.func, "__module__", "")).startswith("dspy."):
        return None  # by which an agent ends
    return telemetry.tool(tool.name).start()


def _end_tool(call: Any, error: BaseException | None) -> None:
    if call is not None:
        call.end(error)


def _begin_attempt(settings: Any, _: None, lm: Any, asked: Any, *how: Any) -> Any:
    _, request, provider, state = how[:4]
    named, _, model = lm.model.partition("/")
    call = telemetry.model_call(model or named, provider=provider or (named if model else None))
    options: dict[str, Any] = asked.legacy.get("stream_options") or {}
    is_guessed = request is None and settings.send_stream is not None and not options.get("include_usage")
    return call.start(), state, is_guessed


def _end_attempt(begun: Any, error: BaseException | None) -> None:
    if begun is None:
        return
    call, state, is_guessed = begun
    if state.result is not None and not is_guessed:  # of a stream whose usage was not asked for LiteLLM makes one up
        _record(call, state.result)
    call.end(error)


def _record(call: Any, result: Any) -> None:
    """The usage, in which DSPy counts cached and reasoning tokens alike for all providers."""
    inputs: dict[str, Any] = result.usage.get("prompt_tokens_details") or {}
    outputs: dict[str, Any] = result.usage.get("completion_tokens_details") or {}
    call.record(
        input=result.usage.get("prompt_tokens"),
        output=result.usage.get("completion_tokens"),
        cache_read=inputs.get("cached_tokens"),
        cache_write=inputs.get("cache_creation_tokens"),
        reasoning=outputs.get("reasoning_tokens"),
        response_model=result.response_model or None,
    )
