"""``agent-telemetry doctor``: checks every setting, the state directory, what is installed, and the way out."""

from __future__ import annotations

import importlib.util
import os
from importlib.metadata import PackageNotFoundError, entry_points, version

import click

from otel_agent_telemetry.cli._doctor_harness import EXAMINED, tell
from otel_agent_telemetry.cli._product import state_dir_option
from otel_agent_telemetry.consent import Consent
from otel_agent_telemetry.errors import SettingError
from otel_agent_telemetry.settings import Settings, operator_exports

__all__ = ["doctor"]

Finding = tuple[str, str, str]


@click.command()
@click.argument("agent", required=False, type=click.Choice(EXAMINED))
@click.option("--no-probe", is_flag=True, help="With AGENT: read its settings, and do not start it.")
@state_dir_option
def doctor(agent: str | None, state_dir: str | None, *, no_probe: bool) -> None:
    """Check settings, state directory and installation. Exit code 1 if something needs attention. Sends nothing.

    With AGENT, a coding agent: what it would send where and what not, what to change, and a probe that starts it once
    with a short question and says which of its three signals arrive.
    """
    if agent is not None:
        click.get_current_context().exit(0 if tell(agent, probe=not no_probe) else 1)
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
