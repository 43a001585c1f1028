"""Commands of argparse programs: program and subcommands, outcome, exit code and duration, never an argument's value.

argparse parses and then has no part in the run, so the command begins when ``ArgumentParser.parse_known_args`` is done
and ends with the program. Its exit code is what ``sys.exit`` was called with, its failure the exception that the
interpreter printed (``sys.last_value``); a bare ``raise SystemExit(4)`` cannot be told from success.
"""

from __future__ import annotations

import atexit
import sys
from typing import TYPE_CHECKING, Any, ClassVar

from otel_agent_instrumentation._hooks import FrameworkInstrumentor, quiet
from otel_agent_instrumentation.commands import _commands

if TYPE_CHECKING:
    from otel_agent_instrumentation._hooks import Hooks

__all__ = ["ArgparseInstrumentor"]


class ArgparseInstrumentor(FrameworkInstrumentor):
    """Reports the commands of argparse programs."""

    requires: ClassVar[tuple[str, ...]] = ()

    def install(self, hooks: Hooks) -> None:
        """Hook the parser and the ways out of the program."""
        program = _Program()
        hooks.when_imported("argparse", lambda module: self._hook(hooks, module, program))

    def _hook(self, hooks: Hooks, module: Any, program: _Program) -> None:
        hooks.wrap(module.ArgumentParser, "parse_known_args", program.parse)
        hooks.wrap(module.ArgumentParser, "error", program.error)
        hooks.wrap(sys, "exit", program.exit)
        atexit.register(program.finish)
        hooks.later(lambda: atexit.unregister(program.finish))


class _Program:
    """The one command of this process: the first command line that the program itself parses."""

    def __init__(self) -> None:
        self._depth = 0
        self._seen = False
        self._is_refused = False
        self._command: Any = None
        self._exit: SystemExit | None = None

    def parse(self, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        if self._seen or self._depth:  # subparsers parse inside
            return wrapped(*args, **kwargs)
        self._depth += 1
        try:
            result = wrapped(*args, **kwargs)
        except SystemExit as error:
            self._seen = True
            self._refuse(instance, error)
            raise
        finally:
            self._depth -= 1
        self._begin(instance, result)
        return result

    def error(self, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        self._is_refused = True
        return wrapped(*args, **kwargs)

    def exit(self, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        self._exit = SystemExit(*args)
        return wrapped(*args, **kwargs)

    @quiet
    def finish(self) -> None:
        """End the command with the program."""
        error = getattr(sys, "last_value", None) or self._exit
        _commands.end(self._command, error, is_refused=self._is_refused)

    @quiet
    def _begin(self, parser: Any, result: Any) -> None:
        self._seen = True
        if _commands.is_product(parser.prog):
            self._command = _commands.begin(parser.prog, _subcommands(parser, result[0]))

    @quiet
    def _refuse(self, parser: Any, error: SystemExit) -> None:
        if _commands.is_product(parser.prog):
            _commands.refuse(parser.prog, (), error)


def _subcommands(parser: Any, namespace: Any) -> list[str]:
    """The names of the subcommands that were chosen; only those that the program declared."""
    for action in parser._actions:  # noqa: SLF001 - argparse has no public way to ask
        choices: Any = action.choices
        if isinstance(choices, dict) and action.nargs == "A...":
            chosen: Any = getattr(namespace, action.dest, None)
            return [str(chosen), *_subcommands(choices[chosen], namespace)] if chosen in choices else []
    return []
