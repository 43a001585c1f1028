"""Finished spans that wait for the root of their trace: a batch processor hands over children before their parents."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otel_agent_telemetry.pipeline._records import SpanRecord

__all__ = ["Traces"]

MOST_SPANS = 10_000


class Traces:
    """The traces whose root in this process has not ended; of too many spans the oldest trace goes first."""

    def __init__(self) -> None:
        self._spans: dict[int, list[SpanRecord]] = {}
        self._count = 0

    def add(self, record: SpanRecord, *, is_root: bool) -> list[SpanRecord]:
        """Take in a span; the spans of a trace that need not wait any longer, if there is one."""
        self._spans.setdefault(record.trace_id, []).append(record)
        self._count += 1
        if is_root:
            return self._pop(record.trace_id)
        return self._pop(next(iter(self._spans))) if self._count > MOST_SPANS else []

    def take(self) -> list[SpanRecord]:
        """Everything that waits."""
        return [record for trace_id in list(self._spans) for record in self._pop(trace_id)]

    def _pop(self, trace_id: int) -> list[SpanRecord]:
        spans = self._spans.pop(trace_id)
        self._count -= len(spans)
        return spans
