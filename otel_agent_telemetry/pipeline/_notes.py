"""Calls whose run is still open: what each would be told as stands in the ledger until it is told."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from otel_agent_telemetry.meaning import Fact
from otel_agent_telemetry.meaning._token_usage import token_usage
from otel_agent_telemetry.pipeline.sending.ledger import Count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from otel_agent_telemetry.meaning import Usage
    from otel_agent_telemetry.pipeline.sending.ledger import Row

__all__ = ["Notes"]

_WAIT_SECONDS = 1_800.0  # twice what a call may wait for its session; then any process tells it as it stands


class Notes:
    """``new`` are to be written, ``told`` take the place of what was; calls by the key of their span."""

    def __init__(self) -> None:
        self.new: dict[int, Fact] = {}
        self.told: list[tuple[Fact, str]] = []
        self._written: dict[int, str] = {}

    def __bool__(self) -> bool:
        return bool(self.new or self.told)

    def add(self, call: Fact | Usage) -> None:
        """Note a call."""
        self.new[call.key] = call if isinstance(call, Fact) else token_usage([call])[0]

    def settle(self, key: int) -> str | None:
        """A call is told; gives what it stands under in the ledger, None where it does not."""
        self.new.pop(key, None)
        return self._written.pop(key, None)

    def rest(self, facts: Iterable[Fact]) -> list[Fact]:
        """Those of the facts that take no note's place."""
        rest: list[Fact] = []
        for fact in facts:
            before = self.settle(fact.key) if fact.key else None
            if before is None:
                rest.append(fact)
            else:
                self.told.append((fact, before))
        return rest

    def counts(self, encoded: Callable[[Fact], list[Row]]) -> dict[int, Count]:
        """What is to be written; that of ``told`` has numbers below 0."""
        due_at = time.time() + _WAIT_SECONDS
        counts = {key: Count(row, (), due_at) for key, fact in self.new.items() for row in encoded(fact)}
        for at, (fact, before) in enumerate(self.told):
            counts.update((-1 - at, Count(row, (before,), None)) for row in encoded(fact))
        return counts

    def written(self, counts: dict[int, Count]) -> None:
        """All that is in the ledger."""
        self._written.update((key, count.row[3]) for key, count in counts.items() if key > 0)
        self.new.clear()
        self.told.clear()
