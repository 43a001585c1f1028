"""Runs of Prefect's flows and tasks: what their engines make of each attempt."""

from __future__ import annotations

from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from opentelemetry import context as otel_context

import otel_agent_telemetry as telemetry
from otel_agent_instrumentation._hooks import quiet
from otel_agent_instrumentation._wrappers import before
from otel_agent_instrumentation.queues import SOURCE
from otel_agent_instrumentation.queues._carriers import KEY, from_text

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

    from otel_agent_instrumentation._hooks import Hooks, Wrapper

__all__ = ["FLOW_LABEL", "TASK_LABEL", "carrier_of", "engine_speaks", "wrap_flows", "wrap_tasks"]

FLOW_LABEL = f"__{KEY}_flow"
TASK_LABEL = f"__{KEY}_task"
"""Labels of runs that hold their carriers; those that begin so are internal, and no attributes of Prefect's spans."""

_ATTRIBUTE = f"_{KEY}"
_OUTSIDE = f"_{KEY}_outside"

engine_speaks: ContextVar[bool] = ContextVar("agent_telemetry_prefect_engine_speaks", default=False)
"""True where the state that is told to the server is the engine's own, whose run says how it ends."""


def carrier_of(run: Any, label: str) -> dict[str, str] | None:
    """What was made where a run was created; None where that process is not instrumented."""
    labels: dict[str, Any] = getattr(run, "labels", None) or {}
    return from_text(labels.get(label))


class _Run:
    """What one engine runs: a task of ours, with an attempt for each time that it is running."""

    def __init__(self, run: Any, name: str, label: str, *, is_flow: bool) -> None:
        found = carrier_of(run, label)
        claimed = getattr(run, "deployment_id", None) if is_flow else found
        self._claimed = bool(claimed)
        if found is None and self._claimed:  # by a schedule, the page, or a process without us
            found = {"task_id": str(run.id), "task_source": SOURCE}
        self._carrier = found or telemetry.create_task(name, id=str(run.id))
        self._name = None if "task_name" in self._carrier else name
        # The engine of a task has counted the attempt that begins; the server counts those of a flow.
        self._number = int(run.run_count or 0) - (0 if is_flow else 1)
        self._attempt: Any = None
        self.error: BaseException | None = None
        self.is_cancelled = False

    def moved(self, state: Any) -> None:
        """The engine is in that state now."""
        if state.is_running():
            if self._attempt is not None and state.name == "Retrying":
                self._end(outcome="retried")
            if self._attempt is None:
                self._begin()
        elif state.is_completed():
            self._end()
        elif state.is_cancelled():
            self._end(outcome="cancelled")
        elif state.is_final():
            self._end(self.error or ("CrashedRun" if state.is_crashed() else "FailedRun"))
        elif state.is_scheduled():
            self._end(outcome="retried")
        elif state.is_paused():
            self._end(outcome="abandoned")  # another process goes on with it, or nobody

    def left(self) -> None:
        """The engine is gone: whoever told it to go says how the run ends, unless it was cancelled."""
        self._end(outcome="cancelled" if self.is_cancelled else "abandoned")

    def _begin(self) -> None:
        self._number += 1
        self.error = None
        carrier = {**self._carrier, "task_attempt": str(self._number)}
        self._attempt = telemetry.run_task(carrier, name=self._name, claimed=self._claimed).start()

    def _end(self, error: BaseException | str | None = None, outcome: str | None = None) -> None:
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            attempt.end(None if outcome else error, outcome=outcome)


@quiet
def _moved(engine: Any) -> None:
    run = engine.__dict__.get(_ATTRIBUTE)
    if run is None and engine.state.is_running():
        # Prefect's own span, which is current here, hangs below that of the flow around it, beside what is ours there.
        otel_context.attach(engine.__dict__.get(_OUTSIDE, otel_context.get_current()))
        run = _flow_run(engine) if hasattr(engine, "flow_run") else _task_run(engine)
        setattr(engine, _ATTRIBUTE, run)
    if run is not None:
        run.moved(engine.state)


def _flow_run(engine: Any) -> _Run:
    return _Run(engine.flow_run, engine.flow.name, FLOW_LABEL, is_flow=True)


def _task_run(engine: Any) -> _Run:
    return _Run(engine.task_run, engine.task.name, TASK_LABEL, is_flow=False)


@quiet
def _left(engine: Any) -> None:
    run = engine.__dict__.get(_ATTRIBUTE)
    if run is not None:
        run.left()


def _fails(engine: Any, error: BaseException, *_: Any, **__: Any) -> None:
    run = engine.__dict__.get(_ATTRIBUTE)
    if run is not None:
        run.error = error


def _cancels(engine: Any, *_: Any, **__: Any) -> None:
    run = engine.__dict__.get(_ATTRIBUTE)
    if run is not None:
        run.is_cancelled = True


# Wrappers of an engine's methods --------------------------------------------------------------------------------------


def _set_state(wrapped: Any, engine: Any, args: Any, kwargs: Any) -> Any:
    token = engine_speaks.set(True)
    try:
        state = wrapped(*args, **kwargs)
    finally:
        engine_speaks.reset(token)
    _moved(engine)
    return state


async def _set_state_async(wrapped: Any, engine: Any, args: Any, kwargs: Any) -> Any:
    token = engine_speaks.set(True)
    try:
        state = await wrapped(*args, **kwargs)
    finally:
        engine_speaks.reset(token)
    _moved(engine)
    return state


@contextmanager
def _initialize_run(wrapped: Any, engine: Any, args: Any, kwargs: Any) -> Generator[Any]:
    setattr(engine, _OUTSIDE, otel_context.get_current())
    try:
        with wrapped(*args, **kwargs) as entered:
            yield entered
    finally:
        _left(engine)


@asynccontextmanager
async def _initialize_run_async(wrapped: Any, engine: Any, args: Any, kwargs: Any) -> AsyncGenerator[Any]:
    setattr(engine, _OUTSIDE, otel_context.get_current())
    try:
        async with wrapped(*args, **kwargs) as entered:
            yield entered
    finally:
        _left(engine)


def _wrap(hooks: Hooks, engine: Any, set_state: Wrapper, initialize: Callable[..., Any]) -> None:
    hooks.wrap(engine, "set_state", set_state)
    hooks.wrap(engine, "initialize_run", initialize)
    for name in ("handle_exception", "handle_timeout", "handle_crash"):
        hooks.wrap(engine, name, before(_fails))
    hooks.wrap(engine, "handle_cancellation", before(_cancels))


def wrap_flows(hooks: Hooks, module: Any) -> None:
    """Watch the engines of flows."""
    _wrap(hooks, module.FlowRunEngine, _set_state, _initialize_run)
    if hasattr(module, "AsyncFlowRunEngine"):
        _wrap(hooks, module.AsyncFlowRunEngine, _set_state_async, _initialize_run_async)


def wrap_tasks(hooks: Hooks, module: Any) -> None:
    """Watch the engines of tasks."""
    _wrap(hooks, module.SyncTaskRunEngine, _set_state, _initialize_run)
    _wrap(hooks, module.AsyncTaskRunEngine, _set_state_async, _initialize_run_async)
