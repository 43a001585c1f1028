"""What the command line modules share: how a command ended, and whose command it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import otel_agent_telemetry as telemetry
from otel_agent_instrumentation._hooks import quiet
from otel_agent_instrumentation._own_processes import is_of_a_library

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["begin", "end", "is_product", "refuse"]

# Programs that run a service rather than being the product: their command would last as long as the service.
_RUNNERS = frozenset(
    {"agent-telemetry", "otel_agent_telemetry", "opentelemetry"}
    | {"arq", "celery", "dramatiq", "rq", "taskiq"}
    | {
        "daphne",
        "flask",
        "granian",
        "gunicorn",
        "hypercorn",
        "sanic",
        "uvicorn",
        "waitress",
        "waitress-serve",
        "werkzeug",
    }
    | {"langgraph", "mcp", "pip", "pytest", "uv"}
)

_USAGE_ERROR = "UsageError"  # as click calls a command line that it refuses

_INTERRUPTED = 130  # what a shell calls a program that SIGINT ended, and what some libraries exit with


def is_product(name: str | None) -> bool:
    """Whether a module, or a program of that name, may be the product's own command."""
    first = (name or "").replace("\\", "/").rpartition("/")[2].partition(".")[0]
    return first not in _RUNNERS


@quiet
def begin(program: str, names: Iterable[str]) -> Any:
    """The handle of a program's command, started, and None where a library started the program for itself.

    ``names`` are those of the command's path, without any argument.
    """
    if is_of_a_library():
        return None
    return telemetry.command(" ".join(names), program=program).start()


@quiet
def end(command: Any, error: BaseException | None, *, is_refused: bool = False) -> None:
    """End it with the exit code that the exception stands for; of a refused command line an exit says nothing more."""
    if command is None:
        return
    code = _exit_code(error)
    command.set(exit_code=code)
    if _is_abort(error):
        command.end(outcome="cancelled")
    else:
        failed = _USAGE_ERROR if is_refused and isinstance(error, SystemExit) else error
        command.end(failed if code else None)


@quiet
def refuse(program: str, names: Iterable[str], error: BaseException) -> None:
    """A command line that could not be understood; asking for help is none."""
    if _exit_code(error) and not is_of_a_library():
        end(telemetry.command(" ".join(names), program=program).start(make_current=False), error, is_refused=True)


def _exit_code(error: BaseException | None) -> int:
    if error is None:
        return 0
    # SystemExit, and the exceptions of click and typer that stand for an exit
    code = error.code if isinstance(error, SystemExit) else getattr(error, "exit_code", 1)
    if code is None:
        return 0
    return code if isinstance(code, int) else 1


def _is_abort(error: BaseException | None) -> bool:
    if isinstance(error, SystemExit):
        return error.code == _INTERRUPTED
    return isinstance(error, KeyboardInterrupt) or type(error).__name__ == "Abort"
