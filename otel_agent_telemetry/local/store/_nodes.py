"""A span of the traces that are settled together, and the verdict on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from otel_agent_telemetry.local.store._steps import SPENT

if TYPE_CHECKING:
    from otel_agent_telemetry.meaning import Place, Said

__all__ = ["FIGURES", "Node"]

FIGURES = {
    "input": "input_tokens",
    "output": "output_tokens",
    "cache_read": "cache_read_tokens",
    "cache_write": "cache_write_tokens",
    "reasoning": "reasoning_tokens",
    "cost": "cost_usd",
}
"""Column of ``steps`` -> figure of a call."""


@dataclass(slots=True)
class Node:
    """A span of the traces that are settled together, and the verdict on it."""

    id: int
    trace: int
    place: Place
    is_error: bool
    stored: tuple[object, ...]
    counted: bool = False
    spends: int = 0
    speaker: int | None = None
    kind: str | None = None
    model: str | None = None
    provider: str | None = None
    agent: str | None = None
    session: str | None = None
    user: str | None = None
    has_failed_below: bool = False
    harness: str | None = None
    origin: int = 0

    @property
    def said(self) -> Said | None:
        """What the span says."""
        return self.place.said

    @property
    def verdict(self) -> tuple[object, ...]:
        """What is written, in the order of the columns."""
        seen = (int(self.counted), self.spends, self.speaker)
        return (*seen, self.kind, self.model, self.provider, self.agent, self.session, self.user)

    @property
    def has_failed(self) -> bool:
        """Whether this is where something failed, and no span that repeats it."""
        return self.is_error and not self.has_failed_below and (self.said is None or self.counted)

    def sum_of(self, column: str) -> float | None:
        """What is spent here."""
        return getattr(self.said, FIGURES[column]) if self.spends & SPENT[column] else None
