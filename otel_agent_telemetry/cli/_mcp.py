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
    help="Allow tools to give prompts, answers, arguments and results, where they are asked.",
)
@db_option
def mcp(*, content: bool, db: Path | None) -> None:
    """Serve the store by the Model Context Protocol on stdin and stdout, until the client goes.

    A coding agent reads its own runs: tools list, show and compare traces, search them, add up use, group errors, and
    answer SQL. All are read only. Needs the extra: pip install 'otel-agent-telemetry[mcp]'.
    """
    with failures():
        existing(db)
        try:
            from otel_agent_telemetry.cli import _mcp_tools
        except ModuleNotFoundError as error:
            raise InputError(f"mcp needs {error.name}; get it with: pip install 'otel-agent-telemetry[mcp]'") from error
        _mcp_tools.server(db, content=content).run("stdio")
