"""What the anonymous events of spans add up to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeAlias

from otel_agent_telemetry.contract._reference import reference
from tests.agreement.totals import TOKENS, added, spent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.agreement.totals import Totals

KEY = b"test"
_PROPERTIES = [f"{name}Tokens" for name in ("input", "output", "cacheRead", "cacheWrite", "reasoningOutput")]


Told: TypeAlias = "tuple[str, Mapping[str, Any]]"
"""An event: its name and its properties."""


def totals_of(told: Iterable[Told], known: Mapping[str, str]) -> Totals:
    """The totals of events; ``known`` are the ids behind references."""
    events = list(told)
    usage = [properties for name, properties in events if name == "token.usage"]
    tools = [properties for name, properties in events if name == "tool.called"]
    failed_calls = sum(each.get("modelErrors", 0) for each in usage)
    tool_errors = sum(not each["isSuccess"] for each in tools)
    sessions = {properties["sessionId"] for _, properties in events if "sessionId" in properties}
    tokens = [added(each.get(name) for each in usage) for name in _PROPERTIES]
    return {
        "calls": sum(each.get("modelCalls", 0) for each in usage) + failed_calls,
        "failed_calls": failed_calls,
        "tools": len(tools),
        "tool_errors": tool_errors,
        "failures": failed_calls + tool_errors,
        "runs": sum(properties["agentRuns"] for name, properties in events if name == "session.ended"),
        "workflows": sum(name == "workflow.started" for name, _ in events),
        **dict(zip(TOKENS, tokens, strict=True)),
        "cost": None if any(map(_lacks_cost, usage)) else added(each.get("costUsd") for each in usage),
        "sessions": frozenset(known.get(session, session) for session in sessions),
        "spent": frozenset(line for session in sessions if (line := _spent(events, session, known)) is not None),
    }


def _lacks_cost(usage: Mapping[str, Any]) -> bool:
    """Whether a call has no price, and the event therefore no cost; what failed without tokens costs nothing."""
    return "costUsd" not in usage and (usage.get("modelCalls", 0) > 0 or "totalTokens" in usage)


def _spent(events: list[Told], session: str, known: Mapping[str, str]) -> str | None:
    """What was spent in a session; None where nothing was.

    Its end does not tell of a call that ends later, nor the call itself of a session that is known later.
    """
    inside = [told for told in events if told[1].get("sessionId") == session]
    ended = _figures([properties for name, properties in inside if name == "session.ended"])
    called = _figures([properties for name, properties in inside if name in {"token.usage", "tool.called"}])
    most = [max(one, other) for one, other in zip(ended, called, strict=True)]
    return spent(known.get(session, session), *most) if any(most) else None


def _figures(told: list[Mapping[str, Any]]) -> tuple[int, int, int, int]:
    calls = sum(each.get("modelCalls", 0) + each.get("modelErrors", 0) for each in told)
    tools = sum(each.get("toolCalls", "isSuccess" in each) for each in told)
    given, made = (sum(each.get(name, 0) for each in told) for name in _PROPERTIES[:2])
    return calls, tools, given, made


def references(documents: Iterable[Any]) -> dict[str, str]:
    """Every text and every trace id in the documents, by the reference that a session of that id would have."""
    return {reference(KEY, "session", text): text for document in documents for text in _texts(document)}


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
        yield value.lower()
    elif isinstance(value, list):
        for item in value:  # pyright: ignore[reportUnknownVariableType] - JSON of tests' own data
            yield from _texts(item)
    elif isinstance(value, dict):
        for item in value.values():  # pyright: ignore[reportUnknownVariableType] - the same
            yield from _texts(item)


def body_of(body: bytes) -> Told:
    """The name and the properties of an event as it would be sent."""
    told = json.loads(body)
    return told["event"], told["properties"]
