"""``agent-telemetry on`` and ``off``: the user's own choice."""

from __future__ import annotations

import os

import click

from otel_agent_telemetry._folder import ledger_file
from otel_agent_telemetry.cli._product import products, settings_for, state_dir_option
from otel_agent_telemetry.consent import Consent, choice_file, default_state_dir, store_choice
from otel_agent_telemetry.errors import InputError
from otel_agent_telemetry.pipeline.sending._others import has_own
from otel_agent_telemetry.pipeline.sending.ledger import Ledger

__all__ = ["off", "on"]


@click.command(short_help="Allow anonymous events.")
@state_dir_option
def on(state_dir: str | None) -> None:
    """Allow anonymous events, unless another rule switches them off."""
    directories = _settled(state_dir, enabled=True)
    verdict = Consent(state_dir=directories[0]).decide()
    click.echo(f"stored in {_files(directories)}", err=True)
    if not verdict.enabled:
        click.echo(f"still off by rule {verdict.rule}: {verdict.reason}", err=True)


@click.command(short_help="Switch events off for every product of this user.")
@state_dir_option
def off(state_dir: str | None) -> None:
    """Switch anonymous events off for every product of this user, and delete events that wait to be sent.

    With --state-dir, only for products that keep their state there.
    """
    directories = _settled(state_dir, enabled=False)
    for path in (ledger_file(directory, product) for directory in directories for product in products(directory)):
        if has_own(path):
            Ledger(path).delete_pending()
    click.echo(f"off, stored in {_files(directories)}; nothing is collected or sent from now on", err=True)


def _files(directories: list[str]) -> str:
    return " and ".join(map(choice_file, directories))


def _settled(state_dir: str | None, *, enabled: bool) -> list[str]:
    """Store the choice: in the folder that was named, else at the default place and where the environment points."""
    named = settings_for("any", state_dir)[0].state_dir
    directories = [named] if state_dir is not None else [*dict.fromkeys((named, default_state_dir(os.environ)))]
    for directory in reversed(directories):  # the default place first: it counts for every product
        _store(directory, enabled=enabled)
    return directories


def _store(directory: str, *, enabled: bool) -> None:
    try:
        store_choice(directory, enabled=enabled)
    except OSError as error:
        msg = (
            f"{directory} cannot be written ({error.strerror}); "
            "ANONYMIZED_TELEMETRY=false in the environment has the same effect."
        )
        raise InputError(msg) from error
