"""What the command line modules share: how a command ended, and whose command it is."""

from __future__ import annotations

from typing import Any

import otel_agent_telemetry as telemetry
from otel_agent_instrumentation._hooks import quiet

__all__ = ["begin", "end", "is_product", "refuse"]

# Programs that run a service rather than being the product: their command would last as long as the service.
_RUNNERS = frozenset(
    {"agent-telemetry", "otel_agent_telemetry", "opentelemetry"}
    | {"arq", "celery", "dramatiq", "rq", "taskiq"}
    | {"daphne", "flask", "granian", "gunicorn", "hypercorn", "uvicorn", "werkzeug"}
    | {"langgraph", "mcp", "pip", "pytest", "uv"}
)

_INTERRUPTED = 130  # what a shell calls a program that SIGINT ended, and what some libraries exit with


def is_product(name: str | None) -> bool:
    """Whether a module, or a program of that name, may be the product's own command."""
    first = (name or "").replace("\\", "/").rpartition("/")[2].partition(".")[0]
    return first not in _RUNNERS


@quiet
def begin(name: str) -> Any:
    """The command's handle, started; ``name`` is the command's path without any argument."""
    return telemetry.command(name).start()


@quiet
def end(command: Any, error: BaseException | None) -> None:
    """End it with the exit code that the exception stands for."""
    if command is None:
        return
    code = _exit_code(error)
    command.set(exit_code=code)
    if _is_abort(error):
        command.end(outcome="cancelled")
    else:
        command.end(error if code else None)


@quiet
def refuse(name: str, error: BaseException) -> None:
    """A command line that could not be understood; asking for help is none."""
    if _exit_code(error):
        end(telemetry.command(name).start(make_current=False), error)


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
