"""``agent-telemetry doctor``: checks every setting, the state directory, what is installed, and the way out."""

from __future__ import annotations

import importlib.util
import os
from importlib.metadata import PackageNotFoundError, entry_points, version

import click

from otel_agent_telemetry.cli._product import state_dir_option
from otel_agent_telemetry.consent import Consent
from otel_agent_telemetry.errors import SettingError
from otel_agent_telemetry.settings import Settings, operator_exports

__all__ = ["doctor"]

Finding = tuple[str, str, str]


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@state_dir_option
@click.option("--host-state", "of_host", is_flag=True, help="What telemetry changes in COMMAND, which is run twice.")
@click.option("--seconds", type=click.FloatRange(min=0.1), help="Stop COMMAND after so long, as Ctrl-C does.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, with --host-state.")
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND [ARGUMENT]...]")
def doctor(
    state_dir: str | None, command: tuple[str, ...], seconds: float | None, *, of_host: bool, as_json: bool
) -> None:
    """Check settings, state directory and installation. Exit code 1 if something needs attention. Sends nothing.

    With --host-state COMMAND is run without telemetry and with it, and what differs in the process at its end is
    compared with what docs/guarantees.md declares. Exit code 0: nothing else changed. 1: something did.
    4: COMMAND left no state that could be looked at.
    """
    if of_host != bool(command):
        msg = "--host-state and a command go together: agent-telemetry doctor --host-state -- COMMAND."
        raise click.UsageError(msg)
    if of_host:
        from otel_agent_telemetry.cli._host_state import host_state

        click.get_current_context().exit(host_state(command, seconds=seconds, as_json=as_json))
    try:
        settings = Settings(state_dir=state_dir)
    except SettingError as error:
        click.echo(f"wrong  settings      {error}")
        click.get_current_context().exit(1)
    findings = [_settings(settings), _consent(settings), _state(settings), _operator(), *_installed()]
    for state, what, words in findings:
        click.echo(f"{state:<6} {what:<13} {words}")
    click.get_current_context().exit(1 if any(state == "wrong" for state, _, _ in findings) else 0)


def _settings(settings: Settings) -> Finding:
    where = settings.endpoint or "nowhere: AGENT_TELEMETRY_ENDPOINT is not set, so events stay in the ledger"
    return "ok", "settings", f"events are written in the {settings.dialect} dialect and go to {where}"


def _consent(settings: Settings) -> Finding:
    decision = Consent(state_dir=settings.state_dir).decide()
    return "ok", "consent", f"{'on' if decision.enabled else 'off'} ({decision.rule}: {decision.reason})"


def _state(settings: Settings) -> Finding:
    directory = settings.state_dir
    while not os.path.exists(directory) and os.path.dirname(directory) != directory:
        directory = os.path.dirname(directory)
    if os.access(directory, os.W_OK | os.X_OK) and os.path.isdir(directory):
        return "ok", "state", settings.state_dir
    return (
        "wrong",
        "state",
        f"{settings.state_dir} cannot be written; set AGENT_TELEMETRY_STATE_DIR to a folder that can",
    )


def _operator() -> Finding:
    if operator_exports():
        return "ok", "operator", "an exporter of your own is configured by OTEL_* variables"
    return "ok", "operator", "no exporter of your own; `agent-telemetry serve` shows traces on this machine"


def _installed() -> list[Finding]:
    findings: list[Finding] = []
    for name in ("opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http", "requests"):
        try:
            findings.append(("ok", "installed", f"{name} {version(name)}"))
        except PackageNotFoundError:
            findings.append(("wrong", "installed", f"{name} is missing: pip install otel-agent-telemetry"))
    if importlib.util.find_spec("otel_agent_instrumentation") is None:
        findings.append(("note", "installed", "no framework modules; pip install 'otel-agent-telemetry[instrument]'"))
    else:
        ours = sorted(entry.name for entry in entry_points(group="opentelemetry_instrumentor"))
        findings.append(("ok", "installed", "instrumentations: " + ", ".join(ours)))
    return findings
