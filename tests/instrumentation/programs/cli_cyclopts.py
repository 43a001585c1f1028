# ruff: noqa: T201 - it prints for its test
"""A cyclopts program whose commands end in each way."""

from __future__ import annotations

import sys

from cyclopts import App

main = App(name="acme")
db = App(name="db")
main.command(db)


@db.command
def up(*, token: str | None = None) -> None:
    """End well."""
    print(f"up {token}")


@main.command
def fail() -> None:
    """Raise."""
    raise ConnectionError


@main.command
def leave() -> None:
    """Exit with a code."""
    sys.exit(4)


@main.command
def stop() -> None:
    """Be interrupted."""
    raise KeyboardInterrupt


main()
