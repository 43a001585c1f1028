"""``agent-telemetry run -- CMD``: any command, instrumented, with no change to its code."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from typing import TYPE_CHECKING

import click

from otel_agent_telemetry._local_serve import LOCAL_URL, local_headers, local_page, local_serve_is_up
from otel_agent_telemetry.cli._becomes import become
from otel_agent_telemetry.cli._traces_go import traces_go
from otel_agent_telemetry.consent import default_state_dir
from otel_agent_telemetry.errors import InputError
from otel_agent_telemetry.harnesses._recognise import recognise
from otel_agent_telemetry.settings import operator_exports

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["command_line", "instrumented", "run"]

_PAGE = "_AGENT_TELEMETRY_PAGE"  # our distro reads it; process id and address


@click.command(
    short_help="Run a command with tracing switched on.",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.option("--debug", is_flag=True, help="Print each anonymous event on standard error, and send none.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- COMMAND [ARGUMENT]...")
def run(command: tuple[str, ...], *, debug: bool) -> None:
    """Run COMMAND with tracing switched on: a program, a console script, a Python file, or `-m module`.

    The process becomes the command, so exit codes and signals are its own. Traces go where OTEL_EXPORTER_OTLP_ENDPOINT
    says, otherwise to an `agent-telemetry serve` of the same account, if one is up. On a terminal, one line on standard
    error says where they go, and one at the end gives the address of the page.

    If COMMAND is a coding agent (claude, codex, gemini, qwen, copilot, opencode), its own switches are set so that it
    reports there, unless you set them. This process then stays its parent, passes signals on, exits with its exit code,
    and records how it ended.
    """
    arguments = command_line(command)
    if debug:
        os.environ["AGENT_TELEMETRY_DEBUG"] = "1"
    found = recognise(arguments)
    if found is not None:
        from otel_agent_telemetry.cli._supervise import supervise

        supervise(found, arguments)
    os.environ.update({**instrumented(os.environ), **_local_destination()})
    if sys.stderr.isatty():
        click.echo(f"agent-telemetry: traces go {traces_go()}", err=True)
    sys.stdout.flush()
    sys.stderr.flush()
    become(arguments, os.environ)


def command_line(command: Sequence[str]) -> list[str]:
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


def instrumented(environ: Mapping[str, str]) -> dict[str, str]:
    """What a command's environment needs so that its Python processes instrument themselves. Raises InputError."""
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
    others = [path for path in environ.get("PYTHONPATH", "").split(os.pathsep) if path and path != hook]
    return {
        "PYTHONPATH": os.pathsep.join([hook, *others]),
        "OTEL_PYTHON_DISTRO": "agent_telemetry",
        "OTEL_PYTHON_CONFIGURATOR": "agent_telemetry",
    }


def _local_destination() -> dict[str, str]:
    """Where traces go if the operator did not say: to a `serve` of this account, if one is up."""
    state_dir = default_state_dir(os.environ)
    if operator_exports() or "OTEL_TRACES_EXPORTER" in os.environ or not local_serve_is_up(state_dir):
        return {}
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": LOCAL_URL,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        **local_headers(state_dir, os.environ.get("OTEL_EXPORTER_OTLP_HEADERS")),
        _PAGE: f"{os.getpid()} {local_page(state_dir)}",
    }


def _has_instrumentation() -> bool:
    try:
        return importlib.util.find_spec("opentelemetry.instrumentation") is not None
    except ModuleNotFoundError:
        return False
