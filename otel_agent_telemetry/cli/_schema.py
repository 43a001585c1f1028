"""``agent-telemetry schema``: the contract as JSON Schema or as TELEMETRY.md."""

from __future__ import annotations

import json

import click

from otel_agent_telemetry.contract._text import json_schema, markdown

__all__ = ["schema"]


@click.command()
@click.option("--format", "form", type=click.Choice(["json", "markdown"]), default="json", show_default=True)
def schema(form: str) -> None:
    """Print every event that can be sent, with each property's kind and reason."""
    if form == "markdown":
        click.echo(markdown(), nl=False)
    else:
        click.echo(json.dumps(json_schema(), indent=2))
