"""From what happened to the events and the counts that it becomes. No network, no thread."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeAlias

from opentelemetry.sdk.trace import Span

from otel_agent_telemetry import _losses
from otel_agent_telemetry._background import background
from otel_agent_telemetry._imports import importing
from otel_agent_telemetry._log import logger as _logger
from otel_agent_telemetry.meaning._ancestry import Tree
from otel_agent_telemetry.meaning._records import Fact
from otel_agent_telemetry.pipeline import _span_record
from otel_agent_telemetry.pipeline._backlog import Backlog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from otel_agent_telemetry.meaning import Meaning
    from otel_agent_telemetry.meaning._records import Usage
    from otel_agent_telemetry.pipeline._backlog import Outlet
    from otel_agent_telemetry.pipeline.tokens import TokenCounters

__all__ = ["EXPIRE_SECONDS", "Item", "Writer"]


EXPIRE_SECONDS = 60.0
_STRETCH = 8

Item: TypeAlias = "_span_record.Item | Fact"
"""What happened to a span, or an event."""


class Writer:
    """The state between spans and ledger. Not for two threads at once, but for the quick calls of ``tree``.

    ``new_meaning`` makes what reads the spans of a tree, once there is one: a program starts without it. ``rest`` is
    called after every few items.
    """

    def __init__(
        self,
        *,
        open_outlet: Callable[[], Outlet | None],
        new_counters: Callable[[], TokenCounters],
        count_lost: Callable[[Mapping[str, int]], object],
        debug: bool,
        partial: bool,
        new_meaning: Callable[[Tree], Meaning] | None = None,
        rest: Callable[[], object] = lambda: None,
    ) -> None:
        self.backlog = Backlog(
            open_outlet=open_outlet, new_counters=new_counters, count_lost=count_lost, debug=debug, rest=rest
        )
        self._rest = rest
        self._next_expire = 0.0
        self._in_hand: Sequence[Item] = ()
        self._new_meaning = new_meaning or _meaning
        self.start_over(partial=partial)

    @property
    def meaning(self) -> Meaning:
        """What reads the spans."""
        if self._known is None:
            with importing:
                from otel_agent_telemetry.meaning._prices import read_aside

                read_aside(lambda read: background("agent-telemetry-prices", read))
                self._known = self._new_meaning(self.tree)
        return self._known

    @property
    def has_model_calls(self) -> bool:
        """Whether a span stood for a model call."""
        return self._known is not None and self._known.has_model_calls

    @property
    def outlet(self) -> Outlet | None:
        """Where events go; None as long as there was nothing to write, or no identity."""
        return self.backlog.outlet

    @property
    def looks_back(self) -> bool:
        """Whether the next write looks for what has been open for too long."""
        return time.monotonic() >= self._next_expire

    @property
    def wait_seconds(self) -> float | None:
        """How long nothing needs to be done if nothing happens; None for ever."""
        nexts = self.backlog.nexts()
        if self._known is not None and self._known.is_open:
            nexts.append(self._next_expire)
        return min((max(0.01, at - time.monotonic()) for at in nexts), default=None)

    def write(self, items: Sequence[Item], *, collect: bool = False, leaving: bool = False) -> None:
        """Put into the ledger what the items become; with ``collect`` also what waits for its interval.

        What cannot be written now is held, and tried again with a later call. ``leaving`` ends what is still open, as
        unknown.
        """
        self._in_hand = items
        facts = self._map(items)
        if self._known is not None:
            facts += self._found(self._known, collect=collect, leaving=leaving)
        ended = any(fact.event == "session.ended" for fact in facts)
        self._in_hand = ()
        self.backlog.keep(facts, ends_interval=collect or ended, leaving=leaving)

    def _found(self, meaning: Meaning, *, collect: bool, leaving: bool) -> list[Fact]:
        """What time or the end of the program makes known."""
        facts: list[Fact] = []
        if leaving:
            facts += self._facts_of(meaning.close(time.time_ns()))
        elif collect:
            facts += self._facts_of(meaning.release())
        if self.looks_back:
            self._next_expire = time.monotonic() + EXPIRE_SECONDS
            facts += self._facts_of(meaning.expire(time.time_ns()))
        for call in meaning.noted():
            self.backlog.note(call)
        for key in meaning.withdrawn():
            self.backlog.withdraw(key)
        return facts

    def _map(self, items: Iterable[Item]) -> list[Fact]:
        facts: list[Fact] = []
        for at, item in enumerate(items, 1):
            if at % _STRETCH == 0:
                self._rest()
            try:
                if isinstance(item, Fact):
                    facts.append(item)
                else:
                    facts += self._facts_of(_span_record.tell(self._known or self.meaning, item))
            except Exception:
                _losses.count("mapping_error")
                _logger.debug("a span could not be mapped to events", exc_info=True)
        return facts

    def _facts_of(self, mapped: list[Fact | Usage]) -> list[Fact]:
        facts: list[Fact] = []
        for item in mapped:
            if isinstance(item, Fact):
                facts.append(item)
            else:
                self.backlog.count(item)
        return facts

    def take_over(self, other: Writer) -> None:
        """Go on with what another one knows of spans, and with what it holds."""
        self.tree, self._known = other.tree, other._known
        self.backlog.take_over(other.backlog)
        if other.outlet is not None:
            other.outlet.close()

    def abandon(self, items: Iterable[Item]) -> None:
        """The program ends, another thread is at work here, and nobody came to these: each was an event at least."""
        self.backlog.abandon(sum(not isinstance(item, (Span, int)) for item in (*self._in_hand, *items)))

    def start_over(self, *, partial: bool) -> None:
        """Know of no span; with ``partial`` a parent that is unknown may still come."""
        self.tree = Tree(partial=partial)
        self._known: Meaning | None = None

    def forget(self, *, partial: bool) -> None:
        """Consent was taken back: what was begun is not told, and what is pending in the ledger goes."""
        self.start_over(partial=partial)
        self.backlog.forget()
        if self.outlet is not None:
            self.outlet.ledger.delete_pending()


def _meaning(tree: Tree) -> Meaning:
    from otel_agent_telemetry.meaning import Meaning

    return Meaning(tree=tree)
