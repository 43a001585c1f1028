"""Calls and runs below what is still open: as each would be told now it stands in the ledger, until it is told."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeAlias

from otel_agent_telemetry.meaning import Fact
from otel_agent_telemetry.pipeline.sending._counts import Count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from otel_agent_telemetry.meaning import Usage
    from otel_agent_telemetry.pipeline.sending.ledger import Row

__all__ = ["Notes"]

_Key: TypeAlias = "tuple[int, str]"
_WAIT_SECONDS = 1_800.0  # twice what a call may wait for its session; then any process tells it as it stands


class Notes:
    """``new`` are to be written, ``told`` take the place of what was, ``gone`` are the ledger's keys of what is void.

    What is noted is known by its span and its event: a run has several.
    """

    def __init__(self) -> None:
        self.new: dict[_Key, Fact] = {}
        self.told: list[tuple[Fact, str]] = []
        self.gone: list[str] = []
        self._written: dict[_Key, str] = {}

    def __bool__(self) -> bool:
        return bool(self.new or self.told or self.gone)

    def add(self, call: Fact | Usage) -> None:
        """Note a call, or an event of a run."""
        if not isinstance(call, Fact):
            from otel_agent_telemetry.meaning._token_usage import token_usage  # loaded, as somebody read the call

            call = token_usage([call])[0]._replace(key=call.key)
        self.new[call.key, call.event] = call

    def settle(self, key: int, event: str) -> str | None:
        """A call is told; gives what it stands under in the ledger, None where it does not."""
        self.new.pop((key, event), None)
        return self._written.pop((key, event), None)

    def withdraw(self, key: int) -> None:
        """A run is told of otherwise."""
        for each in [each for each in self.new if each[0] == key]:
            del self.new[each]
        self.gone += [self._written.pop(each) for each in [each for each in self._written if each[0] == key]]

    def rest(self, facts: Iterable[Fact]) -> list[Fact]:
        """Those of the facts that take no note's place."""
        rest: list[Fact] = []
        for fact in facts:
            before = self.settle(fact.key, fact.event) if fact.key else None
            if before is None:
                rest.append(fact)
            else:
                self.told.append((fact, before))
        return rest

    def counts(self, encoded: Callable[[Fact], list[Row]]) -> dict[_Key, Count]:
        """What is to be written; that of ``told`` has numbers below 0."""
        due_at = time.time() + _WAIT_SECONDS
        counts = {key: Count(row, (), due_at) for key, fact in self.new.items() for row in encoded(fact)}
        for at, (fact, before) in enumerate(self.told):
            counts.update(((-1 - at, ""), Count(row, (before,), None)) for row in encoded(fact))
        return counts

    def written(self, counts: dict[_Key, Count]) -> None:
        """All that is in the ledger."""
        self._written.update((key, count.row[3]) for key, count in counts.items() if key[0] > 0)
        self.new.clear()
        self.told.clear()
        self.gone.clear()
