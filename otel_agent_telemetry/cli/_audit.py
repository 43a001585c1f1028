"""``agent-telemetry audit -- CMD``: runs a command, and looks through every byte that telemetry sends."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from contextlib import closing
from typing import TYPE_CHECKING, TextIO

import click

from otel_agent_telemetry._folder import ledger_file
from otel_agent_telemetry.cli._audit_report import Audited, Report
from otel_agent_telemetry.cli._auditing import redirected
from otel_agent_telemetry.cli._product import products
from otel_agent_telemetry.cli._run import command_line, instrumented
from otel_agent_telemetry.consent import Consent, default_state_dir
from otel_agent_telemetry.errors import InputError
from otel_agent_telemetry.pipeline.sending.ledger import Ledger
from otel_agent_telemetry.proof import (
    EVENTS,
    TRACES,
    WAITING,
    Message,
    Sink,
    connections,
    execute,
    named,
    outside,
    planted,
    present,
    probed,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["audit"]


@click.command(
    short_help="Search what a command's telemetry sends for secrets.",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.option("--canary", "texts", multiple=True, metavar="TEXT", help="A text that must not leave; may be repeated.")
@click.option("--canary-file", type=click.File(encoding="utf-8"), help="A file with one such text per line.")
@click.option("--seconds", type=click.FloatRange(min=0.1), help="Stop a server after this time, as Ctrl-C does.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--keep", type=click.Path(file_okay=False), help="Keep what left in this folder, byte for byte.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- COMMAND [ARGUMENT]...")
def audit(
    command: tuple[str, ...],
    texts: tuple[str, ...],
    canary_file: TextIO | None,
    seconds: float | None,
    keep: str | None,
    *,
    as_json: bool,
) -> None:
    """Run COMMAND as `run` does, send its telemetry to sinks on this machine, and search that for your secrets.

    It searches for marked texts planted in the environment, facts about the machine, the account and the command line,
    secrets in variables, and what --canary names: as they are, and encoded, escaped, compressed, cut or hashed.
    Nothing reaches the maintainers or your collector. What the program itself sends to a model provider, or to anybody
    else, is neither intercepted nor read. COMMAND's standard output goes to standard error.

    Exit code 0: nothing was found. 1: something was. 4: nothing was, but COMMAND failed.
    """
    arguments = command_line(command)
    variables, canaries = planted(os.environ)
    try:
        canaries += named([*texts, *(line.strip("\r\n") for line in canary_file or () if line.strip())])
    except ValueError as error:
        raise InputError(str(error)) from error
    canaries += present(command, os.environ)
    folder = tempfile.mkdtemp(prefix="agent-telemetry-audit-")
    try:
        audited = _audited(folder, arguments, variables, seconds)
        report = Report(audited, canaries)
        if keep is not None:
            _keep(audited.messages, keep)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if as_json:
        click.echo(json.dumps(report.shown(), indent=2))
    else:
        report.tell()
    click.get_current_context().exit(report.code)


def _audited(folder: str, arguments: list[str], variables: dict[str, str], seconds: float | None) -> Audited:
    state = os.path.join(folder, "state")
    decision = Consent(state_dir=default_state_dir()).decide()
    with Sink(EVENTS) as events, Sink(TRACES) as traces:
        ports = (events.port, traces.port)
        environ = redirected({**os.environ, **variables}, state_dir=state, events=ports[0], traces=ports[1])
        environ = probed({**environ, **instrumented(environ)}, "connections", folder)
        ended = execute(arguments, environ, seconds=seconds, stdout=_standard_error())
    known = products(state)
    seen = connections(folder)
    return Audited(
        ended=ended,
        off="" if decision.enabled else f"{decision.rule}: {decision.reason}",
        products=known,
        messages=[*events.messages, *traces.messages, *(each for name in known for each in _waiting(state, name))],
        outside=outside(seen, ports),
        others=[each for each in seen if not each.ours],
    )


def _standard_error() -> int | None:
    try:
        return sys.stderr.fileno()
    except (OSError, ValueError):
        return None


def _waiting(state: str, product: str) -> list[Message]:
    """What the ledger would send next time."""
    path = ledger_file(state, product)
    if not os.path.exists(path):
        return []
    with closing(Ledger(path)) as ledger:
        waiting = [entry for entry in ledger.events() if entry.state in {"pending", "counting"}]
    return [Message(WAITING, b"", entry.body) for entry in waiting]


def _keep(messages: Sequence[Message], folder: str) -> None:
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        for number, message in enumerate(messages):
            name = f"{number:05d} {message.destination}.bin"
            with open(os.path.join(folder, name), "wb") as file:
                file.write(message.head + message.body)
    except OSError as error:
        msg = f"--keep {folder!r} cannot be written ({error.strerror}); name a folder that can."
        raise InputError(msg) from error
