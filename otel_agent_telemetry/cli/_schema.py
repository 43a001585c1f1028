"""``agent-telemetry schema``: the contract as JSON Schema or as TELEMETRY.md, and what its events can carry."""

from __future__ import annotations

import json

import click

from otel_agent_telemetry.cli._declare import declare_option, import_all
from otel_agent_telemetry.contract._entropy import bits_by_event
from otel_agent_telemetry.contract._privacy import privacy_notice
from otel_agent_telemetry.contract._text import json_schema, markdown

__all__ = ["schema"]


@click.command(short_help="Print every event that can be sent.")
@click.option("--format", "form", type=click.Choice(["json", "markdown", "privacy"]), default="json", show_default=True)
@declare_option
@click.option("--entropy", is_flag=True, help="Instead, print how many bits each event can carry, exact and coarse.")
def schema(form: str, modules: tuple[str, ...], *, entropy: bool) -> None:
    """Print every event that can be sent, with each property's kind and reason.

    The format privacy is text for a privacy notice, with <gaps> for what only the maintainers know. Use --declare to
    include a product's own events and tags.
    """
    import_all(modules)
    if entropy:
        click.echo("\n".join(_entropy()))
    elif form == "privacy":
        click.echo(privacy_notice(), nl=False)
    elif form == "markdown":
        click.echo(markdown(), nl=False)
    else:
        click.echo(json.dumps(json_schema(), indent=2))


def _entropy() -> list[str]:
    """One line an event, at most that many bits: what is not there carries none, and what is usual carries few."""
    from otel_agent_telemetry.pipeline.writing.registries import public_models

    names = {"models": len(public_models())}
    exact, coarse = bits_by_event(names), bits_by_event(names, precision="coarse")
    rows = [f"{name:<28}{exact[name]:>8.1f}{coarse[name]:>8.1f}" for name in exact]
    return [f"{'event':<28}{'exact':>8}{'coarse':>8}", *rows]
