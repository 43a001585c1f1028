"""Model calls added up to ``token.usage``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_agent_telemetry.meaning._costs import spent
from otel_agent_telemetry.meaning._properties import TOKENS
from otel_agent_telemetry.meaning._records import NOTHING, Fact, Guess

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_agent_telemetry.meaning._records import Usage

_SUMMED = {**TOKENS, "costUsd": "cost_usd"}


def token_usage(usages: Iterable[Usage]) -> list[Fact]:
    """One ``token.usage`` per model, provider, session and agent."""
    sums: dict[tuple[str | None, ...], dict[str, float]] = {}
    guesses: dict[tuple[str | None, ...], Guess] = {}
    occurred: dict[tuple[str | None, ...], int] = {}
    for usage in usages:
        key = (usage.model, usage.provider, usage.session_id, usage.agent_name)
        total = sums.setdefault(key, {})
        for name, field in _SUMMED.items():
            number = getattr(usage, field)
            if number is not None:
                total[name] = total.get(name, 0) + number
        if usage.calls:
            outcome = "modelErrors" if usage.is_error else "modelCalls"
            total[outcome] = total.get(outcome, 0) + usage.calls
        guesses[key] = guesses.get(key, NOTHING).plus(usage.guess)
        occurred[key] = max(occurred.get(key, 0), usage.occurred_ns)
    return [_token_usage(key, total, guesses[key], occurred[key]) for key, total in sums.items()]


def cost_of(reported: float | None, guessed: Guess) -> dict[str, object]:
    """The properties of ``token.usage`` that say what it cost."""
    usd, is_estimate = spent(reported, guessed)
    return {} if usd is None else {"costUsd": usd, "costIsEstimate": True} if is_estimate else {"costUsd": usd}


def _token_usage(key: tuple[str | None, ...], total: dict[str, float], guessed: Guess, occurred_ns: int) -> Fact:
    about = dict(zip(("model", "provider", "sessionId", "agentName"), key, strict=True))
    properties: dict[str, object] = {name: value for name, value in about.items() if value is not None}
    reported = total.pop("costUsd", None)
    properties.update(total)
    properties.update(cost_of(reported, guessed))
    if "inputTokens" in total or "outputTokens" in total:
        properties["totalTokens"] = total.get("inputTokens", 0) + total.get("outputTokens", 0)
    return Fact("token.usage", properties, occurred_ns)
