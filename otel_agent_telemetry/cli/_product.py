"""Which product a command is about, and where its state is."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from otel_agent_telemetry.cli._own_files import own_files
from otel_agent_telemetry.consent import NO_HOME
from otel_agent_telemetry.errors import InputError
from otel_agent_telemetry.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["product_option", "products", "settings_for", "state_dir_option"]


def product_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """``--product NAME`` for commands that look at one product."""
    return click.option("--product", help="Which product, if several keep their state here.")(function)


def state_dir_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """``--state-dir PATH`` for commands that read or change stored state."""
    words = "The state directory (default: AGENT_TELEMETRY_STATE_DIR, or otel-agent-telemetry in XDG_STATE_HOME)."
    return click.option("--state-dir", type=click.Path(file_okay=False), help=words)(function)


def products(state_dir: str) -> list[str]:
    """The products that keep their state there: folders that hold a file of ours. Raises InputError."""
    if state_dir.startswith(NO_HOME):
        return []
    try:
        with os.scandir(state_dir) as entries:
            return sorted(
                entry.name for entry in entries if entry.is_dir(follow_symlinks=False) and _is_used(entry.path)
            )
    except FileNotFoundError:
        return []
    except OSError as error:
        msg = f"{state_dir} cannot be read ({error.strerror}); set AGENT_TELEMETRY_STATE_DIR to a folder that can."
        raise InputError(msg) from error


def _is_used(folder: str) -> bool:
    try:
        return bool(own_files(folder))
    except OSError:
        return False


def settings_for(product: str | None, state_dir: str | None) -> tuple[Settings, str | None]:
    """The settings that hold, and the product: the one named, else the only one that keeps its state there."""
    settings = Settings(product=product, state_dir=state_dir)
    if settings.product is not None:
        return settings, settings.product
    found = products(settings.state_dir)
    if len(found) > 1:
        msg = f"{len(found)} products keep their state in {settings.state_dir}: {', '.join(found)}; add --product NAME."
        raise InputError(msg)
    return settings, found[0] if found else None
