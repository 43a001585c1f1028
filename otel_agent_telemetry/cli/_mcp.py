"""``mcp``: the store for coding agents, by the Model Context Protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from otel_agent_telemetry.cli._opened import db_option, existing, failures
from otel_agent_telemetry.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["mcp"]


@click.command(short_help="Let a coding agent ask.")
@click.option(
    "--content",
    is_flag=True,
    help="Let tools return prompts, answers, arguments and results if asked to.",
)
@db_option
def mcp(*, content: bool, db: Path | None) -> None:
    """Serve the store through the Model Context Protocol on stdin and stdout, until the client disconnects.

    A coding agent can read its own runs: tools list, search, show and compare traces, add up usage, group errors, and
    answer SQL. All are read-only. Needs the extra: pip install 'otel-agent-telemetry[mcp]'.
    """
    with failures():
        existing(db)
        try:
            from otel_agent_telemetry.cli import _mcp_tools
        except ModuleNotFoundError as error:
            raise InputError(f"mcp needs {error.name}; get it with: pip install 'otel-agent-telemetry[mcp]'") from error
        _mcp_tools.server(db, content=content).run("stdio")
