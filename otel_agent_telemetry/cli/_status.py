"""``agent-telemetry status``: is telemetry on, which rule says so, where events go, and what waits."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypedDict

import click

from otel_agent_telemetry._folder import ledger_file
from otel_agent_telemetry.cli._destination import Destination, moment, moment_iso
from otel_agent_telemetry.cli._product import product_option, products, state_dir_option
from otel_agent_telemetry.consent import Consent
from otel_agent_telemetry.pipeline.sending._others import Other, has_own, other_ledgers
from otel_agent_telemetry.pipeline.sending.ledger import Ledger
from otel_agent_telemetry.settings import Settings, operator_exports

if TYPE_CHECKING:
    from otel_agent_telemetry.consent import Decision

__all__ = ["status"]

OFF = 3


class _Kept(TypedDict):
    """What is in the ledger; times in seconds since the epoch."""

    pending: int
    sent: int
    dropped: int
    lost: dict[str, int]
    last_send: float | None


@click.command(short_help="Say whether events are on, and which rule decides.")
@product_option
@state_dir_option
@click.option(
    "--opt-out-env", metavar="NAME", help="The product's own opt-out variable, as in configure(opt_out_env=)."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def status(product: str | None, state_dir: str | None, opt_out_env: str | None, *, as_json: bool) -> None:
    """Say whether anonymous events are on, which rule decides, and where they go.

    A product may set its endpoint in code; this shows the one that its last run used.

    Exit code 0 if events are on, 3 if they are off.
    """
    settings = Settings(product=product, state_dir=state_dir)
    known = [settings.product] if settings.product is not None else products(settings.state_dir)
    found = known[0] if len(known) == 1 else None
    destination = Destination.of(settings, found)
    run = destination.last_run
    consent = Consent(
        state_dir=settings.state_dir, opt_out_env=opt_out_env or (None if run is None else run.opt_out_env)
    )
    decision, verdicts = consent.decide(), consent.verdicts()
    path = None if found is None else ledger_file(settings.state_dir, found)
    kept = None if path is None else _kept(path)
    others = [] if path is None else [_other(other) for other in other_ledgers(path)]
    if as_json:
        about = {
            "product": found,
            "products": known,
            "endpoint": destination.endpoint,
            "endpoints": {name: Destination.of(settings, name).endpoint for name in known},
            "dialect": destination.dialect,
            "last_run": None if run is None else {**run._asdict(), "at": moment_iso(run.at)},
            "state_dir": settings.state_dir,
            "operator_exporter": operator_exports(),
            "ledger": kept and {**kept, "last_send": kept["last_send"] and moment_iso(kept["last_send"])},
            "other_ledgers": others,
        }
        click.echo(json.dumps({**_decided(decision, verdicts), **about}, indent=2))
    else:
        lines = [*_rules(decision, verdicts), *_places(settings, destination, known), *_ledger(kept)]
        for other in others:
            words = ", ".join(f"{name} {value}" for name, value in other.items())
            lines.append(f"kept by another version of this package: {words}")
        click.echo("\n".join(lines))
    click.get_current_context().exit(0 if decision.enabled else OFF)


def _kept(path: str) -> _Kept | None:
    if not has_own(path):
        return None
    ledger = Ledger(path)
    counts = ledger.counts()
    return {
        "pending": counts["pending"],
        "sent": counts["sent"],
        "dropped": counts["dropped"],
        "lost": ledger.drops(),
        "last_send": ledger.last_send(),
    }


def _other(other: Other) -> dict[str, object]:
    return {"file": other.name, "version": other.version, **other.counts()}


def _decided(decision: Decision, verdicts: list[Decision]) -> dict[str, object]:
    return {
        "enabled": decision.enabled,
        "rule": decision.rule,
        "reason": decision.reason,
        "rules": [
            {"rule": verdict.rule, "says": "on" if verdict.enabled else "off", "reason": verdict.reason}
            for verdict in verdicts
        ],
    }


def _rules(decision: Decision, verdicts: list[Decision]) -> list[str]:
    first = f"anonymous events: {'on' if decision.enabled else 'off'} (rule {decision.rule}: {decision.reason})"
    return [
        first,
        *(f"  {'on' if each.enabled else 'off':<3}  {each.rule:<22} {each.reason}" for each in verdicts),
    ]


def _places(settings: Settings, destination: Destination, known: list[str]) -> list[str]:
    if len(known) > 1:
        lines = [f"products: {', '.join(known)}; --product NAME shows one"]
        lines += [f"destination of {product}: {Destination.of(settings, product).in_words()}" for product in known]
    else:
        lines = [f"product: {known[0] if known else 'none'}", f"destination: {destination.in_words()}"]
    run = destination.last_run
    if run is not None:
        lines.append(f"last run: {moment(run.at)}, events {'on' if run.rule == 'default' else 'off'} (rule {run.rule})")
    lines.append(f"state directory: {settings.state_dir}")
    lines.append(f"the operator's own exporter: {'configured' if operator_exports() else 'none'}")
    return lines


def _ledger(kept: _Kept | None) -> list[str]:
    if kept is None:
        return []
    lost = ", ".join(f"{number} {reason}" for reason, number in kept["lost"].items()) or "none"
    last = "never" if kept["last_send"] is None else moment(kept["last_send"])
    return [
        f"in the ledger: {kept['pending']} pending, {kept['sent']} sent, {kept['dropped']} dropped",
        f"lost: {lost}",
        f"last sent: {last}",
    ]
