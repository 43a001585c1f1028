"""The book of a proxy behind a command."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from otel_agent_telemetry.consent import default_state_dir

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["book_option"]

_Command = TypeVar("_Command", bound="Callable[..., Any]")


def book_option(command: _Command) -> _Command:
    """``--db PATH``, given to the command as ``db``."""
    return click.option(
        "--db",
        type=click.Path(dir_okay=False, path_type=Path),
        default=_default,
        help="The file of received events (default: book.sqlite in the state directory).",
    )(command)


def _default() -> Path:
    folder = os.environ.get("AGENT_TELEMETRY_STATE_DIR") or default_state_dir(os.environ)
    return Path(folder, "book.sqlite")
