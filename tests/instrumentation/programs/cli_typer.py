"""A typer program whose commands end in each way."""

from __future__ import annotations

import sys
from typing import Optional

import typer

main = typer.Typer(pretty_exceptions_enable=False)
db = typer.Typer()
main.add_typer(db, name="db")


@db.callback()
def pass_on() -> None:
    """Pass on."""


@db.command()
def up(token: Optional[str] = None) -> None:  # noqa: UP045 - typer reads it on every Python
    """End well."""
    typer.echo(f"up {token}")


@main.command()
def fail() -> None:
    """Raise."""
    raise ConnectionError


@main.command()
def leave() -> None:
    """Exit with a code."""
    sys.exit(4)


@main.command()
def stop() -> None:
    """Be interrupted."""
    raise KeyboardInterrupt


main(prog_name="acme")
