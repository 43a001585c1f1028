"""What is told of spans, and how it reads as events: facts and the usage of model calls."""

from __future__ import annotations

from copy import copy
from typing import TypeAlias

from otel_agent_telemetry.meaning._calls import ModelCall, Repeat, Run, ToolCall
from otel_agent_telemetry.meaning._records import Fact, Usage

__all__ = ["Told", "as_events", "as_noted"]

Told: TypeAlias = "Fact | ModelCall | ToolCall | Run | Repeat"
"""A fact of a session, task, workflow or command; or the verdict on one span."""

_NS_PER_MS = 1_000_000


def as_events(told: list[Told]) -> list[Fact | Usage]:
    """Facts and usage: a run is told by its session's totals, and what repeats another span is none."""
    return [_event(item) for item in told if not isinstance(item, (Run, Repeat))]


def as_noted(call: ModelCall | ToolCall, session_id: str | None, agent_name: str | None) -> Fact | Usage:
    """The event of a call that waits, as it would be told now; what is told in the end has the same key."""
    call.is_noted = True
    return _event(copy(call).tell(session_id, agent_name))


def _event(item: Fact | ModelCall | ToolCall) -> Fact | Usage:
    if isinstance(item, ModelCall):
        return _usage(item)
    if isinstance(item, ToolCall):
        return _tool_called(item)
    return item._replace(key=0) if item.key else item


def _usage(call: ModelCall) -> Usage:
    return Usage(
        occurred_ns=call.occurred_ns,
        model=call.model,
        provider=call.provider,
        session_id=call.session_id,
        agent_name=call.told_agent,
        input_tokens=call.input_tokens,
        output_tokens=call.output_tokens,
        cache_read_tokens=call.cache_read_tokens,
        cache_write_tokens=call.cache_write_tokens,
        reasoning_tokens=call.reasoning_tokens,
        cost_usd=call.cost_usd,
        is_error=call.error is not None,
        calls=call.calls,
        guess=call.guess,
        key=call.key if call.is_noted else 0,
    )


def _tool_called(call: ToolCall) -> Fact:
    properties: dict[str, object] = {
        "isSuccess": call.error is None,
        "durationMs": max(call.occurred_ns - call.start_ns, 0) // _NS_PER_MS,
    }
    if call.name is not None:
        properties["toolName"] = call.name
    if call.error is not None:
        properties["errorCategory"] = call.error
    if call.session_id is not None:
        properties["sessionId"] = call.session_id
    if call.told_agent is not None:
        properties["agentName"] = call.told_agent
    return Fact("tool.called", properties, call.occurred_ns, call.key if call.is_noted else 0)
