"""What is on its way into the ledger: held in memory for as long as there is no identity, or no ledger that takes it.

Token counts go into the ledger as they stand with each write, and are an event once their interval is over; so do the
calls below a run that is still open, until it ends.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

from otel_agent_telemetry import _losses
from otel_agent_telemetry._imports import importing
from otel_agent_telemetry._log import logger as _logger
from otel_agent_telemetry.errors import LedgerError
from otel_agent_telemetry.pipeline._notes import Notes
from otel_agent_telemetry.pipeline.sending._counts import Count

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from otel_agent_telemetry.meaning._records import Fact, Usage
    from otel_agent_telemetry.pipeline.sending._sender import Sender
    from otel_agent_telemetry.pipeline.sending.ledger import Ledger, Row
    from otel_agent_telemetry.pipeline.tokens import Standing, TokenCounters

__all__ = ["Backlog", "Outlet"]


TOKEN_INTERVAL_SECONDS = 60.0
MOST_HELD = 10_000
_ROWS_AT_ONCE, _FEWEST_ROWS_AT_ONCE = 1_000, 10
_STRETCH = 16
_SHORTEST_WAIT_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 10.0


class Outlet(Protocol):
    """What is needed once there is something to write; opened then, not before."""

    ledger: Ledger
    sender: Sender | None
    durable: bool

    def rows(self, facts: Collection[Fact]) -> list[Row]:
        """What the ledger keeps of these."""
        ...

    def is_current(self) -> bool:
        """Whether identity and ledger are still those that are stored: ``agent-telemetry forget`` deletes both."""
        ...

    def close(self) -> None:
        """Send nothing more, and let go of the ledger."""
        ...


class Backlog:
    """See the module. Not for two threads at once."""

    def __init__(
        self,
        *,
        open_outlet: Callable[[], Outlet | None],
        new_counters: Callable[[], TokenCounters],
        count_lost: Callable[[Mapping[str, int]], object],
        debug: bool,
        rest: Callable[[], object],
    ) -> None:
        self._open_outlet = open_outlet
        self._new_counters = new_counters
        self._count_lost = count_lost
        self._debug = debug
        self._rest = rest
        self._awaits_outlet = False
        self._outlet_tries = _Tries()
        self._ledger_tries = _Tries()
        self._facts: deque[Fact] = deque()
        self._rows: deque[Row] = deque()
        self._rows_at_once = _ROWS_AT_ONCE
        self._notes = Notes()
        self._tokens: TokenCounters | None = None
        self._has_uncounted = self._is_abandoned = False
        self._interval_began = 0.0
        self._next_collect = 0.0
        self.outlet: Outlet | None = None

    @property
    def holds(self) -> int:
        """How many events wait in memory, for an identity or for a ledger that cannot be written now."""
        return len(self._facts) + len(self._rows) + len(self._notes.told) + int(self._has_uncounted)

    def nexts(self) -> list[float]:
        """The moments, by the monotonic clock, at which something is to be done."""
        if self.outlet is None and (self.holds or self._awaits_outlet):
            return [self._outlet_tries.next_at]
        if self.holds or self._notes:
            return [self._ledger_tries.next_at]
        return [self._next_collect] if self._next_collect else []

    def want_outlet(self) -> None:
        """Open the outlet with the next write, also where there is nothing to write: an earlier run left something."""
        self._awaits_outlet = True

    def try_now(self) -> None:
        """Do not wait any longer for an identity or a ledger that was not there."""
        self._outlet_tries.next_at = self._ledger_tries.next_at = 0.0

    def count(self, usage: Usage) -> None:
        """Count a model call until the interval is over."""
        if self._tokens is None:
            with importing:
                self._tokens = self._new_counters()
        if not self._next_collect:
            self._next_collect = time.monotonic() + TOKEN_INTERVAL_SECONDS
            self._interval_began = time.time()
        self._tokens.add(usage, self._notes.settle(usage.key, "token.usage"))
        self._has_uncounted = True

    def note(self, call: Fact | Usage) -> None:
        """A call or a run below one that is still open, as it would be told now."""
        if not self._debug:
            self._notes.add(call)

    def withdraw(self, key: int) -> None:
        """A run that was noted is told of otherwise."""
        self._notes.withdraw(key)

    def keep(self, facts: Iterable[Fact], *, ends_interval: bool = False, leaving: bool = False) -> None:
        """These events, what is held, and the counts: into the ledger, as far as that can be done now."""
        if leaving:
            self.try_now()
        self._hold(self._facts, self._notes.rest(facts), "no_identity")
        is_over = ends_interval or bool(self._next_collect and time.monotonic() >= self._next_collect)
        self._keep(is_over=is_over, leaving=leaving)
        if leaving:
            self._set_down()
            self._count_losses(self.holds)
            self.forget()

    def abandon(self, more: int) -> None:
        """The program ends while another thread is at work here: what it has in hand, and so many more, is lost."""
        self._is_abandoned = True
        self._count_losses(self.holds + more)

    def _count_losses(self, number: int) -> None:
        lost = _losses.take() if number or self.outlet is not None else {}
        if number:
            _logger.warning("%d events were lost: there was no ledger that takes them, or no identity", number)
            lost["ledger_unavailable"] = lost.get("ledger_unavailable", 0) + number
        if lost:
            with suppress(LedgerError):
                self._count_lost(lost)

    def _set_down(self) -> None:
        """Put beside the ledger, which others hold, what is ready to be written: whoever opens it next takes it up."""
        outlet = self.outlet
        if outlet is None or not (outlet.durable and self.holds) or self._facts:
            return
        standing = [] if self._tokens is None else self._tokens.standing(changed=True)
        grown = [(count.fact, count.before) for count in standing]
        grown += [(fact, (before,)) for fact, before in self._notes.told]
        events: list[tuple[Row, tuple[str, ...]]] = [(row, ()) for row in self._rows]
        events += [(row, before) for fact, before in grown for row in outlet.rows([fact])]
        losses = _losses.take()
        try:
            outlet.ledger.set_down(events, void=self._notes.gone, losses=losses)
        except (LedgerError, OSError):
            for reason, number in losses.items():
                _losses.count(reason, number)
        else:
            self.forget()

    def take_over(self, other: Backlog) -> None:
        """Hold what another one holds that is not in the words of its product yet."""
        self._facts, self._tokens = other._facts, other._tokens
        self._has_uncounted, self._next_collect = other._has_uncounted, other._next_collect
        self._interval_began = other._interval_began

    def forget(self) -> None:
        """Consent was taken back: what waits goes."""
        self._facts.clear()
        self._rows.clear()
        self._notes = Notes()
        self._tokens = None
        self._has_uncounted = False
        self._next_collect = 0.0

    def _keep(self, *, is_over: bool, leaving: bool) -> None:
        waits = bool(self._facts or self._rows or self._notes or self._next_collect)
        if not (waits or (self._awaits_outlet and not leaving)):
            if leaving and self.outlet is not None:
                self._append(self.outlet, [])
            return
        outlet = self._open()
        if outlet is None:
            return
        self._hold(self._rows, self._encoded(outlet), "ledger_unavailable")
        self._facts.clear()
        standing = [] if self._tokens is None else self._tokens.standing(changed=not is_over)
        if self._debug:
            self._show(standing if is_over else [], outlet)
        elif not (is_over or self._ledger_tries.are_due) or not self._append(outlet, standing, is_over=is_over):
            return  # and whoever leaves the program sets it down
        if is_over and self._tokens is not None:
            self._tokens.start_over()
            self._next_collect = 0.0

    def _encoded(self, outlet: Outlet) -> Iterator[Row]:
        facts = [*self._facts]
        for first in range(0, len(facts), _STRETCH):
            if first:
                self._rest()
            yield from outlet.rows(facts[first : first + _STRETCH])

    def _show(self, standing: list[Standing], outlet: Outlet) -> None:
        for _, body, *_ in [*self._rows, *outlet.rows([count.fact for count in standing])]:
            sys.stderr.write(body.decode() + "\n")
        self._rows.clear()

    def _append(self, outlet: Outlet, standing: list[Standing], *, is_over: bool = False) -> bool:
        """One transaction; False where the ledger does not take it, and then nothing has changed."""
        due_at = None if is_over else self._interval_began + 1.5 * TOKEN_INTERVAL_SECONDS
        counts = [(count, Count(row, count.before, due_at)) for count in standing for row in outlet.rows([count.fact])]
        notes = self._notes.counts(lambda fact: outlet.rows([fact]))
        if self._is_abandoned:
            return False
        losses = _losses.take()
        try:
            while len(self._rows) > self._rows_at_once:  # on a disk that is nearly full, as many as fit
                first = [*islice(self._rows, self._rows_at_once)]
                outlet.ledger.append(first)
                for _ in first:
                    self._rows.popleft()
                if self._rows_at_once < _ROWS_AT_ONCE:
                    outlet.ledger.reclaim()  # while there is room for that: many small transactions make a long log
            taken = outlet.ledger.append(
                [*self._rows],
                counts=[*(count for _, count in counts), *notes.values()],
                void=self._notes.gone,
                losses=losses,
            )
        except LedgerError as error:
            for reason, number in losses.items():
                _losses.count(reason, number)
            if outlet.ledger.is_full(error) and self._rows_at_once > _FEWEST_ROWS_AT_ONCE:
                self._rows_at_once = max(_FEWEST_ROWS_AT_ONCE, self._rows_at_once // 4)
                outlet.ledger.reclaim()
                return self._append(outlet, standing, is_over=is_over)
            self._ledger_tries.failed()
            self._next_collect = time.monotonic() if is_over and counts else self._next_collect
            _logger.debug("%d events wait in memory: %s", self.holds, error)
            return False
        self._rows.clear()
        self._rows_at_once = _ROWS_AT_ONCE
        self._notes.written(notes)
        self._has_uncounted = False
        self._ledger_tries.succeeded()
        return self._settle(outlet, counts, taken, is_over=is_over)

    def _settle(self, outlet: Outlet, counts: list[tuple[Standing, Count]], taken: set[str], *, is_over: bool) -> bool:
        """Note which counts are in the ledger; of those that somebody made events of, write what came after."""
        if self._tokens is None:
            return True
        for standing, count in counts:
            if taken.intersection(count.before):
                self._tokens.taken(standing.about, taken)
            else:
                self._tokens.written(standing.about, count.row[3])
        if not any(taken.intersection(count.before) for _, count in counts):
            return True
        return self._append(outlet, self._tokens.standing(changed=True), is_over=is_over)

    def _open(self) -> Outlet | None:
        """The outlet; None where there is no identity yet (a worker may be up before its server) or no ledger."""
        if self.outlet is not None and not self.outlet.is_current():
            self.outlet.close()
            self.outlet = None
            self._rows.clear()  # written under an id that is to be forgotten
            self._notes = Notes()
        if self.outlet is None and self._outlet_tries.are_due:
            try:
                with importing:
                    self.outlet = self._open_outlet()
            except LedgerError as error:
                _logger.debug("%d events wait in memory: %s", self.holds, error)
            if self.outlet is None:
                self._outlet_tries.failed()
        self._awaits_outlet = self._awaits_outlet and self.outlet is None
        return self.outlet

    def _hold(self, held: deque[Any], more: Iterable[object], reason: str) -> None:
        held.extend(more)
        if len(held) > MOST_HELD:
            _losses.count(reason, len(held) - MOST_HELD)
            while len(held) > MOST_HELD:
                held.popleft()


class _Tries:
    """When to try again what has failed: after half a second, then ever later, up to ten seconds."""

    def __init__(self) -> None:
        self.next_at = 0.0
        self._wait = _SHORTEST_WAIT_SECONDS

    @property
    def are_due(self) -> bool:
        return time.monotonic() >= self.next_at

    def failed(self) -> None:
        self.next_at = time.monotonic() + self._wait
        self._wait = min(2 * self._wait, _LONGEST_WAIT_SECONDS)

    def succeeded(self) -> None:
        self._wait = _SHORTEST_WAIT_SECONDS
