"""Commands of cyclopts programs: path, outcome, exit code and duration, never an argument.

Hooks: ``cyclopts.core.App.__call__`` and ``run_async`` for the outcome, since what a command returns becomes its exit
code there, and ``cyclopts.core._run_maybe_async_command`` for the command's own run.
"""

from __future__ import annotations

import sys
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ClassVar

from otel_agent_instrumentation._hooks import FrameworkInstrumentor, quiet
from otel_agent_instrumentation.commands import _commands

if TYPE_CHECKING:
    from otel_agent_instrumentation._hooks import Hooks

__all__ = ["CycloptsInstrumentor"]


class _Call:
    """One command line: the program's name and its command's, and the command's handle once it runs."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        self.command: Any = None


_call: ContextVar[_Call | None] = ContextVar("agent_telemetry_cyclopts", default=None)


class CycloptsInstrumentor(FrameworkInstrumentor):
    """Reports the commands of cyclopts programs."""

    requires: ClassVar[tuple[str, ...]] = ("cyclopts >= 3.24, < 6",)

    def install(self, hooks: Hooks) -> None:
        """Hook the application and the run of its commands."""

        def core(module: Any) -> None:
            hooks.wrap(module.App, "__call__", _application)
            hooks.wrap(module.App, "run_async", _asynchronous_application)
            hooks.wrap(module, "_run_maybe_async_command", _run)

        hooks.when_imported("cyclopts.core", core)


def _application(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
    if _call.get() is not None:  # an application inside another
        return wrapped(*args, **kwargs)
    call = _Call(_names(instance, args, kwargs) or [""])
    token = _call.set(call)
    try:
        result = wrapped(*args, **kwargs)
    except BaseException as error:
        _finish(call, error)
        raise
    finally:
        _call.reset(token)
    _finish(call, None)
    return result


async def _asynchronous_application(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
    if _call.get() is not None:
        return await wrapped(*args, **kwargs)
    call = _Call(_names(instance, args, kwargs) or [""])
    call.command = _commands.begin(call.names[0], call.names[1:])  # the body is awaited in place
    token = _call.set(call)
    try:
        result = await wrapped(*args, **kwargs)
    except BaseException as error:
        _finish(call, error)
        raise
    finally:
        _call.reset(token)
    _finish(call, None)
    return result


def _run(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:  # noqa: ARG001 - wrapt's signature
    call = _call.get()
    if call is not None and call.command is None and not _is_help(args):
        call.command = _commands.begin(call.names[0], call.names[1:])
    return wrapped(*args, **kwargs)


@quiet
def _names(app: Any, args: Any, kwargs: Any) -> list[str]:
    tokens = args[0] if args else kwargs.get("tokens")
    chain, *_ = app.parse_commands(sys.argv[1:] if tokens is None else tokens)
    return [app.name[0], *chain]


@quiet
def _is_help(args: Any) -> bool:
    return getattr(args[0], "__module__", "").startswith("cyclopts.")


def _finish(call: _Call, error: BaseException | None) -> None:
    if call.command is not None:
        _commands.end(call.command, error)
    elif error is not None:
        _commands.refuse(call.names[0], call.names[1:], error)
