"""``agent-telemetry status``: is telemetry on, which rule says so, and what waits."""

from __future__ import annotations

import json

import click

from otel_agent_telemetry.cli._product import product_option, products, state_dir_option
from otel_agent_telemetry.consent import Consent
from otel_agent_telemetry.pipeline.sending._others import Other, has_own, other_ledgers
from otel_agent_telemetry.pipeline.sending.ledger import Ledger, ledger_file
from otel_agent_telemetry.settings import Settings, operator_exports

__all__ = ["status"]

OFF = 3


@click.command()
@product_option
@state_dir_option
@click.option("--opt-out-env", metavar="NAME", help="The product's own variable, as it gives it to configure().")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def status(product: str | None, state_dir: str | None, opt_out_env: str | None, *, as_json: bool) -> None:
    """Say whether anonymous events are on, which rule decides and what every other rule says.

    Exit code 0 if they are on, 3 if they are off.
    """
    settings = Settings(product=product, state_dir=state_dir)
    known = [settings.product] if settings.product is not None else products(settings.state_dir)
    found = known[0] if len(known) == 1 else None
    consent = Consent(state_dir=settings.state_dir, opt_out_env=opt_out_env)
    decision = consent.decide()
    path = None if found is None else ledger_file(settings.state_dir, found)
    shown: dict[str, object] = {
        "enabled": decision.enabled,
        "rule": decision.rule,
        "reason": decision.reason,
        "rules": [
            {"rule": verdict.rule, "says": "on" if verdict.enabled else "off", "reason": verdict.reason}
            for verdict in consent.verdicts()
        ],
        "product": found,
        "products": known,
        "endpoint": settings.endpoint,
        "dialect": settings.dialect,
        "state_dir": settings.state_dir,
        "operator_exporter": operator_exports(),
        "ledger": _ledger(path) if path is not None and has_own(path) else None,
        "other_ledgers": [] if path is None else [_other(other) for other in other_ledgers(path)],
    }
    click.echo(json.dumps(shown, indent=2) if as_json else "\n".join(_lines(shown)))
    click.get_current_context().exit(0 if decision.enabled else OFF)


def _ledger(path: str) -> dict[str, object]:
    ledger = Ledger(path)
    return {**ledger.counts(), "lost": ledger.drops(), "last_send": ledger.last_send()}


def _other(other: Other) -> dict[str, object]:
    return {"file": other.name, "version": other.version, **other.counts()}


def _in_words(other: dict[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in other.items())


def _lines(shown: dict[str, object]) -> list[str]:
    rules = shown["rules"]
    lines = [f"anonymous events: {'on' if shown['enabled'] else 'off'} (rule {shown['rule']}: {shown['reason']})"]
    if isinstance(rules, list):
        lines += [f"  {rule['says']:<3}  {rule['rule']:<22} {rule['reason']}" for rule in rules]  # pyright: ignore[reportUnknownVariableType] - made above
    known = shown["products"]
    if isinstance(known, list) and len(known) > 1:  # pyright: ignore[reportUnknownArgumentType] - made above
        lines.append(f"products: {', '.join(known)}; --product NAME shows one")  # pyright: ignore[reportUnknownArgumentType]
    for name in ("product", "endpoint", "dialect", "state_dir"):
        lines.append(f"{name.replace('_', ' ')}: {shown[name] or 'none'}")
    lines.append(f"the operator's own exporter: {'configured' if shown['operator_exporter'] else 'none'}")
    ledger = shown["ledger"]
    if isinstance(ledger, dict):
        lines += [f"ledger {name.replace('_', ' ')}: {value}" for name, value in ledger.items()]  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    others = shown["other_ledgers"]
    if isinstance(others, list):
        lines += [f"kept by another version of this package: {_in_words(other)}" for other in others]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] - made above
    return lines
