"""Processes, and pools of processes and threads: what is done there belongs to the code that asked for it.

Hooks: ``BaseProcess.start``, whose process takes along what surrounds the call, and ``_bootstrap``, where it runs; a
forked one has that by itself. ``ProcessPoolExecutor.submit`` and the methods of ``multiprocessing.Pool``, whose workers
live longer than what they are asked for: each piece of work takes along its own surroundings, and so does what is
called with its result. Nothing else of a process or a pool is changed; what cannot be pickled fails as without us.
"""

from __future__ import annotations

import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, ClassVar

import otel_agent_telemetry as telemetry
from otel_agent_instrumentation._hooks import FrameworkInstrumentor, quiet
from otel_agent_instrumentation.pools._idle import watch
from otel_agent_instrumentation.pools._work import for_process, for_thread

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from otel_agent_instrumentation._hooks import Hooks

__all__ = ["ProcessesInstrumentor"]

KEY = "_agent_telemetry"
"""The attribute of a process that is being started, with the carrier: a plain dictionary, which any child can load."""

_CALLBACKS = ("callback", "error_callback")


class ProcessesInstrumentor(FrameworkInstrumentor):
    """Hands the current trace and session to processes and pools."""

    requires: ClassVar[tuple[str, ...]] = ()

    def install(self, hooks: Hooks) -> None:
        """Wrap what starts processes and hands out work."""

        def process(module: Any) -> None:
            hooks.wrap(module.BaseProcess, "start", _start)
            hooks.wrap(module.BaseProcess, "_bootstrap", _bootstrap)

        def pool(module: Any) -> None:
            for name in ("apply_async", "_map_async", "imap", "imap_unordered"):
                hooks.wrap(module.Pool, name, _hand_to_pool)

        hooks.when_imported("multiprocessing.process", process)
        hooks.when_imported("multiprocessing.pool", pool)
        hooks.when_imported(
            "concurrent.futures.process", lambda module: hooks.wrap(module.ProcessPoolExecutor, "submit", _submit)
        )
        hooks.when_imported(
            "concurrent.futures._base", lambda module: hooks.wrap(module.Future, "add_done_callback", _call_back)
        )
        hooks.when_imported("concurrent.futures.interpreter", lambda module: _leave_alone(hooks, module))


# Processes ------------------------------------------------------------------------------------------------------


def _start(wrapped: Any, process: Any, args: Any, kwargs: Any) -> Any:
    carrier = quiet(telemetry.carrier)()
    if not carrier:
        return wrapped(*args, **kwargs)
    attributes = _attributes(process)
    attributes[KEY] = carrier
    _forked.append(carrier)
    try:
        return wrapped(*args, **kwargs)
    finally:
        attributes.pop(KEY, None)
        _forked.remove(carrier)


def _attributes(process: Any) -> dict[str, Any]:
    return process.__dict__


_forked: list[dict[str, str]] = []
"""The carriers of processes that are being started: one that a child finds here is of its own context already."""


def _bootstrap(wrapped: Any, process: Any, args: Any, kwargs: Any) -> Any:
    attributes = _attributes(process)
    with _surroundings(attributes.pop(KEY, None)):
        _look_after(process)
        return wrapped(*args, **kwargs)


def _surroundings(carrier: Any) -> AbstractContextManager[None]:
    is_forked = any(each is carrier for each in _forked)
    around = None if is_forked or not isinstance(carrier, dict) else quiet(telemetry.attached)(carrier)  # pyright: ignore[reportUnknownArgumentType] - as carrier() made it
    return nullcontext() if around is None else around


@quiet
def _look_after(process: Any) -> None:
    target: Any = process._target  # noqa: SLF001 - what the process is for is told nowhere else
    if getattr(target, "__module__", None) == "multiprocessing.pool" and target.__name__ == "worker":
        watch(process)


# Pools ----------------------------------------------------------------------------------------------------------


def _submit(wrapped: Any, _executor: Any, args: Any, kwargs: Any) -> Any:
    if not args:  # which fails as it does without us
        return wrapped(*args, **kwargs)
    return wrapped(_carried(args[0], for_process), *args[1:], **kwargs)


def _hand_to_pool(wrapped: Any, pool: Any, args: Any, kwargs: Any) -> Any:
    carry = for_thread if _has_threads(pool) else for_process
    for name in _CALLBACKS:
        if callable(kwargs.get(name)):
            kwargs = {**kwargs, name: _carried(kwargs[name], for_thread)}
    if args:
        callbacks = (_carried(each, for_thread) if callable(each) else each for each in args[3:])
        args = (_carried(args[0], carry), *args[1:3], *callbacks)
    elif "func" in kwargs:
        kwargs = {**kwargs, "func": _carried(kwargs["func"], carry)}
    return wrapped(*args, **kwargs)


def _has_threads(pool: Any) -> bool:
    thread_pool = getattr(sys.modules.get("multiprocessing.pool"), "ThreadPool", None)
    return thread_pool is not None and isinstance(pool, thread_pool)


def _carried(function: Any, carry: Callable[[Any], Any]) -> Any:
    return quiet(carry)(function) or function if callable(function) else function


def _call_back(wrapped: Any, _future: Any, args: Any, kwargs: Any) -> Any:
    return wrapped(*(_carried(each, for_thread) for each in args), **kwargs)


# Interpreters ---------------------------------------------------------------------------------------------------


def _leave_alone(hooks: Hooks, module: Any) -> None:
    """A pool of interpreters is a pool of threads whose work is pickled: what threads take along cannot go there."""
    executor = module.InterpreterPoolExecutor
    submit: Any = executor.__mro__[1].submit
    if "submit" not in vars(executor) and hasattr(submit, "__wrapped__"):
        executor.submit = submit.__wrapped__
        hooks.later(lambda: delattr(executor, "submit"))
