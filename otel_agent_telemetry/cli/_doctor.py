"""``agent-telemetry doctor``: checks every setting, the state directory, what is installed, and the ways out."""

from __future__ import annotations

import difflib
import importlib.util
import os
from importlib.metadata import PackageNotFoundError, entry_points, version
from typing import TYPE_CHECKING

import click

from otel_agent_telemetry._folder import require_own
from otel_agent_telemetry._local_serve import LOCAL_URL, local_serve_is_up
from otel_agent_telemetry.cli._collector import operators_findings
from otel_agent_telemetry.cli._destination import Destination
from otel_agent_telemetry.cli._doctor_harness import EXAMINED, tell
from otel_agent_telemetry.cli._lacking import lacking, out_of_range, unseen
from otel_agent_telemetry.cli._product import products, state_dir_option
from otel_agent_telemetry.cli._variables import names
from otel_agent_telemetry.consent import NO_HOME, Consent, default_state_dir
from otel_agent_telemetry.errors import TelemetryError
from otel_agent_telemetry.settings import Settings, settings_of_program

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["doctor"]

Finding = tuple[str, str, str]

_NO_PROBE = "--no-probe"


@click.command(
    short_help="Check settings, installation and collector.",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@state_dir_option
@click.option("--host-state", "of_host", is_flag=True, help="Show what telemetry changes in COMMAND; runs it twice.")
@click.option("--seconds", type=click.FloatRange(min=0.1), help="Stop COMMAND after this time, as Ctrl-C does.")
@click.option("--json", "as_json", is_flag=True, help="With --host-state: print one JSON object.")
@click.option(_NO_PROBE, is_flag=True, help="With a coding agent: only read its settings; do not start it.")
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[AGENT | -- COMMAND [ARGUMENT]...]")
def doctor(
    state_dir: str | None,
    command: tuple[str, ...],
    seconds: float | None,
    *,
    of_host: bool,
    as_json: bool,
    no_probe: bool,
) -> None:
    """Check settings, state directory, installation, and whether your collector answers.

    Each line begins with `ok`, `note` or `wrong`; a wrong one says what to do. Exit code 1 if anything is wrong.
    It writes no file and sends no event; your collector gets one request without a span in it.

    With --host-state, it runs COMMAND without telemetry and with it, and compares what differs in the process at its
    end with what docs/guarantees.md declares. Exit code 0: nothing else changed. 1: something did.
    4: COMMAND left no state to compare.

    AGENT is claude, codex, gemini, qwen, copilot or opencode. It then says what that agent would send and where, and
    what to change; it also starts the agent once with a short question and says which of its three signals arrive.
    """
    if not of_host and command and command[0] in EXAMINED and set(command[1:]) <= {_NO_PROBE}:
        no_probe = no_probe or _NO_PROBE in command  # also behind its name
        click.get_current_context().exit(0 if tell(command[0], probe=not no_probe) else 1)
    if of_host != bool(command):
        msg = (
            "--host-state and a command go together: agent-telemetry doctor --host-state -- COMMAND. "
            f"Coding agents that it examines: {', '.join(EXAMINED)}."
        )
        raise click.UsageError(msg)
    if of_host:
        from otel_agent_telemetry.cli._host_state import host_state

        click.get_current_context().exit(host_state(command, seconds=seconds, as_json=as_json))
    findings = [*_findings(state_dir)]
    for state, what, words in findings:
        click.echo(f"{state:<6} {what:<13} {words}")
    click.get_current_context().exit(1 if any(state == "wrong" for state, _, _ in findings) else 0)


def _findings(state_dir: str | None) -> Iterator[Finding]:
    settings, wrong = settings_of_program(state_dir=state_dir)
    if wrong:
        yield "wrong", "settings", wrong
    yield from _misspelt()
    yield from _destinations(settings)
    decision = Consent(state_dir=settings.state_dir).decide()
    yield "ok", "consent", f"{'on' if decision.enabled else 'off'} ({decision.rule}: {decision.reason})"
    yield _state(settings.state_dir)
    yield from ((state, "operator", words) for state, words in operators_findings())
    yield _serve()
    yield from _installed()


def _misspelt() -> Iterator[Finding]:
    known = names()
    for variable in sorted(os.environ):
        if variable.startswith("AGENT_TELEMETRY_") and variable not in known:
            near = difflib.get_close_matches(variable, known, n=1)
            yield "note", "settings", f"{variable} is no setting" + (f"; did you mean {near[0]}?" if near else "")


def _destinations(settings: Settings) -> Iterator[Finding]:
    """Of each product that keeps its state there, else what is set here."""
    try:
        known = [settings.product] if settings.product is not None else products(settings.state_dir)
        for product in known or [None]:
            words = Destination.of(settings, product).in_words()
            yield "ok", "destination", words if product is None else f"{product}: {words}"
    except TelemetryError as error:
        yield "wrong", "destination", str(error)


def _state(folder: str) -> Finding:
    there = folder
    while not os.path.exists(there) and os.path.dirname(there) != there:
        there = os.path.dirname(there)
    try:
        for place in (there, *(os.path.join(folder, product) for product in _folders(folder))):
            if not (os.path.isdir(place) and os.access(place, os.W_OK | os.X_OK)):
                return "wrong", "state", f"{place} cannot be written; {_ELSEWHERE}"
            require_own(place)
    except OSError as error:
        return "wrong", "state", f"{error.strerror or error}; {_ELSEWHERE}"
    if folder.startswith(NO_HOME):
        return "wrong", "state", f"this account has no home; {_ELSEWHERE}"
    return "ok", "state", folder


def _folders(folder: str) -> list[str]:
    try:
        return products(folder)
    except TelemetryError:
        return []


_ELSEWHERE = "set AGENT_TELEMETRY_STATE_DIR to a folder of yours"


def _serve() -> Finding:
    if local_serve_is_up(default_state_dir(os.environ)):
        return (
            "ok",
            "serve",
            f"up at {LOCAL_URL}/; `agent-telemetry run` sends traces there unless OTEL_* say otherwise",
        )
    return "ok", "serve", f"none at {LOCAL_URL}; `agent-telemetry serve` starts one"


def _installed() -> Iterator[Finding]:
    for name in ("opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http", "requests"):
        try:
            yield "ok", "installed", f"{name} {version(name)}"
        except PackageNotFoundError:
            yield "wrong", "installed", f"{name} is missing: pip install {name}"
    if importlib.util.find_spec("otel_agent_instrumentation") is None:
        yield "note", "installed", "no framework modules; pip install 'otel-agent-telemetry[instrument]'"
        return
    ours = sorted(entry.name for entry in entry_points(group="opentelemetry_instrumentor"))
    yield "ok", "installed", "instrumentations: " + ", ".join(ours)
    for what, command in lacking():
        yield "note", "installed", f"{what} makes no spans here: {command}"
    for what, parts in unseen():
        yield "note", "installed", f"{what}: no extra shows its {parts}"
    for what, module, known in out_of_range():
        yield "note", "installed", f"{what} is left alone: {module} knows {known}"
