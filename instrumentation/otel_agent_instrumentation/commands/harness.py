"""Coding agents that a service starts with ``subprocess`` or ``asyncio``: switched on, and told of when they end.

A command line of claude, codex, gemini, qwen, copilot, opencode and their kin gets what makes it report, and the
current trace, and loses our Python hook; exit code, signal and duration are told. Its output is not read: where a
service wants that, it calls ``telemetry.harness(..., read=True)``. What the Claude Agent SDK starts is its module's.
"""

from __future__ import annotations

import inspect
import os
import shlex
import signal
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ClassVar
from weakref import WeakKeyDictionary

import otel_agent_telemetry as telemetry
from otel_agent_instrumentation._hooks import FrameworkInstrumentor, quiet

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_agent_instrumentation._hooks import Hooks

__all__ = ["HarnessInstrumentor"]

_SEEN: ContextVar[bool] = ContextVar("agent_telemetry_harness_seen", default=False)
"""True while asyncio starts a process by means of subprocess."""
_SDK = "CLAUDE_CODE_ENTRYPOINT"


class HarnessInstrumentor(FrameworkInstrumentor):
    """Reports the coding agents that this process starts."""

    requires: ClassVar[tuple[str, ...]] = ()

    def install(self, hooks: Hooks) -> None:
        """Hook the ways to start a process, to wait for it, and to signal it."""
        hooks.when_imported("subprocess", lambda module: _hook_subprocess(hooks, module))
        hooks.when_imported("asyncio.subprocess", lambda module: _hook_asyncio(hooks, module))


def _hook_subprocess(hooks: Hooks, module: Any) -> None:
    started = _Started()
    popen = module.Popen
    signature = inspect.signature(popen.__init__)

    def start(wrapped: Any, process: Any, args: Any, kwargs: Any) -> Any:
        prepared = None if _SEEN.get() else _prepared_popen(signature, process, args, kwargs)
        if prepared is None:
            return wrapped(*args, **kwargs)
        run, args, kwargs = prepared
        try:
            result = wrapped(*args, **kwargs)
        except BaseException:
            run.end(127)
            raise
        started.remember(process, run)
        return result

    hooks.wrap(popen, "__init__", start)
    for name in ("poll", "wait"):
        hooks.wrap(popen, name, started.after)
    hooks.wrap(popen, "send_signal", started.on_signal)


def _hook_asyncio(hooks: Hooks, module: Any) -> None:
    import asyncio

    started = _Started()

    async def start(wrapped: Any, _owner: Any, args: Any, kwargs: Any) -> Any:
        prepared = _prepared_exec(args, kwargs)
        token = _SEEN.set(True)
        try:
            if prepared is None:
                return await wrapped(*args, **kwargs)
            run, args, kwargs = prepared
            try:
                process = await wrapped(*args, **kwargs)
            except BaseException:
                run.end(127)
                raise
        finally:
            _SEEN.reset(token)
        started.remember(process, run)
        return process

    async def wait(wrapped: Any, process: Any, args: Any, kwargs: Any) -> Any:
        result = await wrapped(*args, **kwargs)
        started.look(process)
        return result

    def stopped_by(name: str) -> Any:
        def stop(wrapped: Any, process: Any, args: Any, kwargs: Any) -> Any:
            started.stopped(process, name)
            return wrapped(*args, **kwargs)

        return stop

    for owner in (module, asyncio):
        hooks.wrap(owner, "create_subprocess_exec", start)
    hooks.wrap(module.Process, "wait", wait)
    hooks.wrap(module.Process, "send_signal", started.on_signal)
    hooks.wrap(module.Process, "terminate", stopped_by("SIGTERM"))
    hooks.wrap(module.Process, "kill", stopped_by("SIGKILL"))


class _Started:
    """The processes that are coding agents, and the run that each stands for."""

    def __init__(self) -> None:
        self._runs: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()

    def remember(self, process: Any, run: Any) -> None:
        """It is under way."""
        self._runs[process] = run

    def after(self, wrapped: Any, process: Any, args: Any, kwargs: Any) -> Any:
        """A method after which it may have ended."""
        result = wrapped(*args, **kwargs)
        self.look(process)
        return result

    @quiet
    def look(self, process: Any) -> None:
        """Tell how it ended, if it has."""
        run = self._runs.get(process)
        if run is not None and process.returncode is not None:
            del self._runs[process]
            run.end(process.returncode)

    @quiet
    def stopped(self, process: Any, name: str) -> None:
        """It is sent that signal."""
        run = self._runs.get(process)
        if run is not None:
            run.stopped(name)

    def on_signal(self, wrapped: Any, process: Any, args: Any, kwargs: Any) -> Any:
        """The method that sends a signal."""
        self.stopped(process, _name(*args, **kwargs))
        return wrapped(*args, **kwargs)


def _name(sig: Any = None, **given: Any) -> str:
    number = given.get("signal", sig)
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


@quiet
def _prepared_popen(signature: inspect.Signature, process: Any, args: Any, kwargs: Any) -> Any:
    """The run, and the arguments of Popen as they should be; None where it is no coding agent."""
    bound = signature.bind(process, *args, **kwargs)
    given: dict[str, Any] = bound.arguments
    command, in_shell = _words(given.get("args"), in_shell=bool(given.get("shell")))
    if command is None or given.get("executable") is not None:
        return None
    run = _run(command, given.get("env"), given.get("cwd"))
    if run is None:
        return None
    given["env"] = run.environment
    if not in_shell:  # a shell's text stays as it is
        given["args"] = run.command
    return run, bound.args[1:], bound.kwargs


@quiet
def _prepared_exec(args: Any, kwargs: Any) -> Any:
    """The same for ``create_subprocess_exec(program, *arguments, **options)``."""
    command, _ = _words(args, in_shell=False)
    if command is None or kwargs.get("executable") is not None:
        return None
    run = _run(command, kwargs.get("env"), kwargs.get("cwd"))
    return None if run is None else (run, tuple(run.command), {**kwargs, "env": run.environment})


def _run(command: list[str], env: Mapping[str, str] | None, cwd: Any) -> Any:
    sdk: str = (os.environ if env is None else env).get(_SDK, "")
    if sdk.startswith("sdk-py"):
        return None
    run = telemetry.harness(command, env=env, cwd=cwd)
    return None if run.name is None else run.begin()


def _words(given: Any, *, in_shell: bool) -> tuple[list[str] | None, bool]:
    """The command line as words, and whether a shell will read it; None for one of bytes, or that ends nowhere."""
    alone = isinstance(given, (str, os.PathLike))
    whole: list[Any] = [given] if alone else [*given]
    words: list[Any] = [os.fspath(word) for word in whole]
    if not all(isinstance(word, str) for word in words) or (in_shell and not alone):
        return None, in_shell
    try:
        return (shlex.split(words[0]) if in_shell else words), in_shell
    except ValueError:  # a quotation without an end
        return None, in_shell
