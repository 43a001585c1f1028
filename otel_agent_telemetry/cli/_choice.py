"""``agent-telemetry on``, ``off`` and ``forget``: the user's own choice."""

from __future__ import annotations

import os
import shutil

import click

from otel_agent_telemetry.cli._product import product_option, products, settings_for, state_dir_option
from otel_agent_telemetry.consent import Consent, choice_file, store_choice
from otel_agent_telemetry.errors import InputError
from otel_agent_telemetry.pipeline.sending.ledger import Ledger, ledger_file

__all__ = ["forget", "off", "on"]


@click.command()
@state_dir_option
def on(state_dir: str | None) -> None:
    """Allow anonymous events, as far as no other rule switches them off."""
    directory = _settled(state_dir, enabled=True)
    verdict = Consent(state_dir=directory).decide()
    click.echo(f"stored in {choice_file(directory)}", err=True)
    if not verdict.enabled:
        click.echo(f"still off by rule {verdict.rule}: {verdict.reason}", err=True)


@click.command()
@state_dir_option
def off(state_dir: str | None) -> None:
    """Switch anonymous events off for every product of this user, and delete what waits to be sent."""
    directory = _settled(state_dir, enabled=False)
    for product in products(directory):
        path = ledger_file(directory, product)
        if os.path.exists(path):
            Ledger(path).delete_pending()
    click.echo(f"off, stored in {choice_file(directory)}; nothing is collected or sent from now on", err=True)


@click.command()
@product_option
@state_dir_option
def forget(product: str | None, state_dir: str | None) -> None:
    """Delete the installation id, the reference key and the ledger; events already sent can be joined to nothing."""
    settings, found = settings_for(product, state_dir)
    if found is None or not os.path.isdir(os.path.join(settings.state_dir, found)):
        click.echo(f"nothing is stored in {settings.state_dir}", err=True)
        return
    shutil.rmtree(os.path.join(settings.state_dir, found))
    click.echo(f"deleted id, reference key and ledger of {found}", err=True)


def _settled(state_dir: str | None, *, enabled: bool) -> str:
    settings, _ = settings_for("any", state_dir)
    try:
        store_choice(settings.state_dir, enabled=enabled)
    except OSError as error:
        msg = (
            f"{settings.state_dir} cannot be written ({error.strerror}); "
            "ANONYMIZED_TELEMETRY=false in the environment has the same effect."
        )
        raise InputError(msg) from error
    return settings.state_dir
