"""How long the first piece of a streamed answer took, in the words of each dialect."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["ATTRIBUTES", "EVENTS", "first_chunk_seconds"]

ATTRIBUTES = {
    "gen_ai.response.time_to_first_chunk": 1.0,  # GenAI conventions
    "gen_ai.client.operation.time_to_first_chunk": 1.0,  # Pydantic AI
    "gen_ai.server.time_to_first_token": 1.0,  # Strands gives whole milliseconds
    "ai.response.msToFirstChunk": 0.001,  # AI SDK
    "ttft_ms": 0.001,  # Claude Code, Qwen Code
}
"""Attribute -> the seconds that its unit has."""

EVENTS = frozenset({"First Token Stream Event", "ai.stream.firstChunk"})
"""Span events at that moment: OpenInference, AI SDK."""

_MILLISECONDS_IF_WHOLE = "gen_ai.server.time_to_first_token"


def first_chunk_seconds(names: Iterable[str], attributes: Mapping[str, object]) -> float | None:
    """Seconds from the call's start, by the first of these attributes that says it; None where none does."""
    for name in names:
        value = attributes[name]
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value) or value < 0:
            continue
        is_whole = isinstance(value, int) and name == _MILLISECONDS_IF_WHOLE
        return value * (0.001 if is_whole else ATTRIBUTES[name])
    return None
