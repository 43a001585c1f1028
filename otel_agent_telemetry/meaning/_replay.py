"""The mapping over finished spans: what a file of spans would have become."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_agent_telemetry import semconv
from otel_agent_telemetry.meaning._mapping import Mapping
from otel_agent_telemetry.meaning._records import Fact, Usage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_agent_telemetry.meaning._records import SpanRecord

_SUMMED = {
    "inputTokens": "input_tokens",
    "outputTokens": "output_tokens",
    "cacheReadTokens": "cache_read_tokens",
    "cacheWriteTokens": "cache_write_tokens",
    "reasoningOutputTokens": "reasoning_tokens",
    "costUsd": "cost_usd",
}


def replay(moments: Iterable[tuple[bool, SpanRecord]]) -> list[Fact]:
    """Facts in the order in which they happened, of starts (False) and ends (True) of spans.

    Model calls are added up to one ``token.usage`` per model, provider, session and agent, at the last call's time.
    """
    mapping = Mapping()
    out: list[Fact | Usage] = []
    last_ns = 0
    for is_end, record in moments:
        if is_end:
            out += mapping.end(record)
            last_ns = record.end_ns
        elif semconv.AGENT_LIFECYCLE in record.attributes:
            out += mapping.start(record)
        else:
            mapping.link(record.span_id, record.parent_id)
    out += mapping.close(last_ns)
    told = [item for item in out if isinstance(item, Fact)]
    counted = token_usage(item for item in out if isinstance(item, Usage))
    return sorted([*told, *counted], key=lambda fact: fact.occurred_ns)


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
