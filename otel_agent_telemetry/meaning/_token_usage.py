"""Model calls added up to ``token.usage``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_agent_telemetry.meaning._records import Fact

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_agent_telemetry.meaning._records import Usage

_SUMMED = {
    "inputTokens": "input_tokens",
    "outputTokens": "output_tokens",
    "cacheReadTokens": "cache_read_tokens",
    "cacheWriteTokens": "cache_write_tokens",
    "reasoningOutputTokens": "reasoning_tokens",
    "costUsd": "cost_usd",
}


def token_usage(usages: Iterable[Usage]) -> list[Fact]:
    """One ``token.usage`` per model, provider, session and agent."""
    sums: dict[tuple[str | None, ...], dict[str, float]] = {}
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
        occurred[key] = max(occurred.get(key, 0), usage.occurred_ns)
    return [_token_usage(key, total, occurred[key]) for key, total in sums.items()]


def _token_usage(key: tuple[str | None, ...], total: dict[str, float], occurred_ns: int) -> Fact:
    about = dict(zip(("model", "provider", "sessionId", "agentName"), key, strict=True))
    properties: dict[str, object] = {name: value for name, value in about.items() if value is not None}
    properties.update(total)
    if "inputTokens" in total or "outputTokens" in total:
        properties["totalTokens"] = total.get("inputTokens", 0) + total.get("outputTokens", 0)
    return Fact("token.usage", properties, occurred_ns)
