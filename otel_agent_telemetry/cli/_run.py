"""``agent-telemetry run -- CMD``: any command, instrumented, with no change to its code."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys

import click

from otel_agent_telemetry.errors import InputError
from otel_agent_telemetry.harnesses._recognise import recognise
from otel_agent_telemetry.harnesses._where import LOCAL_HOST, LOCAL_PORT, local_server_is_up
from otel_agent_telemetry.settings import operator_exports

__all__ = ["run"]


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- COMMAND [ARGUMENT]...")
def run(command: tuple[str, ...]) -> None:
    """Run COMMAND with tracing switched on: a program, a console script, a Python file, or `-m module`.

    The process becomes the command, so exit codes and signals are its own. Traces go where OTEL_EXPORTER_OTLP_ENDPOINT
    says, else to a local `agent-telemetry serve` of the same account if one is up.

    A coding agent (claude, codex, gemini, qwen, copilot, opencode) is told to report there by its own switches, unless
    you set them; this process then stays its parent, passes signals on, leaves with its exit code, and tells how it
    ended.
    """
    arguments = _command_line(command)
    found = recognise(arguments)
    if found is not None:
        from otel_agent_telemetry.cli._supervise import supervise

        supervise(found, arguments)
    os.environ.update(_environment())
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(arguments[0], arguments)  # noqa: S606 - running what the user typed is what this command is for


def _command_line(command: tuple[str, ...]) -> list[str]:
    """The program's path and arguments; a Python file or ``-m module`` runs with this interpreter."""
    program = command[0]
    if program == "-m" or (program.endswith(".py") and os.path.isfile(program)):
        return [sys.executable, *command]
    # First where this command itself is: there the service and its instrumentation are installed together.
    found = shutil.which(program, path=os.path.dirname(sys.executable)) or shutil.which(program)
    if found is None:
        msg = f"{program!r} is no command, no Python file and no module; try `agent-telemetry run -- -m {program}`."
        raise InputError(msg)
    return [found, *command[1:]]


def _environment() -> dict[str, str]:
    """What the command's environment needs so that its Python processes instrument themselves."""
    spec = (
        importlib.util.find_spec("opentelemetry.instrumentation.auto_instrumentation")
        if _has_instrumentation()
        else None
    )
    if (
        spec is None
        or not spec.submodule_search_locations
        or importlib.util.find_spec("otel_agent_instrumentation") is None
    ):
        msg = "`agent-telemetry run` needs our framework modules: pip install 'otel-agent-telemetry[instrument]'."
        raise InputError(msg)
    hook = next(iter(spec.submodule_search_locations))
    others = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path and path != hook]
    environment = {
        "PYTHONPATH": os.pathsep.join([hook, *others]),
        "OTEL_PYTHON_DISTRO": "agent_telemetry",
        "OTEL_PYTHON_CONFIGURATOR": "agent_telemetry",
    }
    if not operator_exports() and "OTEL_TRACES_EXPORTER" not in os.environ and local_server_is_up():
        environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://{LOCAL_HOST}:{LOCAL_PORT}"
        environment["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf"
    return environment


def _has_instrumentation() -> bool:
    try:
        return importlib.util.find_spec("opentelemetry.instrumentation") is not None
    except ModuleNotFoundError:
        return False
