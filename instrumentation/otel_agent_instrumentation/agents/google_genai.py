"""The functions that Google's GenAI client calls by itself, and every request that it makes in between.

Model calls come from ``openinference-instrumentation-google-genai``. That wraps ``generate_content`` and
``generate_content_stream``, which go on asking the model for as long as it calls functions, or breaks off in
mid-answer; of all these requests it sees the last one's usage. Here its wrappers are moved to the methods that make one
request each, ``_generate_content`` and ``_generate_content_stream``, with the same arguments and results. Tool calls
are told here: hooks are ``invoke_function_from_dict_args`` and its asynchronous form in ``google.genai._extra_utils``.
Those of an MCP session are ``agent_mcp``'s. Arguments and results are never read.
"""

from __future__ import annotations

import importlib
from typing import Any, ClassVar

import otel_agent_telemetry as telemetry
from otel_agent_instrumentation._hooks import FrameworkInstrumentor, Hooks
from otel_agent_instrumentation._wrappers import after, around, around_async, before

__all__ = ["GoogleGenAIInstrumentor"]

_UPSTREAM = "openinference.instrumentation.google_genai"
_REQUESTS = {"generate_content": "_generate_content", "generate_content_stream": "_generate_content_stream"}
"""What may make several requests -> what makes one."""


class GoogleGenAIInstrumentor(FrameworkInstrumentor):
    """Reports the tool calls of google-genai, and has another's spans of model calls be one a request."""

    requires: ClassVar[tuple[str, ...]] = ("google-genai >= 1.20, < 4",)

    def install(self, hooks: Hooks) -> None:
        """Hook what calls a function, and the other instrumentation as it comes and goes."""
        moved = Hooks(self.requires)
        hooks.later(moved.undo)
        hooks.when_imported("google.genai._extra_utils", lambda module: _watch_tools(module, hooks))
        hooks.when_imported(_UPSTREAM, lambda module: _watch_upstream(module.GoogleGenAIInstrumentor, moved, hooks))


def _watch_tools(module: Any, hooks: Hooks) -> None:
    hooks.wrap(module, "invoke_function_from_dict_args", around(_begin, _end))
    hooks.wrap(module, "invoke_function_from_dict_args_async", around_async(_begin, _end))


def _watch_upstream(instrumentor: Any, moved: Hooks, hooks: Hooks) -> None:
    hooks.wrap(instrumentor, "_instrument", after(lambda *_, **__: _move_all(moved)))
    hooks.wrap(instrumentor, "_uninstrument", before(lambda *_, **__: moved.undo()))
    _move_all(moved)  # where the program switched it on before


def _move_all(moved: Hooks) -> None:
    models: Any = importlib.import_module("google.genai.models")
    for owner in (models.Models, models.AsyncModels):
        for several, one in _REQUESTS.items():
            _move(owner, several, one, moved)


def _move(owner: Any, several: str, one: str, moved: Hooks) -> None:
    found: Any = owner.__dict__[several]
    wrapper = getattr(found, "_self_wrapper", None)
    if type(wrapper).__module__.startswith(_UPSTREAM):
        setattr(owner, several, found.__wrapped__)
        moved.later(lambda: setattr(owner, several, found))
        moved.wrap(owner, one, wrapper)


def _begin(_module: Any, args: Any, function_to_invoke: Any) -> Any:  # noqa: ARG001 - as the client names them
    return telemetry.tool(function_to_invoke.__name__).start()


def _end(call: Any, error: BaseException | None) -> None:
    """The function's own error is what the client makes one of its own of."""
    if call is not None:
        is_made = type(error).__name__ == "FunctionInvocationError"
        call.end(error.__context__ if error is not None and is_made else error)
