"""Sessions, agent runs, tools and model calls of the OpenAI Agents SDK.

Hooks: a ``TracingProcessor`` on the SDK's own tracing for spans, and ``agents.run.AgentRunner.run`` and
``run_streamed`` (``Runner`` delegates to them, ``run_sync`` to ``run``) for the session, which the SDK's tracing does
not know. A hand-off is the next agent's run. With ``OPENAI_AGENTS_DISABLE_TRACING=1`` only sessions are seen. Where
another instrumentation of the SDK or of the OpenAI client is active, its spans are used and not doubled. Inputs and
outputs are never read.
"""

from __future__ import annotations

import asyncio
import contextvars
import sys
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import otel_agent_telemetry as telemetry
from otel_agent_instrumentation._clients import openai_is_instrumented
from otel_agent_instrumentation._hooks import FrameworkInstrumentor, quiet

if TYPE_CHECKING:
    from otel_agent_instrumentation._hooks import Hooks

__all__ = ["OpenAIAgentsInstrumentor"]

_HARNESS = "openai-agents"
_FOREIGN = ("opentelemetry.", "openinference.", "traceloop.")
# This one leaves the model calls to an instrumentation of the OpenAI client, which may not be there.
_FOREIGN_WITHOUT_MODEL_CALLS = "opentelemetry.instrumentation.genai.openai_agents"

# The API of the OpenAI client that a span type of the SDK stands for.
_APIS = {"generation": "chat", "response": "responses"}

# The model of the run's first agent, by that agent's name: spans of the responses API do not say which they ask.
_first_agent: contextvars.ContextVar[tuple[str | None, str | None]] = contextvars.ContextVar(
    "agent_telemetry_first_agent", default=(None, None)
)
_running_agent: contextvars.ContextVar[str | None] = contextvars.ContextVar("agent_telemetry_agent", default=None)


class OpenAIAgentsInstrumentor(FrameworkInstrumentor):
    """Reports sessions, agent runs, tools and model calls of the OpenAI Agents SDK."""

    requires: ClassVar[tuple[str, ...]] = ("openai-agents >= 0.14, < 1",)

    def install(self, hooks: Hooks) -> None:
        """Hook the runner and the provider of the SDK's tracing."""

        def runner(module: Any) -> None:
            hooks.wrap(module.AgentRunner, "run", _run)
            hooks.wrap(module.AgentRunner, "run_streamed", _run_streamed)

        hooks.when_imported("agents.run", runner)
        hooks.when_imported("agents.tracing.provider", lambda module: _observe(hooks, module))


# The tracing processor ----------------------------------------------------------------------------------------------


def _observe(hooks: Hooks, module: Any) -> None:
    observer = _Observer()

    def then_join(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        result = wrapped(*args, **kwargs)
        observer.join(instance)
        return result

    hooks.later(observer.leave)
    hooks.wrap(module.DefaultTraceProvider, "__init__", then_join)
    hooks.wrap(module.DefaultTraceProvider, "set_processors", then_join)  # which drops all others
    existing = getattr(sys.modules.get("agents.tracing.setup"), "GLOBAL_TRACE_PROVIDER", None)
    if existing is not None:
        observer.join(existing)


class _Open(NamedTuple):
    handle: Any
    handled: BaseException | None
    """The exception that was being handled when the span started: no business of the span's."""


class _Observer:
    """The processor: one handle for each of the SDK's spans that stands for something of ours."""

    def __init__(self) -> None:
        self._open: dict[str, _Open] = {}
        self._provider: Any = None

    @quiet
    def join(self, provider: Any) -> None:
        """Become the last of the provider's processors."""
        self._provider = provider
        provider.register_processor(self)

    @quiet
    def leave(self) -> None:
        """Leave the provider as it would be without us."""
        if self._provider is not None:
            self._provider.set_processors([each for each in _processors(self._provider) if each is not self])

    def on_trace_start(self, trace: Any) -> None:
        """Nothing: the session is opened by the runner's wrapper."""

    def on_trace_end(self, trace: Any) -> None:
        """Nothing."""

    @quiet
    def on_span_start(self, span: Any) -> None:
        """Start what the span stands for."""
        if span.span_data.type == "agent":
            _running_agent.set(span.span_data.name)
        handle = None if self._is_doubled(span.span_data.type) else _handle_for(span.span_data)
        if handle is not None:
            self._open[span.span_id] = _Open(handle.start(), sys.exc_info()[1])

    @quiet
    def on_span_end(self, span: Any) -> None:
        """End it, with its usage and its failure."""
        entry = self._open.pop(span.span_id, None)
        if entry is None:
            return
        if span.span_data.type in _APIS:
            _record(entry.handle, span.span_data)
        entry.handle.end(_failure(span, entry.handled))

    def shutdown(self) -> None:
        """Nothing: the pipeline has its own."""

    def force_flush(self) -> None:
        """Nothing: the pipeline has its own."""

    def _is_doubled(self, kind: str) -> bool:
        others = [type(each).__module__ for each in _processors(self._provider)]
        if kind in _APIS:
            others = [other for other in others if not other.startswith(_FOREIGN_WITHOUT_MODEL_CALLS)]
            if openai_is_instrumented(_APIS[kind]):
                return True
        return any(other.startswith(_FOREIGN) for other in others)


def _processors(provider: Any) -> tuple[Any, ...]:
    return tuple(provider._multi_processor._processors)  # noqa: SLF001 - the SDK has no public way to ask


def _handle_for(data: Any) -> Any:
    kind = data.type
    if kind == "agent":
        return telemetry.agent(data.name)
    if kind == "function":
        return telemetry.tool(data.name)
    if kind == "generation":
        return telemetry.model_call(data.model, provider=_provider_of(data.model_config))
    if kind == "response":
        name, model = _first_agent.get()
        return telemetry.model_call(model if name == _running_agent.get() else None, provider="openai")
    return None


def _provider_of(model_config: Any) -> str | None:
    options: dict[str, Any] = model_config or {}
    return None if options.get("model_impl") == "litellm" else "openai"


def _record(call: Any, data: Any) -> None:
    usage: dict[str, Any] = data.usage or {}
    if not usage.get("input_tokens") and not usage.get("output_tokens"):
        usage = {}  # a stream that carried none: the SDK says 0 where it means that it does not know
    inputs: dict[str, Any] = usage.get("input_tokens_details") or {}
    outputs: dict[str, Any] = usage.get("output_tokens_details") or {}
    response = getattr(data, "response", None)
    call.record(
        input=usage.get("input_tokens"),
        output=usage.get("output_tokens"),
        cache_read=inputs.get("cached_tokens"),
        cache_write=inputs.get("cache_write_tokens"),
        reasoning=outputs.get("reasoning_tokens"),
        response_model=getattr(response, "model", None),
        response_id=getattr(response, "id", None),
    )


def _failure(span: Any, handled: BaseException | None) -> BaseException | str | None:
    """The exception that ends the span; a name where the SDK marked it as failed and went on."""
    raised = sys.exc_info()[1]
    raised = None if raised is handled else raised
    if span.error:
        return raised or ("tool_error" if span.span_data.type == "function" else "_OTHER")
    return raised if isinstance(raised, (asyncio.CancelledError, GeneratorExit, KeyboardInterrupt)) else None


# Sessions -----------------------------------------------------------------------------------------------------------


async def _run(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:  # noqa: ARG001 - wrapt's signature
    first = _first_agent.set(_first(args, kwargs))
    session = _open_session(kwargs)
    try:
        result = await wrapped(*args, **kwargs)
    except BaseException as error:
        _close(session, error)
        raise
    else:
        _close(session, None)
        return result
    finally:
        _first_agent.reset(first)


def _run_streamed(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:  # noqa: ARG001 - wrapt's signature
    # The SDK runs the agent in a task that copies this context; the caller's own stays as it is.
    return contextvars.copy_context().run(_stream, wrapped, args, kwargs)


def _stream(wrapped: Any, args: Any, kwargs: Any) -> Any:
    _first_agent.set(_first(args, kwargs))
    session = _open_session(kwargs)
    try:
        result = wrapped(*args, **kwargs)
    except BaseException as error:
        _close(session, error)
        raise
    _close_with(session, result)
    return result


def _first(args: Any, kwargs: Any) -> tuple[str | None, str | None]:
    return _name_and_model(args, kwargs) or (None, None)


@quiet
def _name_and_model(args: Any, kwargs: Any) -> tuple[str | None, str | None]:
    agent = args[0] if args else kwargs.get("starting_agent")
    configured = getattr(kwargs.get("run_config"), "model", None) or agent.model
    model = getattr(configured, "model", configured)
    return agent.name, model if isinstance(model, str) else None


@quiet
def _open_session(kwargs: Any) -> Any:
    session_id = getattr(kwargs.get("session"), "session_id", None) or getattr(
        kwargs.get("run_config"), "group_id", None
    )
    around = telemetry.current_session()
    if not session_id or (around is not None and around.id == session_id):
        return None
    agent, model = _first_agent.get()
    return telemetry.session(agent=agent, id=session_id, harness_provider=_HARNESS, model=model).start()


@quiet
def _close(session: Any, error: BaseException | None) -> None:
    if session is not None:
        session.end(error)


@quiet
def _close_with(session: Any, result: Any) -> None:
    """End the session with the background task of a streamed run."""

    def done(task: asyncio.Task[Any]) -> None:
        _close(session, asyncio.CancelledError() if task.cancelled() else task.exception())

    if session is not None:
        result.run_loop_task.add_done_callback(done)
