"""Sessions, runs, tools and model calls of LangGraph, and of LangChain without a graph.

Hook: a callback handler for every run, by ``langchain_core.tracers.context.register_configure_hook``. A run of a graph
is a workflow with its nodes as steps (one that ``create_agent`` made is an agent run), inside a session if it has a
``thread_id``. A graph that ``interrupt()`` pauses has not ended; its resumption is a run of its own. Where another
instrumentation of LangChain is active, tools and model calls are left to it, and its spans stand below our sessions and
runs: these alone know steps, pauses and cancellations. Messages, inputs and outputs are not read; of a reply, its model
and its token counts.
"""

from __future__ import annotations

import asyncio
import contextvars
from typing import TYPE_CHECKING, Any, ClassVar

import otel_agent_telemetry as telemetry
from otel_agent_instrumentation._clients import is_wrapper, openai_is_instrumented
from otel_agent_instrumentation._hooks import FrameworkInstrumentor, quiet
from otel_agent_instrumentation.agents._langchain_callbacks import OURS, begun, surround

if TYPE_CHECKING:
    from uuid import UUID

    from otel_agent_instrumentation._hooks import Hooks

__all__ = ["LangGraphInstrumentor"]

_HARNESS = "langgraph"
_GRAPHS = frozenset({"langgraph", "langchain_create_agent", "deepagents"})


class LangGraphInstrumentor(FrameworkInstrumentor):
    """Reports sessions, runs, tools and model calls of LangGraph."""

    requires: ClassVar[tuple[str, ...]] = ("langchain-core >= 1, < 2",)

    def install(self, hooks: Hooks) -> None:
        """Register the handler. A run begins before and ends after those of others, which are below it so."""
        observer = _Observer()

        def register(module: Any) -> None:
            from langchain_core.callbacks import BaseCallbackHandler

            handler = _handler(BaseCallbackHandler, observer)
            before = list(module._configure_hooks)  # noqa: SLF001 - there is no public way to take a hook back
            module.register_configure_hook(contextvars.ContextVar("agent_telemetry", default=handler), inheritable=True)
            ours = [each for each in module._configure_hooks if each not in before]  # noqa: SLF001 - as above
            hooks.later(lambda: [module._configure_hooks.remove(each) for each in ours])  # noqa: SLF001 - as above

        def around(module: Any) -> None:
            observer.manager = module.BaseCallbackManager
            surround(hooks, module, observer.end)

        hooks.when_imported("langchain_core.tracers.context", register)
        hooks.when_imported("langchain_core.callbacks.manager", around)


class _Run:
    """An open run: its handles, outermost first, and what a graph's run adds up to."""

    def __init__(self, handles: list[Any], *, is_graph: bool = False) -> None:
        self.handles = handles
        self.is_graph = is_graph
        self.around: _Run | None = None
        self.awaited: set[UUID] = set()
        self.nodes: set[UUID] = set()
        self.completed = 0
        self.failed = 0
        self.is_paused = False

    def start(self, parent: Any) -> None:
        for handle in self.handles:
            handle.start(parent=parent)
            parent = None

    def end(self, error: BaseException | None) -> None:
        for handle in reversed(self.handles):
            if self.is_paused and handle.kind != "session":
                handle.end(outcome="retried")
            else:
                handle.end(error)


class _Observer:
    """What happens at each callback; one that is not ours to report stands for the run around it."""

    def __init__(self) -> None:
        self.manager: Any = None
        self._runs: dict[UUID, _Run] = {}
        self._around: dict[UUID, _Run] = {}

    @quiet
    def chain_start(self, run_id: UUID, parent_id: UUID | None, metadata: dict[str, Any], name: str | None) -> None:
        if parent_id is not None:
            self._step(run_id, parent_id, metadata, name)
        elif metadata.get("ls_integration") in _GRAPHS:
            agent = metadata.get("lc_agent_name")
            run = telemetry.agent(agent) if agent else telemetry.workflow(name)
            handles = [*_session(metadata, name), run]
            self._begin(run_id, None, _Run(handles, is_graph=True))
            begun(run_id)

    @quiet
    def tool_start(self, run_id: UUID, parent_id: UUID | None, name: str | None, call_id: str | None) -> None:
        if not self._is_doubled():
            self._begin(run_id, parent_id, _Run([telemetry.tool(name or "tool", call_id=call_id)]))

    @quiet
    def model_start(self, run_id: UUID, parent_id: UUID | None, metadata: dict[str, Any]) -> None:
        by_client = metadata.get("ls_provider") == "openai" and openai_is_instrumented("chat")
        if not (by_client or self._is_doubled()):
            call = telemetry.model_call(metadata.get("ls_model_name"), provider=metadata.get("ls_provider"))
            self._begin(run_id, parent_id, _Run([call]))

    @quiet
    def model_end(self, run_id: UUID, response: Any) -> None:
        run = self._runs.get(run_id)
        if run is not None:
            _record(run.handles[0], response)
        self.end(run_id, None)

    @quiet
    def end(self, run_id: UUID, error: BaseException | None) -> None:
        around = self._around.pop(run_id, None)
        if around is not None:
            _count(around, run_id, error)
        run = self._runs.pop(run_id, None)
        if run is None:
            return
        if run.around is not None:
            run.around.awaited.discard(run_id)
        if error is not None:
            self._cancel_awaited(run)
        if run.is_graph:
            run.handles[-1].set(steps_completed=run.completed, steps_failed=run.failed)
        run.end(error)

    def _cancel_awaited(self, run: _Run) -> None:
        """End what a failed run waited for: LangChain calls nobody back for a model or a tool that is cancelled."""
        for run_id in tuple(run.awaited):
            self.end(run_id, asyncio.CancelledError())

    def _step(self, run_id: UUID, parent_id: UUID, metadata: dict[str, Any], name: str | None) -> None:
        around = self._find(parent_id)
        if around is not None:
            self._around[run_id] = around
            if around.is_graph and name == metadata.get("langgraph_node"):
                around.nodes.add(run_id)

    def _begin(self, run_id: UUID, parent_id: UUID | None, run: _Run) -> None:
        around = None if parent_id is None else self._find(parent_id)
        run.start(around.handles[-1] if around is not None and around.handles else None)
        if around is not None and _is_awaited():
            run.around = around
            around.awaited.add(run_id)
        self._runs[run_id] = run

    def _find(self, run_id: UUID) -> _Run | None:
        return self._runs.get(run_id) or self._around.get(run_id)

    def _is_doubled(self) -> bool:
        return is_wrapper(self.manager.__dict__.get("__init__"))


def _is_awaited() -> bool:
    """Whether what starts here is cancelled with what waits for it; in a thread it would go on to its own end."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _session(metadata: dict[str, Any], name: str | None) -> list[Any]:
    thread_id, around = metadata.get("thread_id"), telemetry.current_session()
    if thread_id is None or (around is not None and around.id == str(thread_id)):
        return []
    return [
        telemetry.session(agent=metadata.get("lc_agent_name") or name, id=str(thread_id), harness_provider=_HARNESS)
    ]


def _count(around: _Run, run_id: UUID, error: BaseException | None) -> None:
    if error is not None and any(kind.__name__ == "GraphBubbleUp" for kind in type(error).__mro__):
        around.is_paused = True
    elif run_id in around.nodes:
        around.completed += error is None
        around.failed += error is not None
    around.nodes.discard(run_id)


def _record(call: Any, response: Any) -> None:
    message = getattr(response.generations[0][0], "message", None)
    usage: dict[str, Any] = getattr(message, "usage_metadata", None) or {}
    about: dict[str, Any] = getattr(message, "response_metadata", None) or {}
    inputs: dict[str, Any] = usage.get("input_token_details") or {}
    outputs: dict[str, Any] = usage.get("output_token_details") or {}
    call.record(
        input=usage.get("input_tokens"),
        output=usage.get("output_tokens"),
        cache_read=inputs.get("cache_read"),
        cache_write=inputs.get("cache_creation"),
        reasoning=outputs.get("reasoning"),
        response_model=about.get("model_name"),
        response_id=about.get("id"),
    )


def _handler(base: Any, observer: _Observer) -> Any:
    """The callback handler; its base class exists only where LangChain does."""

    class Handler(base):
        run_inline = True  # in the caller's own context
        raise_error = False

        def on_chain_start(self, _1: Any, _2: Any, *, run_id: Any, parent_run_id: Any = None, **kwargs: Any) -> None:
            observer.chain_start(run_id, parent_run_id, kwargs.get("metadata") or {}, kwargs.get("name"))

        def on_tool_start(
            self, serialized: Any, _: Any, *, run_id: Any, parent_run_id: Any = None, **kwargs: Any
        ) -> None:
            described: dict[str, Any] = serialized or {}
            name = kwargs.get("name") or described.get("name")
            observer.tool_start(run_id, parent_run_id, name, kwargs.get("tool_call_id"))

        def on_chat_model_start(
            self, _1: Any, _2: Any, *, run_id: Any, parent_run_id: Any = None, **kwargs: Any
        ) -> None:
            observer.model_start(run_id, parent_run_id, kwargs.get("metadata") or {})

        on_llm_start = on_chat_model_start

        def on_llm_end(self, response: Any, *, run_id: Any, **_: Any) -> None:
            observer.model_end(run_id, response)

        def on_tool_end(self, _1: Any, *, run_id: Any, **_: Any) -> None:
            observer.end(run_id, None)

        def on_tool_error(self, error: BaseException, *, run_id: Any, **_: Any) -> None:
            observer.end(run_id, error)

        on_llm_error = on_tool_error

    setattr(Handler, OURS, True)
    return Handler()
