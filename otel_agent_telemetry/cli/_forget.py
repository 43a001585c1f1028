"""``agent-telemetry forget``: delete who this installation was, and what it recorded."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from otel_agent_telemetry._folder import FolderLock, ledger_file, require_own
from otel_agent_telemetry.cli._destination import Destination
from otel_agent_telemetry.cli._own_files import own_files
from otel_agent_telemetry.cli._product import product_option, settings_for, state_dir_option
from otel_agent_telemetry.errors import InputError
from otel_agent_telemetry.identity import INSTALLATION_ID_KEY, STORED_KEYS, FileStore
from otel_agent_telemetry.pipeline.sending._others import other_ledgers

if TYPE_CHECKING:
    from otel_agent_telemetry.settings import Settings

__all__ = ["forget"]

_GRANTED = (200, 202, 204)


@click.command(short_help="Delete installation id, reference key and ledger.")
@product_option
@state_dir_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--ask-maintainers", is_flag=True, help="First ask the endpoint to delete what came from here.")
def forget(product: str | None, state_dir: str | None, *, yes: bool, ask_maintainers: bool) -> None:
    """Delete the installation id, the reference key and the ledger; nothing joins past events to new ones any more.

    A running service gets a new id and a new key with its next event.

    With --ask-maintainers, one request sends the installation id to the endpoint of the last run, for deletion there.
    If the endpoint does not delete it, nothing is deleted here either, so that you can ask again.
    """
    settings, found = settings_for(product, state_dir)
    folder = "" if found is None else os.path.join(settings.state_dir, found)
    names = _names(folder) if found is not None else []
    if not names:
        click.echo(f"nothing is stored in {settings.state_dir}", err=True)
        return
    for other in other_ledgers(ledger_file(settings.state_dir, found or "")):
        click.echo(f"{other.name} is kept by another version of this package; it goes too", err=True)
    _ask(f"Delete {', '.join(names)} in {folder}?", yes=yes)
    if ask_maintainers:
        click.echo(_asked_maintainers(settings, found or ""), err=True)
    left = _delete(folder)
    click.echo(f"deleted id, reference key and ledger of {found}", err=True)
    if left:
        click.echo(f"left alone in {folder}, as not ours: {', '.join(left)}", err=True)
    if not set(STORED_KEYS) & {*names}:
        table = "swarm_config" if settings.preset is None else settings.preset.table
        click.echo(_elsewhere(table), err=True)


def _asked_maintainers(settings: Settings, product: str) -> str:
    """What became of the request, in words. Raises InputError where it was not granted."""
    from otel_agent_telemetry._http import NoAnswerError, exchange

    endpoint = Destination.of(settings, product).endpoint
    installation = FileStore(settings.state_dir, product).get(INSTALLATION_ID_KEY)
    if endpoint is None or installation is None:
        lacks = "endpoint" if endpoint is None else "installation id"
        msg = f"{product} has no {lacks}; leave out --ask-maintainers"
        raise InputError(msg)
    try:
        answer = exchange("DELETE", f"{endpoint.rstrip('/')}/{installation}", headers={"Content-Length": "0"})
        said = f"answered {answer.status}"
    except NoAnswerError as error:
        said = f"did not answer ({error})"
    else:
        if answer.status in _GRANTED:
            return f"{endpoint} deleted what came from this installation"
    msg = (
        f"{endpoint} {said}: nothing was deleted here, so that you can ask again; "
        "to delete here alone, leave out --ask-maintainers"
    )
    raise InputError(msg)


def _names(folder: str) -> list[str]:
    try:
        require_own(os.path.dirname(folder))
        require_own(folder)
        return own_files(folder)
    except FileNotFoundError:
        return []
    except OSError as error:
        msg = f"{folder} is left alone: {error.strerror}"
        raise InputError(msg) from error


def _ask(question: str, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        msg = "forget asks before it deletes, and nobody can be asked here; add --yes."
        raise InputError(msg)
    click.confirm(question, abort=True, err=True)


def _delete(folder: str) -> list[str]:
    """Delete our files, and the folder where nothing else is in it; gives what is left."""
    try:
        with FolderLock(folder):  # who makes an id or opens a ledger meanwhile waits, and then makes another
            for name in own_files(folder):
                os.unlink(os.path.join(folder, name))
            left = sorted(os.listdir(folder))
            if not left:
                os.rmdir(folder)
    except OSError as error:
        msg = f"{folder} cannot be cleared: {error.strerror}; try again as the account that owns it."
        raise InputError(msg) from error
    return left


def _elsewhere(table: str) -> str:
    return (
        "no id was stored here; a product with a SQLStore still has id and reference key in its own database, table "
        f"{table}, keys {', '.join(STORED_KEYS)}: delete those rows, or call SQLStore(...).delete(), and restart it"
    )
