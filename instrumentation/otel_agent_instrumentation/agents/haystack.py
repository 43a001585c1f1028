"""Pipelines, agent runs, tools and model calls of Haystack.

Hook: ``haystack.tracing.tracer.ProxyTracer.trace``, through which Haystack tells every tracer what it does; one that
the program enables itself hears the same as before. Haystack gives its agents no name. Where an instrumentation of the
OpenAI client shows the model calls, they are left to it. Of a reply, its model and its token counts are read; messages,
inputs and results are not.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

import otel_agent_telemetry as telemetry
from otel_agent_instrumentation._clients import openai_is_instrumented
from otel_agent_instrumentation._hooks import FrameworkInstrumentor, quiet

if TYPE_CHECKING:
    from collections.abc import Generator

    from otel_agent_instrumentation._hooks import Hooks

__all__ = ["HaystackInstrumentor"]

_MODEL_CALLS = frozenset({"haystack.agent.step.llm", "haystack.chat_generator.run"})
_OUTPUTS = frozenset({"haystack.agent.step.llm.output", "haystack.component.output"})
_MODEL_CALL = "model_call"
_TOOL_FAILED = "haystack.tool.error"


class HaystackInstrumentor(FrameworkInstrumentor):
    """Reports what Haystack's pipelines and agents do."""

    requires: ClassVar[tuple[str, ...]] = ("haystack-ai >= 3.4, < 4",)

    def install(self, hooks: Hooks) -> None:
        """Listen to every operation that Haystack traces."""
        hooks.when_imported("haystack.tracing.tracer", lambda module: hooks.wrap(module.ProxyTracer, "trace", _trace))


class _Observed:
    """The span of the program's tracer, through which we hear how the operation goes.

    ``handle`` is what we made of it; ``around`` is that, or else what we made of the nearest operation around it.
    """

    def __init__(self, span: Any, handle: Any, around: Any) -> None:
        self.observed_span = span
        self.handle = handle
        self.around = around

    def __getattr__(self, name: str) -> Any:
        return getattr(self.observed_span, name)

    def set_tag(self, key: str, value: Any) -> None:
        self.observed_span.set_tag(key, value)
        _observe(self.handle, key, value)

    def set_tags(self, tags: dict[str, Any]) -> None:
        self.observed_span.set_tags(tags)
        for key, value in tags.items():
            _observe(self.handle, key, value)

    def set_content_tag(self, key: str, value: Any) -> None:
        self.observed_span.set_content_tag(key, value)
        _observe(self.handle, key, value)


@contextmanager
def _trace(wrapped: Any, _: Any, args: Any, kwargs: Any) -> Generator[Any]:
    given = dict(zip(("operation_name", "tags", "parent_span"), args, strict=False)) | kwargs
    above = given.get("parent_span")
    around = None
    if isinstance(above, _Observed):
        around = above.around
        given["parent_span"] = above.observed_span
    handle = _begin(given.get("operation_name"), given.get("tags"), around)
    try:
        with wrapped(**given) as span:
            yield _Observed(span, handle, handle or around)
    except BaseException as error:
        _end(handle, error)
        raise
    _end(handle, None)


@quiet
def _begin(operation: Any, tags: Any, around: Any) -> Any:
    described: dict[str, Any] = tags or {}
    kind = str(described.get("haystack.component.type", ""))
    if operation == "haystack.pipeline.run":
        handle = telemetry.workflow()
    elif operation == "haystack.agent.run":
        handle = telemetry.agent()
    elif operation == "haystack.agent.step.tool":
        handle = telemetry.tool(described.get("haystack.tool.name") or "tool")
    elif operation in _MODEL_CALLS or (operation == "haystack.component.run" and kind.endswith("Generator")):
        if (around is not None and around.kind == _MODEL_CALL) or openai_is_instrumented("chat"):
            return None  # a generator that hands on to another, or a call that the client's span shows
        handle = telemetry.model_call(None)
    else:
        return None
    return handle.start(parent=around)


@quiet
def _observe(handle: Any, key: str, value: Any) -> None:
    if handle is None:
        return
    if key == _TOOL_FAILED and value is True:
        handle.fail("tool_error")
    elif key in _OUTPUTS and handle.kind == _MODEL_CALL:
        _record(handle, value)


def _record(call: Any, output: Any) -> None:
    about: dict[str, Any] = output["replies"][0].meta
    usage: dict[str, Any] = about.get("usage") or {}
    inputs: dict[str, Any] = usage.get("prompt_tokens_details") or {}
    outputs: dict[str, Any] = usage.get("completion_tokens_details") or {}
    call.set(model=about.get("model"))
    call.record(
        input=usage.get("prompt_tokens"),
        output=usage.get("completion_tokens"),
        cache_read=inputs.get("cached_tokens"),
        reasoning=outputs.get("reasoning_tokens"),
        response_model=about.get("model"),
        response_id=about.get("id"),
    )


@quiet
def _end(handle: Any, error: BaseException | None) -> None:
    if handle is not None:
        handle.end(error)
