"""A click program whose commands end in each way."""

from __future__ import annotations

import sys

import click


@click.group()
def main() -> None:
    """Pass on."""


@main.group()
def db() -> None:
    """Pass on, too."""


@db.command()
@click.option("--token")
def up(token: str | None) -> None:
    """End well."""
    click.echo(f"up {token}")


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
