"""LangChain's callback managers: a run of ours begins before and ends after what others begin and end with it.

Else what another instrumentation shows would not be below our run. A run ends in its caller's context; the handlers
of an asynchronous one are called in a task of their own.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from otel_agent_instrumentation._wrappers import before

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from otel_agent_instrumentation._hooks import Hooks, Wrapper

    End = Callable[["UUID", "BaseException | None"], object]

__all__ = ["OURS", "begun", "surround"]

OURS = "is_of_agent_telemetry"
"""What a handler of ours is known by."""

_BEGUN: ContextVar[list[UUID] | None] = ContextVar("agent_telemetry_begun", default=None)


def surround(hooks: Hooks, module: Any, end: End) -> None:
    """Have ``end(run_id, error)`` called for each run, last; ``module`` is ``langchain_core.callbacks.manager``."""
    hooks.wrap(module.CallbackManager, "on_chain_start", before(_lead))
    hooks.wrap(module.AsyncCallbackManager, "on_chain_start", _beginning(end))
    for run, ending in (
        (module.CallbackManagerForChainRun, _ending),
        (module.AsyncCallbackManagerForChainRun, _ending_async),
    ):
        hooks.wrap(run, "on_chain_end", ending(end, has_failed=False))
        hooks.wrap(run, "on_chain_error", ending(end, has_failed=True))


def begun(run_id: UUID) -> None:
    """Our handler began a run."""
    runs = _BEGUN.get()
    if runs is not None:
        runs.append(run_id)


def _lead(manager: Any, *_: Any, **__: Any) -> None:
    """Have our handler called first."""
    manager.handlers = sorted(manager.handlers, key=lambda handler: not getattr(handler, OURS, False))


def _beginning(end: End) -> Wrapper:
    """Cancelled while another's handler begins, a run has nobody who would end it."""

    async def begin(wrapped: Any, _: Any, args: Any, kwargs: Any) -> Any:
        runs: list[UUID] = []
        token = _BEGUN.set(runs)
        try:
            return await wrapped(*args, **kwargs)
        except BaseException as error:
            for run_id in runs:
                end(run_id, error)
            raise
        finally:
            _BEGUN.reset(token)

    return begin


def _ending(end: End, *, has_failed: bool) -> Wrapper:
    def tell(wrapped: Any, run: Any, args: Any, kwargs: Any) -> Any:
        try:
            return wrapped(*args, **kwargs)
        finally:
            end(run.run_id, _error(args, kwargs) if has_failed else None)

    return tell


def _ending_async(end: End, *, has_failed: bool) -> Wrapper:
    async def tell(wrapped: Any, run: Any, args: Any, kwargs: Any) -> Any:
        try:
            return await wrapped(*args, **kwargs)
        finally:
            end(run.run_id, _error(args, kwargs) if has_failed else None)

    return tell


def _error(args: Any, kwargs: Any) -> Any:
    return args[0] if args else kwargs.get("error")
