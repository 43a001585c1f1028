"""The event stream of one process: a bounded queue, and a thread that maps, anonymises, writes and sends.

The application's thread only appends to the queue. The stream's thread puts events into the ledger and sends what is
pending there; leaving the program writes to the ledger and waits for no network.
"""

from __future__ import annotations

import contextvars
import logging
import os
import secrets
import sys
import threading
import time
import weakref
from collections import deque
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, TypeAlias

from otel_agent_telemetry import _losses, semconv
from otel_agent_telemetry.pipeline._records import Fact, SpanRecord, Usage
from otel_agent_telemetry.pipeline.dialect import CONTENT_TYPE, encode
from otel_agent_telemetry.pipeline.exporter import ProxyMetricExporter
from otel_agent_telemetry.pipeline.mapping import Mapping
from otel_agent_telemetry.pipeline.tokens import TokenCounters

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_agent_telemetry.pipeline.anonymise import Anonymiser
    from otel_agent_telemetry.pipeline.dialect import Envelope
    from otel_agent_telemetry.pipeline.ledger import Ledger
    from otel_agent_telemetry.pipeline.uploader import Uploader

__all__ = ["EventStream", "Outlet"]

_logger = logging.getLogger("otel_agent_telemetry")

LONGEST_QUEUE = 10_000
TOKEN_INTERVAL_SECONDS = 60.0
_LINGER_SECONDS = 0.02  # gathers what happens together into one transaction
_CONSENT_TICK_SECONDS = 0.5
_EXPIRE_SECONDS = 60.0
_SYNCHRONOUS_SECONDS = 5.0
_LIFECYCLE = semconv.AGENT_LIFECYCLE

Offer: TypeAlias = "SpanRecord | Fact | int"
"""A span that began (no end) or ended, an event, or the id of a span that is gone."""


class Outlet(Protocol):
    """What the stream's thread needs once it has something to write; opened then, not before."""

    anonymiser: Anonymiser
    ledger: Ledger
    uploader: Uploader | None
    durable: bool

    def envelope(self) -> Envelope:
        """What surrounds each event."""
        ...


class EventStream:
    """See the module. ``open_outlet`` gives None where this process has no identity and therefore sends nothing."""

    def __init__(
        self,
        *,
        allowed: Callable[[], bool],
        open_outlet: Callable[[], Outlet | None],
        dialect: str,
        debug: bool = False,
        synchronous: bool = False,
    ) -> None:
        self._allowed = allowed
        self._open_outlet = open_outlet
        self._dialect = dialect
        self._debug = debug
        self._synchronous = synchronous
        self.is_live = False
        self.counts_model_calls = False
        self._begin()
        _streams.add(self)

    def _begin(self) -> None:
        """A stream without history: at the start, and again in a forked child, where the parent keeps its own."""
        self._queue: deque[Offer] = deque()
        self._wake = threading.Event()
        self._sent_once = threading.Event()
        self._work = threading.RLock()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._map_with(Mapping())
        self._tokens: TokenCounters | None = None
        self._outlet: Outlet | None = None
        self._opened = False
        self._closed = False
        self._next_collect = 0.0
        self._next_expire = 0.0

    def _map_with(self, mapping: Mapping) -> None:
        self._mapping = mapping
        self.link = mapping.link
        self.leave = mapping.leave

    # The application's thread ---------------------------------------------------------------------------------

    def started(self, record: SpanRecord) -> None:
        """A lifecycle span of ours began."""
        self._offer(record)

    def ended(self, record: SpanRecord) -> None:
        """A span that matters ended."""
        if record.parent_id:
            self._mapping.expect(record.parent_id)
        self._offer(record)

    def unlink(self, span_id: int) -> None:
        """A span that does not matter ended, and something that does ended below it."""
        self._offer(span_id)

    def emit(self, facts: list[Fact]) -> None:
        """Events that no span stands for."""
        for fact in facts:
            self._offer(fact)

    def replay(self, records: list[SpanRecord]) -> None:
        """Finished spans, in the order in which they began and ended."""
        begun = [record for record in records if _LIFECYCLE in record.attributes]
        moments = [(record.start_ns, replace(record, end_ns=0)) for record in begun]
        moments += [(record.end_ns, record) for record in records]
        for record in records:
            self.link(record.span_id, record.parent_id)
        for _, record in sorted(moments, key=lambda moment: (moment[0], moment[1].end_ns)):
            if record.end_ns:
                self.ended(record)
            else:
                self.started(record)

    def _offer(self, item: Offer) -> None:
        queue = self._queue
        if len(queue) >= LONGEST_QUEUE:
            with suppress(IndexError):  # the stream's thread may just have emptied it
                queue.popleft()
            _losses.count("queue_full")
        queue.append(item)
        if self._synchronous:
            self._deliver_now()
        elif not self._wake.is_set():
            self._ensure_thread()
            self._wake.set()

    def _ensure_thread(self) -> None:
        if self._thread is not None or self._closed:
            return
        with self._starting:
            if self._thread is None:
                # An empty context: nothing of the host's (baggage, a current span) comes along.
                run = contextvars.Context().run
                self._thread = threading.Thread(target=run, args=(self._run,), name="agent-telemetry", daemon=True)
                try:
                    self._thread.start()
                except RuntimeError:  # the interpreter is shutting down: close() writes the rest
                    self._thread = None
                    self._closed = True

    def flush(self, timeout_seconds: float) -> bool:
        """Put everything into the ledger now, then wait up to that long for it to be sent.

        True if nothing is left to send, or if nothing is to be sent at all.
        """
        try:
            self.drain(collect=True)
        except Exception:
            _logger.debug("events could not be written", exc_info=True)
            return False
        outlet = self._outlet
        if timeout_seconds <= 0 or outlet is None or outlet.uploader is None:
            return True
        deadline = time.monotonic() + timeout_seconds
        while (parcel := outlet.ledger.next_parcel()) is not None:
            if parcel.due_at > time.time():  # the server, or the network, is given time; that is not waited for
                return False
            self._sent_once.clear()
            self._ensure_thread()
            self._wake.set()
            if not self._sent_once.wait(max(0.0, deadline - time.monotonic())):
                return False
        return True

    def close(self, *, timeout_seconds: float = 0.2) -> None:
        """Leave: everything into the ledger; only where that does not outlive the program, a moment for sending."""
        if self._closed:
            return
        try:
            self.drain(collect=True, leaving=True)
            if self._outlet is not None and not self._outlet.durable:
                self.flush(timeout_seconds)
        except Exception:
            _logger.debug("events could not be written at exit", exc_info=True)
        self._closed = True
        self._wake.set()
        if self._outlet is not None and self._outlet.uploader is not None:
            self._outlet.uploader.leave()

    # The stream's thread ----------------------------------------------------------------------------------------

    def _run(self) -> None:
        wait: float | None = None
        while not self._closed:
            self._wake.wait(wait)
            if self._wake.is_set():
                time.sleep(_LINGER_SECONDS)
            self._wake.clear()
            try:
                wait = self._round()
            except Exception:
                _losses.count("pipeline_error")
                _logger.debug("a round of the event stream failed", exc_info=True)
                wait = _CONSENT_TICK_SECONDS
            finally:
                self._sent_once.set()

    def _round(self) -> float | None:
        """Write, send; how long to wait for the next round, None for until something happens."""
        self.drain()
        outlet = self._outlet
        now = time.time()
        next_send: float | None = None
        if outlet is not None and outlet.uploader is not None and self._allowed():
            next_send = outlet.uploader.send_once().next_at
        waits = [_CONSENT_TICK_SECONDS] if outlet is not None and self._pending(outlet) else []
        if next_send is not None:
            waits.append(max(0.01, next_send - now))
        if self._tokens is not None and self._next_collect:
            waits.append(max(0.01, self._next_collect - time.monotonic()))
        if self._mapping.is_open:
            waits.append(_EXPIRE_SECONDS)
        return min(waits, default=None)

    def _deliver_now(self) -> None:
        """One offer all the way, for the synchronous mode: the ledger, and one attempt to send."""
        try:
            self.drain(collect=True)
            outlet = self._outlet
            if outlet is not None and outlet.uploader is not None and self._allowed():
                contextvars.Context().run(outlet.uploader.send_once, _SYNCHRONOUS_SECONDS)
        except Exception:
            _losses.count("pipeline_error")
            _logger.debug("an event could not be delivered at once", exc_info=True)

    def drain(self, *, collect: bool = False, leaving: bool = False) -> None:
        """Everything that is queued, into the ledger. No network; safe from any thread.

        With ``collect`` also what waits for its interval; ``leaving`` ends what is still open, as unknown.
        """
        with self._work:
            if not self._allowed():
                self._forget()
                return
            facts = self._map()
            if collect:
                facts += self._facts_of(self._mapping.close(time.time_ns()) if leaving else self._mapping.release())
            now = time.monotonic()
            if now >= self._next_expire:
                self._next_expire = now + _EXPIRE_SECONDS
                facts += self._facts_of(self._mapping.expire(time.time_ns()))
            ended = any(fact.event == "session.ended" for fact in facts)
            if self._tokens is not None and (collect or ended or now >= self._next_collect):
                facts += self._collect()
            self._write(facts)

    def _map(self) -> list[Fact]:
        facts: list[Fact] = []
        queue, mapping = self._queue, self._mapping
        while queue:
            try:
                item = queue.popleft()
            except IndexError:  # another thread made room
                break
            try:
                if isinstance(item, SpanRecord):
                    facts += self._facts_of(mapping.end(item) if item.end_ns else mapping.start(item))
                elif isinstance(item, Fact):
                    facts.append(item)
                else:
                    facts += self._facts_of(mapping.unlink(item))
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
                self._count(item)
        return facts

    def _count(self, usage: Usage) -> None:
        self.counts_model_calls = True
        if self._tokens is None:
            self._collected: list[Fact] = []
            self._tokens = TokenCounters(ProxyMetricExporter(self._collected.extend))
        if not self._next_collect:
            self._next_collect = time.monotonic() + TOKEN_INTERVAL_SECONDS
        self._tokens.add(usage)

    def _collect(self) -> list[Fact]:
        if self._tokens is None:
            return []
        self._next_collect = 0.0
        self._tokens.collect()
        collected = list(self._collected)
        self._collected.clear()
        return collected

    def _write(self, facts: list[Fact]) -> None:
        if not facts:
            return
        outlet = self._open()
        if outlet is None:
            _losses.count("no_identity", len(facts))
            return
        around = outlet.envelope()
        now = time.time()
        rows: list[tuple[str, bytes, str, str, float]] = []
        for fact in facts:
            try:
                clean = outlet.anonymiser.clean(fact)
                body = None if clean is None else encode(self._dialect, clean, around)
                if body is not None:
                    rows.append((fact.event, body, CONTENT_TYPE, secrets.token_hex(16), now))
            except Exception:
                _losses.count("encoding_error")
                _logger.debug("an event could not be written in the %s dialect", self._dialect, exc_info=True)
        if self._debug:
            for _, body, *_ in rows:
                sys.stderr.write(body.decode() + "\n")
            return
        outlet.ledger.append(rows)
        outlet.ledger.count_drops(_losses.take())

    def _open(self) -> Outlet | None:
        if not self._opened:
            self._opened = True
            self._outlet = self._open_outlet()
        return self._outlet

    def _forget(self) -> None:
        """Consent was taken back: what is queued, and what is pending in the ledger, goes."""
        if self._queue:
            _losses.count("opted_out", len(self._queue))
            self._queue.clear()
        self._map_with(Mapping())
        self._tokens = None
        if self._outlet is not None:
            self._outlet.ledger.delete_pending()

    def _pending(self, outlet: Outlet) -> bool:
        return outlet.ledger.next_parcel() is not None

    def after_fork(self) -> None:
        """In a forked child: the parent's queue, open spans, counts and connection stay the parent's."""
        self._begin()


_streams: weakref.WeakSet[EventStream] = weakref.WeakSet()


def _begin_again_in_child() -> None:
    for stream in list(_streams):
        stream.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_again_in_child)
