"""Sessions, crews, flows, agent runs, tools and model calls of CrewAI.

Hook: ``CrewAIEventsBus.emit``, which each event passes in the thread, the context and the order of what it tells. The
bus runs its handlers later, in a pool of threads, where order, context and the exception in flight are lost. A run that
Ctrl-C or a cancelled task ends has no event: the methods that start a run see to that.

The outermost crew, flow or lone agent is a session, if there is none around it. A crew and a flow are workflows, with
tasks and methods as steps; each attempt of an agent at a task is an agent run. Where another instrumentation of CrewAI
or of the OpenAI client is active, its spans are used and not doubled. CrewAI's telemetry to its vendor is left as it
is. Inputs, outputs, messages and error texts are not read; of a reply, its id and its token counts.
"""

from __future__ import annotations

import contextvars
import sys
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, ClassVar

from opentelemetry import trace

import otel_agent_telemetry as telemetry
from otel_agent_instrumentation._clients import is_wrapped, openai_is_instrumented
from otel_agent_instrumentation._hooks import FrameworkInstrumentor, quiet

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from otel_agent_instrumentation._hooks import Hooks

__all__ = ["CrewAIInstrumentor"]

_HARNESS = "crewai"

_CREW, _FLOW, _AGENT, _LONE_AGENT, _TOOL, _MODEL = "crew", "flow", "agent", "lone agent", "tool", "model"

# An event's type is one of these and a last word.
_KINDS = {
    "crew_kickoff": _CREW,
    "flow": _FLOW,
    "agent_execution": _AGENT,
    "lite_agent_execution": _LONE_AGENT,
    "tool_usage": _TOOL,
    "llm_call": _MODEL,
}
_STEPS = {"task": _CREW, "method_execution": _FLOW}
_FAILURES = frozenset({"error", "failed"})
_ENDS = frozenset({"completed", "finished", *_FAILURES})

# What other instrumentations wrap for the spans that they give of a kind; OpenInference has all but model calls, and
# OpenLLMetry of model calls those by LiteLLM.
_OPENINFERENCE = ("crewai.task", "Task", "_execute_core")
_OPENLLMETRY = ("crewai.agent.core", "Agent", "execute_task")
_WRAPPED_BY_OTHERS = {
    _CREW: (_OPENINFERENCE, _OPENLLMETRY),
    _FLOW: (_OPENINFERENCE,),
    _AGENT: (_OPENINFERENCE, _OPENLLMETRY),
    _LONE_AGENT: (_OPENINFERENCE,),
    _TOOL: (("crewai.tools.base_tool", "BaseTool", "run"),),
    _MODEL: (),
}

# A provider's own names for its counts, as CrewAI passes them on.
_INPUT = ("prompt_tokens", "input_tokens", "prompt_token_count", "inputTokens")
_OUTPUT = ("completion_tokens", "output_tokens", "candidates_token_count", "outputTokens")
_CACHE_READ = ("cached_prompt_tokens", "cacheReadInputTokens", "cacheReadInputTokenCount")

_around: contextvars.ContextVar[_Run | None] = contextvars.ContextVar("agent_telemetry_crewai", default=None)


class CrewAIInstrumentor(FrameworkInstrumentor):
    """Reports sessions, crews, flows, agent runs, tools and model calls of CrewAI."""

    requires: ClassVar[tuple[str, ...]] = ("crewai >= 1.13, < 2",)

    def install(self, hooks: Hooks) -> None:
        """Hook the event bus and the methods that start a run."""

        def runs(package: Any) -> None:
            hooks.wrap(package.Crew, "kickoff", _run)
            hooks.wrap(package.Crew, "akickoff", _run_async)
            hooks.wrap(package.Agent, "kickoff", _run)
            hooks.wrap(package.Agent, "kickoff_async", _run_async)
            hooks.wrap(package.Flow, "kickoff_async", _run_async)

        hooks.when_imported("crewai.events.event_bus", lambda module: hooks.wrap(module.CrewAIEventsBus, "emit", _emit))
        hooks.when_imported("crewai", runs)


class _Run:
    """Something that has started: its handles, outermost first, and what has started inside it."""

    def __init__(self, kind: str, source: Any, call_id: str | None, around: _Run | None) -> None:
        self.kind = kind
        self.source = source
        self.same = (kind, id(source), call_id)
        self.around = around
        self.handles: list[Any] = []
        self.inside: set[_Run] = set()
        self.handled = sys.exc_info()[1]
        self.is_open = True
        self.completed = 0
        self.failed = 0

    def start(self, handles: list[Any]) -> None:
        if self.around is not None:
            self.around.inside.add(self)
        self.handles = handles
        for handle in handles:
            handle.start()

    @quiet
    def end(self, error: BaseException | str | None, outcome: str | None = None) -> None:
        self.is_open = False
        for run in tuple(self.inside) if error is not None else ():  # it has no event any more
            run.end(error)
        if self.around is not None:
            self.around.inside.discard(self)
        for handle in reversed(self.handles):
            if handle.kind == "workflow":
                handle.set(steps_completed=self.completed, steps_failed=self.failed)
            handle.end(error, outcome=None if handle.kind == "session" else outcome)

    @quiet
    def end_flows(self) -> None:
        for run in tuple(self.inside):  # one of several turns tells of its end after the last of them
            if run.kind == _FLOW:
                run.end(None)


def _emit(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
    result = wrapped(*args, **kwargs)
    _observe(instance, *args, **kwargs)
    return result


@quiet
def _observe(bus: Any, source: Any, event: Any) -> None:
    of, _, what = event.type.rpartition("_")
    if of in _KINDS and what == "started":
        _start(_KINDS[of], bus, source, event)
    elif of in _KINDS and (what in _ENDS or what == "paused"):
        _end(_KINDS[of], what, source, event)
    elif of in _STEPS and what in _ENDS:
        _count(_STEPS[of], source, is_failure=what in _FAILURES)


def _start(kind: str, bus: Any, source: Any, event: Any) -> None:
    if kind == _FLOW and _is_internal(source):
        return
    around = _find()
    if kind == _AGENT and around is not None and around.same == (kind, id(source), None):
        around.end(sys.exc_info()[1] or "_OTHER")  # before 1.15 a retry is all that tells of a failed attempt
    run = _Run(kind, source, getattr(event, "call_id", None), _find())
    handles = _session(kind, source, event)
    if not (_is_traced_natively() or _is_listened_to(bus, event) or _is_doubled(kind, source)):
        handles.append(_handle_for(kind, source, event))
    run.start(handles)
    _around.set(run)


def _end(kind: str, what: str, source: Any, event: Any) -> None:
    same = (kind, id(source), getattr(event, "call_id", None))
    run = _find(lambda run: run.same == same)
    if run is None:  # the end of one call is told twice where it fails
        return
    if kind == _MODEL and run.handles:
        _record(run.handles[-1], event)
    run.end(_failure(run, what, event), "retried" if what == "paused" else None)
    _around.set(run.around)


def _count(kind: str, source: Any, *, is_failure: bool) -> None:
    run = _find(lambda run: run.kind == kind and (kind == _CREW or run.source is source))
    if run is not None:
        run.completed += not is_failure
        run.failed += is_failure


def _find(is_it: Callable[[_Run], bool] = lambda _: True) -> _Run | None:
    """The innermost open run around this code of which that holds."""
    run = _around.get()
    while run is not None and not (run.is_open and is_it(run)):
        run = run.around
    return run


def _is_internal(flow: Any) -> bool:
    """Whether it is a flow by which CrewAI itself works: each run of an agent is one."""
    kind = flow.__class__
    return kind.__module__.startswith("crewai.") and kind.__name__ not in {"Agent", "Crew", "Flow"}


def _session(kind: str, source: Any, event: Any) -> list[Any]:
    if kind not in {_CREW, _FLOW, _LONE_AGENT} or telemetry.current_session() is not None:
        return []
    known_as = source.flow_id if kind == _FLOW else _execution()
    return [telemetry.session(agent=_name_of(kind, source, event), id=known_as or None, harness_provider=_HARNESS)]


def _execution() -> str | None:
    """The id that CrewAI's own traces have, in versions that have one."""
    execution = sys.modules.get("crewai.execution")
    return None if execution is None else execution.get_execution_uuid()


def _name_of(kind: str, source: Any, event: Any) -> str | None:
    if kind == _FLOW:
        return event.flow_name
    return source.name if kind == _CREW else source.role


def _handle_for(kind: str, source: Any, event: Any) -> Any:
    if kind == _TOOL:
        return telemetry.tool(event.tool_name)
    if kind == _MODEL:
        return telemetry.model_call(event.model, provider=getattr(source, "provider", None))
    if kind in {_AGENT, _LONE_AGENT}:
        return telemetry.agent(source.role)
    node_count = len(source.tasks) if kind == _CREW else None
    return telemetry.workflow(_name_of(kind, source, event), node_count=node_count)


def _failure(run: _Run, what: str, event: Any) -> BaseException | str | None:
    """The exception that ends the run, which is in flight here; a name where CrewAI has told of its text alone."""
    if what not in _FAILURES:
        return "tool_error" if getattr(event, "failure", None) is not None else None
    raised = sys.exc_info()[1]
    error = event.error if raised is None or raised is run.handled else raised
    if isinstance(error, BaseException):
        return error
    return "tool_error" if run.kind == _TOOL else "_OTHER"


def _record(call: Any, event: Any) -> None:
    usage: dict[str, Any] = getattr(event, "usage", None) or {}
    call.record(
        input=_first(usage, _INPUT),
        output=_first(usage, _OUTPUT),
        cache_read=_first(usage, _CACHE_READ),
        cache_write=usage.get("cache_creation_tokens"),
        reasoning=usage.get("reasoning_tokens"),
        response_id=getattr(event, "response_id", None),
    )


def _first(usage: dict[str, Any], names: tuple[str, ...]) -> int | None:
    return next((usage[name] for name in names if usage.get(name) is not None), None)


def _is_doubled(kind: str, source: Any) -> bool:
    if kind == _MODEL:
        owner = source.__class__
        if is_wrapped(owner.__module__, owner.__name__, "call"):
            return True
        api = "responses" if getattr(source, "api", None) == "responses" else "chat"
        return owner.__module__.startswith("crewai.llms.providers.openai") and openai_is_instrumented(api)
    return any(is_wrapped(*method) for method in _WRAPPED_BY_OTHERS[kind])


def _is_listened_to(bus: Any, event: Any) -> bool:
    """Whether an instrumentation that is a listener makes a span of the event."""
    handlers = bus._sync_handlers.get(type(event), ())  # noqa: SLF001 - the bus has no public way to ask
    return any(getattr(handler, "__module__", "").startswith("openinference.") for handler in handlers)


def _is_traced_natively() -> bool:
    """Whether CrewAI's own traces go where ours do; its vendor's go elsewhere."""
    tracing = sys.modules.get("crewai.telemetry.tracing.context")
    session = None if tracing is None else tracing.get_trace_session()
    return session is not None and session.tracer_provider is trace.get_tracer_provider()


def _run(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:  # noqa: ARG001 - wrapt's signature
    with _scope():
        return wrapped(*args, **kwargs)


async def _run_async(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
    # What a thread does for an agent's own flow goes on where that is interrupted, and ends with events.
    with nullcontext() if _is_internal(instance) else _scope():
        return await wrapped(*args, **kwargs)


@contextmanager
def _scope() -> Generator[None]:
    """Ends what started inside and is still open when an exception leaves."""
    scope = _Run("scope", None, None, _find())
    scope.start([])
    _around.set(scope)
    try:
        yield
        scope.end_flows()
    except BaseException as error:
        scope.end(error)
        raise
    finally:
        scope.end(None)
        _around.set(scope.around)
