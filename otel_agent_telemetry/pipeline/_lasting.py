"""Spans of ours that say nothing before they end: most are over at once, and their beginning is nobody's work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_agent_telemetry import semconv as names
from otel_agent_telemetry.pipeline._span_record import begun

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from opentelemetry.sdk.trace import Span

    from otel_agent_telemetry.meaning._records import SpanRecord

__all__ = ["SILENT", "Lasting"]

SILENT = frozenset({names.LIFECYCLE_TOOL, names.LIFECYCLE_AGENT, names.LIFECYCLE_MODEL_CALL})
_MOST = 10_000


class Lasting:
    """The open ones, by key, each with its parent's id and all that it was given. Any thread may add and take one."""

    def __init__(self) -> None:
        self._open: dict[int, tuple[Span, int, Mapping[str, Any]]] = {}

    def __bool__(self) -> bool:
        return bool(self._open)

    def add(self, key: int, span: Span, parent_id: int, given: Mapping[str, Any]) -> None:
        """One began; of more than 10,000 no more are kept, and those that never end are never told of."""
        if len(self._open) < _MOST:
            self._open[key] = span, parent_id, given

    def over(self, key: int) -> None:
        """One is about to end."""
        self._open.pop(key, None)

    def take(self) -> list[SpanRecord]:
        """The beginnings of those that are open, each once."""
        found = self._open.copy()
        for key in found:
            self._open.pop(key, None)
        return [begun(*each) for each in found.values()]

    def take_over(self, other: Lasting) -> None:
        """Go on with another one's."""
        self._open.update(other._open)
