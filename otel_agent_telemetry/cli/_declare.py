"""A product's own events and tags: they are declared by importing the modules that do so."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, TypeVar

import click

from otel_agent_telemetry.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["declare_option", "import_all"]

_Command = TypeVar("_Command", bound="Callable[..., Any]")


def declare_option(command: _Command) -> _Command:
    """``--declare MODULE``, any number of times, given to the command as ``modules``."""
    words = "Import this module first, which declares a product's own events and tags."
    return click.option("--declare", "modules", multiple=True, metavar="MODULE", help=words)(command)


def import_all(modules: tuple[str, ...]) -> None:
    """Import each. Raises InputError for one that cannot be."""
    for module in modules:
        try:
            importlib.import_module(module)
        except ImportError as error:
            msg = f"--declare {module}: {error}; expected a module that can be imported here"
            raise InputError(msg) from error
