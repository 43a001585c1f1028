"""``agent-telemetry forget``: delete who this installation was, and what it recorded."""

from __future__ import annotations

import os
import sys

import click

from otel_agent_telemetry._folder import FolderLock, require_own
from otel_agent_telemetry.cli._own_files import own_files
from otel_agent_telemetry.cli._product import product_option, settings_for, state_dir_option
from otel_agent_telemetry.errors import InputError
from otel_agent_telemetry.identity import STORED_KEYS

__all__ = ["forget"]


@click.command()
@product_option
@state_dir_option
@click.option("--yes", is_flag=True, help="Do not ask.")
def forget(product: str | None, state_dir: str | None, *, yes: bool) -> None:
    """Delete the installation id, the reference key and the ledger; nothing joins to the events already sent any more.

    A running service takes a new id and a new key with its next event.
    """
    settings, found = settings_for(product, state_dir)
    folder = "" if found is None else os.path.join(settings.state_dir, found)
    names = _names(folder) if found is not None else []
    if not names:
        click.echo(f"nothing is stored in {settings.state_dir}", err=True)
        return
    _ask(f"Delete {', '.join(names)} in {folder}?", yes=yes)
    left = _delete(folder)
    click.echo(f"deleted id, reference key and ledger of {found}", err=True)
    if left:
        click.echo(f"left alone in {folder}, as not ours: {', '.join(left)}", err=True)
    if not set(STORED_KEYS) & {*names}:
        table = "swarm_config" if settings.preset is None else settings.preset.table
        click.echo(_elsewhere(table), err=True)


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
