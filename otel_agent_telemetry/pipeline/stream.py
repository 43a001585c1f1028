"""The event stream of one process: a bounded queue, a thread that writes to the ledger, and one that sends from it.

The application's thread only appends to the queue. Leaving the program writes to the ledger and waits for no network.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import weakref
from typing import TYPE_CHECKING

from otel_agent_telemetry import _deadline, _losses, semconv
from otel_agent_telemetry._log import logger as _logger
from otel_agent_telemetry.meaning._records import Fact
from otel_agent_telemetry.pipeline._lasting import Lasting
from otel_agent_telemetry.pipeline._queue import PORTION, Queue
from otel_agent_telemetry.pipeline._writer import EXPIRE_SECONDS, Writer
from otel_agent_telemetry.pipeline._writing_thread import WritingThread

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.sdk.trace import ReadableSpan, Span

    from otel_agent_telemetry.meaning import Meaning
    from otel_agent_telemetry.meaning._ancestry import Tree
    from otel_agent_telemetry.meaning._records import SpanRecord
    from otel_agent_telemetry.pipeline._backlog import Outlet
    from otel_agent_telemetry.pipeline._writer import Item
    from otel_agent_telemetry.pipeline.operator.unrecorded import Unrecorded
    from otel_agent_telemetry.pipeline.tokens import TokenCounters

__all__ = ["EventStream", "flush_all"]


_CONSENT_SECONDS = 0.5
_SYNCHRONOUS_SECONDS = 5.0
_LONGEST_ROUND_SECONDS = 10.0
_ROUND_SECONDS = 1.0  # on the way out, for what is under way: identity and ledger are opened on a busy machine
_SLOW_ROUNDS = 10
_LEAST_PATIENCE_SECONDS = 0.02  # for a ledger that others are at work in, whoever waited for them before


class EventStream:
    """See the module.

    ``allowed`` is asked before anything is kept, ``recordable`` for each thing that happens, when it does: what
    happens after an opt-out is not taken, whenever it would be written, but goes to ``unrecorded``.
    ``open_outlet`` gives None where this process has no identity yet; ``new_counters`` makes what counts tokens,
    ``count_lost`` writes down a loss. ``new_meaning`` makes what reads the spans of a tree.

    ``link`` is told that a span began, and ``leave`` that one that does not matter ended. They are those of
    its :class:`~otel_agent_telemetry.meaning._ancestry.Tree`, without a call between: nearly every span comes here.
    """

    def __init__(
        self,
        *,
        allowed: Callable[[], bool],
        recordable: Callable[[], bool],
        open_outlet: Callable[[], Outlet | None],
        new_counters: Callable[[], TokenCounters],
        count_lost: Callable[[Mapping[str, int]], object],
        debug: bool = False,
        synchronous: bool = False,
        new_meaning: Callable[[Tree], Meaning] | None = None,
        unrecorded: Unrecorded | None = None,
    ) -> None:
        self._allowed = allowed
        self._recordable = recordable
        self._new_writer = lambda: Writer(
            open_outlet=open_outlet,
            new_counters=new_counters,
            count_lost=count_lost,
            debug=debug,
            partial=self.awaits_spans,
            new_meaning=new_meaning,
            rest=self._thread.rest,
        )
        self._unrecorded = unrecorded
        self._synchronous = synchronous
        self.is_live = False
        self._has_exporter = False
        self.is_closed = False
        self.leaving_seconds = 0.0
        self._begin()
        _streams.add(self)

    def _begin(self) -> None:
        """A stream without history: at the start, and again in a forked child, where the parent keeps its own."""
        self._queue = Queue()
        self.lasting = Lasting()
        self._metered: list[Fact] = []
        self._work = threading.RLock()
        self._thread = WritingThread(self.drain, self._wait_seconds)
        self._writer = self._new_writer()
        self._know_spans()

    def _know_spans(self) -> None:
        """Whenever it is another one that knows where spans belong."""
        tree = self._writer.tree
        self.link, self.leave, self._expect = tree.link, tree.leave, tree.expect

    @property
    def awaits_spans(self) -> bool:
        """Whether spans come when they have ended, in batches, children before their parents."""
        return self._has_exporter and not self.is_live

    def await_spans(self, *, more: bool) -> None:
        """An exporter will hand over finished spans, or, without ``more``, has handed over its last."""
        self._has_exporter = more
        if self.awaits_spans:
            self._writer.start_over(partial=True)
            self._know_spans()
        else:
            self.metered([])

    def resume(self) -> None:
        """Send what an earlier run left, whether or not this one has something to tell."""
        if not self._synchronous:
            self._writer.backlog.want_outlet()
            self._thread.wake()

    # The application's thread ---------------------------------------------------------------------------------------

    def started(self, span: Span | SpanRecord) -> None:
        """A lifecycle span of ours began."""
        self._offer(span)

    def ended(self, span: ReadableSpan | SpanRecord, parent_key: int) -> None:
        """A span that matters ended; ``parent_key`` is 0 for none."""
        if parent_key and not self.is_closed:
            self._expect(parent_key)
        self._offer(span)

    def unlink(self, key: int) -> None:
        """A span that does not matter ended, and something that does ended below it."""
        self._offer(key)

    def emit(self, facts: list[Fact]) -> None:
        """Events that no span stands for."""
        for fact in facts:
            self._offer(fact)

    def metered(self, facts: list[Fact]) -> None:
        """What metrics say of model calls: told where no span says it, which an exporter's spans show later."""
        told, self._metered = (self._metered, facts) if self.awaits_spans else ([*self._metered, *facts], [])
        self.drain()
        if not self._writer.has_model_calls:
            self.emit(told)

    def replay(self, records: list[SpanRecord], *, are_last: bool = False) -> None:
        """Finished spans, in the order in which they began and ended; after those that ``are_last`` none comes."""
        if are_last:
            self._writer.tree.be_whole()
        begun = [record for record in records if semconv.AGENT_LIFECYCLE in record.attributes]
        moments = [(record.start_ns, record._replace(end_ns=0)) for record in begun]
        moments += [(record.end_ns, record) for record in records]
        for record in records:
            self.link(record.key, record.parent_key)
        for _, record in sorted(moments, key=lambda moment: (moment[0], moment[1].end_ns)):
            if record.end_ns:
                self.ended(record, record.parent_key)
            else:
                self._offer(record)

    def _offer(self, item: Item) -> None:
        if self.is_closed:
            return
        if self._recordable():
            self._queue.put(item)
        else:
            if self._unrecorded is not None and not isinstance(item, Fact):
                self._unrecorded.put(item)
            if not self._queue.opt_out():
                return
        if self._synchronous:
            self._deliver_now()
        elif not self._thread.wake():
            self.flush(0)

    def flush(self, timeout_seconds: float) -> bool:
        """Put everything into the ledger now, then wait up to that long for it to be sent.

        True if nothing is left to send, or if nothing is to be sent at all. False where something waits in memory,
        because there is no identity yet or the ledger cannot be written now. With 0 the ledger has a moment still.
        """
        try:
            if timeout_seconds > 0:
                self._writer.backlog.try_now()
            with _deadline.Within(timeout_seconds if timeout_seconds > 0 else _deadline.left_of_flush(_patience())):
                if not self.drain(collect=True) or self._writer.backlog.holds:
                    return False
                outlet = self._writer.outlet
                if timeout_seconds <= 0 or outlet is None or outlet.sender is None:
                    return True
                return outlet.sender.wait_until_sent(_deadline.left(timeout_seconds))
        except Exception:
            _logger.debug("events could not be written", exc_info=True)
            return False

    def close(self, *, keeps: bool = False) -> None:
        """Stop for good: everything into the ledger, and what happens from now on is not taken.

        With ``keeps`` nothing more goes into the ledger, so that another stream may take it over.
        """
        if not keeps:
            self.leave_program(timeout_seconds=0)
        self.is_closed = True
        self._thread.end()

    def take_over(self, other: EventStream) -> None:
        """Tell what another stream, which is closed, had still to tell."""
        if not other._work.acquire(timeout=_ROUND_SECONDS):  # its thread may be at its last round
            return
        try:
            self._queue.take_over(other._queue)
            self.lasting.take_over(other.lasting)
            self._writer.take_over(other._writer)
            self._know_spans()
        finally:
            other._work.release()
        if self._queue or self._writer.backlog.holds:
            self._thread.wake()

    def leave_program(self, *, timeout_seconds: float = 0.2) -> None:
        """Everything into the ledger; only where that does not outlive the program, a moment for sending.

        What still happens, in somebody's exit handler or in an exporter that is flushed last, is written at once.
        """
        began = time.monotonic()
        try:
            if self._holds_work():
                try:
                    with _deadline.Within(_ROUND_SECONDS), _deadline.Leaving():
                        self.drain(collect=True, leaving=True)
                finally:
                    self._work.release()
            else:
                self._writer.abandon(self._queue.empty())  # our own thread is at work in it, and does not end
            outlet = self._writer.outlet
            if outlet is not None and outlet.sender is not None:
                if not outlet.durable:
                    with _deadline.Within(timeout_seconds):
                        outlet.sender.wait_until_sent(timeout_seconds)
                with _deadline.Within(timeout_seconds + _LEAST_PATIENCE_SECONDS), _deadline.Leaving():
                    outlet.sender.leave()
        except Exception:
            _logger.debug("events could not be written at exit", exc_info=True)
        self._thread.retire()
        self.leaving_seconds = time.monotonic() - began

    def _holds_work(self) -> bool:
        """Whether whoever leaves may write now, in place of our own thread.

        That one lets go in a moment of what another process holds. On a machine that has too much to do a round takes
        its time, most of all the first one, which imports what it needs: as long as it gets on it is waited for, but
        not where it stands still.
        """
        for _ in range(_SLOW_ROUNDS):
            before = self._thread.rests, len(sys.modules)
            with _deadline.Within(_ROUND_SECONDS), _deadline.Leaving():
                if self._work.acquire(timeout=_deadline.left(_ROUND_SECONDS)):
                    return True
            _deadline.give_others_a_new_moment()
            if (self._thread.rests, len(sys.modules)) == before:
                return False
        return False

    # The writing thread ------------------------------------------------------------------------------------------

    def _wait_seconds(self) -> float | None:
        """Until something falls due; while something is pending, consent is asked for again and again."""
        outlet = self._writer.outlet
        waits = [self._writer.wait_seconds, EXPIRE_SECONDS if self.lasting else None]
        if outlet is not None and outlet.ledger.has_pending:
            waits.append(_CONSENT_SECONDS)
        return min((wait for wait in waits if wait is not None), default=None)

    def drain(self, *, collect: bool = False, leaving: bool = False) -> bool:
        """Everything that is queued, into the ledger, and the sender told. No network; safe from any thread.

        False where another thread is at it, and the time that is left does not suffice.
        """
        is_last = False
        while not is_last:
            if not self._work.acquire(timeout=_deadline.left(_LONGEST_ROUND_SECONDS)):
                return False
            try:
                is_last = self.is_closed or len(self._queue) <= PORTION
                if not self.is_closed:
                    self._drain(collect=collect and is_last, leaving=leaving and is_last)
            finally:
                self._work.release()
        return True

    def _drain(self, *, collect: bool, leaving: bool) -> None:
        if not self._allowed():
            self._forget(len(self._queue.empty()))
            return
        items, lost = self._queue.take()
        if lost is not None:
            self._forget(lost)
        if leaving or self._writer.looks_back:
            items += self.lasting.take()  # whose end, if any, comes after what was taken from the queue
        self._writer.write(items, collect=collect, leaving=leaving)
        outlet = self._writer.outlet
        sends = not (leaving or self._synchronous or self._thread.is_retired)
        if sends and outlet is not None and outlet.sender is not None:
            outlet.sender.wake()

    def _forget(self, lost: int) -> None:
        """Consent was taken back: what was queued then, and what is pending in the ledger, goes."""
        if lost:
            _losses.count("opted_out", lost)
        self.lasting = Lasting()
        self._writer.forget(partial=self.awaits_spans)
        self._know_spans()

    def _deliver_now(self) -> None:
        """One offer all the way, for the synchronous mode: the ledger, and one attempt to send."""
        try:
            with _deadline.Within(_SYNCHRONOUS_SECONDS), self._work:
                self.drain(collect=True)
                outlet = self._writer.outlet
                if outlet is not None and outlet.sender is not None:
                    outlet.sender.send_now(_SYNCHRONOUS_SECONDS)
        except Exception:
            _losses.count("pipeline_error")
            _logger.debug("an event could not be delivered at once", exc_info=True)

    def after_fork(self) -> None:
        """In a forked child: the parent's queue, open spans, counts and connection stay the parent's."""
        self._begin()


def _patience() -> float:
    """What others who are at work in the ledger get until they are done; less where they had it already."""
    return max(_LEAST_PATIENCE_SECONDS, _ROUND_SECONDS - (_deadline.held_up_seconds() or 0))


_streams: weakref.WeakSet[EventStream] = weakref.WeakSet()


def flush_all() -> None:
    """Put into its ledger what every stream of this process has, the libraries' own too."""
    for stream in list(_streams):
        stream.flush(0)


def _begin_again_in_child() -> None:
    for stream in list(_streams):
        stream.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_again_in_child)
