"""The command ``agent-telemetry``. Data goes to standard output, messages to standard error.

Exit codes: 0 done, 1 failed, 2 wrong use, 3 (``status``) telemetry is off, 4 (``audit``,
``doctor --host-state``) the command failed, 5 (``usage --budget``) over budget; ``run`` passes on the code of its
command.
"""

from __future__ import annotations

import importlib

import click

from otel_agent_telemetry.cli._streams import leave, ready
from otel_agent_telemetry.errors import TelemetryError

__all__ = ["main"]

# Command -> where it is; a module is imported when its command is used, or listed.
_COMMANDS = {
    "run": "_run:run",
    "demo": "demo:demo",
    "serve": "_serve:serve",
    "traces": "_traces:traces",
    "show": "_show:show",
    "sessions": "_sessions:sessions",
    "usage": "_usage:usage",
    "latency": "_latency:latency",
    "errors": "_errors:errors",
    "logs": "_logs:logs",
    "metrics": "_metrics:metrics",
    "diff": "_diff:diff",
    "sql": "_sql:sql",
    "mcp": "_mcp:mcp",
    "top": "_top:top",
    "tail": "_tail:tail",
    "export": "_exchange:export",
    "import": "_exchange:import_",
    "gc": "_gc:gc",
    "preview": "_preview:preview",
    "events": "_events:events",
    "status": "_status:status",
    "on": "_choice:on",
    "off": "_choice:off",
    "forget": "_forget:forget",
    "schema": "_schema:schema",
    "doctor": "_doctor:doctor",
    "audit": "_audit:audit",
    "proxy": "_proxy:proxy",
    "report": "_report:report",
}


class _LazyGroup(click.Group):
    """Finds its commands by name, and suggests the nearest for one that it does not have."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*_COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        where = _COMMANDS.get(cmd_name)
        if where is None:
            return None
        module, _, attribute = where.partition(":")
        return getattr(importlib.import_module(f"otel_agent_telemetry.cli.{module}"), attribute)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], _COMMANDS, n=1)
            hint = f"did you mean `agent-telemetry {near[0]}`?" if near else "`agent-telemetry --help` lists them."
            msg = f"no command {args[0]!r}; {hint}"
            raise click.UsageError(msg, ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        ready()
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            return leave(ctx)
        except TelemetryError as error:
            click.echo(f"agent-telemetry: {error}", err=True)
            ctx.exit(1)


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="otel-agent-telemetry", prog_name="agent-telemetry")
def main() -> None:
    """Traces and metrics of an agent service for its operator, anonymous events for its maintainers."""
