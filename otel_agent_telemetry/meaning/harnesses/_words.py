"""Words of the conventions by short names, and how coding agents write what several of them have."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from otel_agent_telemetry import semconv

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["WORDS", "code", "count", "finish_of", "fresh_tokens", "is_no", "text"]

WORDS = {
    "operation": semconv.GEN_AI_OPERATION_NAME,
    "agent": semconv.GEN_AI_AGENT_NAME,
    "tool": semconv.GEN_AI_TOOL_NAME,
    "call_id": semconv.GEN_AI_TOOL_CALL_ID,
    "model": semconv.GEN_AI_REQUEST_MODEL,
    "provider": semconv.GEN_AI_PROVIDER_NAME,
    "response_id": semconv.GEN_AI_RESPONSE_ID,
    "input": semconv.GEN_AI_USAGE_INPUT_TOKENS,
    "output": semconv.GEN_AI_USAGE_OUTPUT_TOKENS,
    "cache_read": semconv.GEN_AI_USAGE_CACHE_READ,
    "cache_write": semconv.GEN_AI_USAGE_CACHE_WRITE,
    "reasoning": semconv.GEN_AI_USAGE_REASONING,
    "cost": semconv.AGENT_COST_USD,
    "error": semconv.ERROR_TYPE,
    "outcome": semconv.AGENT_OUTCOME,
    "session": semconv.GEN_AI_CONVERSATION_ID,
}
_ASKS = frozenset({"tool_use", "tool_calls", "tool-calls", "tool", "function_call"})
_MOST_DIGITS = 15


def text(attributes: Mapping[str, object], *keys: str) -> str | None:
    """The first of these that is a text; some programs give a number the same name."""
    found = (attributes.get(key) for key in keys)
    return next((value for value in found if isinstance(value, str) and value), None)


def count(attributes: Mapping[str, object], key: str) -> int:
    """A number, which some programs write as text; 0 where there is none."""
    value = attributes.get(key)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS:
        return int(value)
    return max(value, 0) if type(value) is int else 0


def is_no(attributes: Mapping[str, object], key: str) -> bool:
    """Whether a truth value, which some programs write as text, is said to be false."""
    value = attributes.get(key)
    return value is False or value == "false"


def code(attributes: Mapping[str, object], *keys: str) -> str | None:
    """An HTTP status as the type of an error."""
    found = (count(attributes, key) for key in keys)
    return next((str(value) for value in found if value), None)


def finish_of(attributes: Mapping[str, object], *keys: str) -> str | None:
    """How an answer ended: ``tool`` where it asks for one, ``error``, else ``ok``; None where nothing is said."""
    for key in keys:
        value = attributes.get(key)
        listed = cast("Sequence[object]", value) if isinstance(value, (list, tuple)) else (value,)
        last = listed[-1] if listed else None
        if isinstance(last, str):
            return "tool" if last in _ASKS else last if last == semconv.OUTCOME_ERROR else semconv.OUTCOME_OK
    return None


def fresh_tokens(given: Mapping[str, object]) -> dict[str, object]:
    """Tokens as Claude Code writes them: its input leaves out what was read from the cache and written to it."""
    read, written = count(given, "cache_read_tokens"), count(given, "cache_creation_tokens")
    return {
        "input": count(given, "input_tokens") + read + written,
        "output": count(given, "output_tokens"),
        "cache_read": read,
        "cache_write": written,
    }
