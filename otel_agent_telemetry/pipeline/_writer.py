"""From what happened to the ledger: map, count tokens, anonymise, write in the dialect. No network, no thread."""

from __future__ import annotations

import logging
import secrets
import sys
import time
from typing import TYPE_CHECKING, Protocol, TypeAlias

from opentelemetry.sdk.trace import ReadableSpan, Span

from otel_agent_telemetry import _losses
from otel_agent_telemetry.meaning import Meaning
from otel_agent_telemetry.meaning._records import Fact, SpanRecord
from otel_agent_telemetry.pipeline._span_record import record_of
from otel_agent_telemetry.pipeline.writing.dialect import CONTENT_TYPE, encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from otel_agent_telemetry.meaning._records import Usage
    from otel_agent_telemetry.pipeline.sending._sender import Sender
    from otel_agent_telemetry.pipeline.sending.ledger import Ledger
    from otel_agent_telemetry.pipeline.tokens import TokenCounters
    from otel_agent_telemetry.pipeline.writing.anonymise import Anonymiser
    from otel_agent_telemetry.pipeline.writing.dialect import Envelope

__all__ = ["Item", "Outlet", "Writer"]

_logger = logging.getLogger("otel_agent_telemetry")

TOKEN_INTERVAL_SECONDS = 60.0
_EXPIRE_SECONDS = 60.0
_IDENTITY_SECONDS = 10.0

Item: TypeAlias = "Span | ReadableSpan | SpanRecord | Fact | int"
"""A span that began (live) or ended (readable), one of a file, an event, or the id of a span that is gone."""


class Outlet(Protocol):
    """What is needed once there is something to write; opened then, not before."""

    anonymiser: Anonymiser
    ledger: Ledger
    sender: Sender | None
    durable: bool

    def envelope(self) -> Envelope:
        """What surrounds each event."""
        ...


class Writer:
    """The state between spans and ledger. Not for two threads at once, but for ``mapping``'s three quick calls."""

    def __init__(
        self,
        *,
        open_outlet: Callable[[], Outlet | None],
        new_counters: Callable[[Callable[[list[Fact]], None]], TokenCounters],
        dialect: str,
        debug: bool,
        partial: bool,
    ) -> None:
        self._open_outlet = open_outlet
        self._new_counters = new_counters
        self._dialect = dialect
        self._debug = debug
        self._next_open = 0.0
        self._tokens: TokenCounters | None = None
        self._collected: list[Fact] = []
        self._next_collect = 0.0
        self._next_expire = 0.0
        self.outlet: Outlet | None = None
        self.mapping = Meaning(partial=partial)

    @property
    def wait_seconds(self) -> float | None:
        """How long nothing needs to be done if nothing happens; None for ever."""
        now = time.monotonic()
        waits = [max(0.01, self._next_collect - now)] if self._next_collect else []
        if self.mapping.is_open:
            waits.append(max(0.01, self._next_expire - now))
        return min(waits, default=None)

    def write(self, items: Iterable[Item], *, collect: bool = False, leaving: bool = False) -> None:
        """Put into the ledger what the items become; with ``collect`` also what waits for its interval.

        ``leaving`` ends what is still open, as unknown.
        """
        facts = self._map(items)
        if leaving:
            facts += self._facts_of(self.mapping.close(time.time_ns()))
        elif collect:
            facts += self._facts_of(self.mapping.release())
        now = time.monotonic()
        if now >= self._next_expire:
            self._next_expire = now + _EXPIRE_SECONDS
            facts += self._facts_of(self.mapping.expire(time.time_ns()))
        ended = any(fact.event == "session.ended" for fact in facts)
        if collect or ended or (self._next_collect and now >= self._next_collect):
            facts += self._collect()
        self._keep(facts)
        if leaving and self.outlet is not None:
            self.outlet.ledger.count_drops(_losses.take())

    def _map(self, items: Iterable[Item]) -> list[Fact]:
        facts: list[Fact] = []
        for item in items:
            try:
                if isinstance(item, Fact):
                    facts.append(item)
                else:
                    facts += self._facts_of(self._mapped(item))
            except Exception:
                _losses.count("mapping_error")
                _logger.debug("a span could not be mapped to events", exc_info=True)
        return facts

    def _mapped(self, item: Span | ReadableSpan | SpanRecord | int) -> list[Fact | Usage]:
        if isinstance(item, Span):
            return self.mapping.start(record_of(item, ended=False))
        if isinstance(item, ReadableSpan):
            return self.mapping.end(record_of(item))
        if isinstance(item, SpanRecord):
            return self.mapping.end(item) if item.end_ns else self.mapping.start(item)
        return self.mapping.unlink(item)

    def _facts_of(self, mapped: list[Fact | Usage]) -> list[Fact]:
        facts: list[Fact] = []
        for item in mapped:
            if isinstance(item, Fact):
                facts.append(item)
            else:
                self._count(item)
        return facts

    def _count(self, usage: Usage) -> None:
        if self._tokens is None:
            self._tokens = self._new_counters(self._collected.extend)
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

    def _keep(self, facts: list[Fact]) -> None:
        if not facts:
            return
        outlet = self._open()
        if outlet is None:
            _losses.count("no_identity", len(facts))
            return
        bodies = self._encoded(facts, outlet)
        if self._debug:
            for _, body in bodies:
                sys.stderr.write(body.decode() + "\n")
            return
        now = time.time()
        outlet.ledger.append([(name, body, CONTENT_TYPE, secrets.token_hex(16), now) for name, body in bodies])
        outlet.ledger.count_drops(_losses.take())

    def _encoded(self, facts: list[Fact], outlet: Outlet) -> list[tuple[str, bytes]]:
        bodies: list[tuple[str, bytes]] = []
        around = outlet.envelope()
        for fact in facts:
            try:
                clean = outlet.anonymiser.clean(fact)
                body = None if clean is None else encode(self._dialect, clean, around)
            except Exception:
                _losses.count("encoding_error")
                _logger.debug("an event could not be written in the %s dialect", self._dialect, exc_info=True)
                continue
            if body is not None:
                bodies.append((fact.event, body))
        return bodies

    def _open(self) -> Outlet | None:
        if self.outlet is None and time.monotonic() >= self._next_open:
            self._next_open = time.monotonic() + _IDENTITY_SECONDS  # a worker may be up before its server
            self.outlet = self._open_outlet()
        return self.outlet

    def start_over(self, *, partial: bool) -> None:
        """Know of no span; with ``partial`` a parent that is unknown may still come."""
        self.mapping = Meaning(partial=partial)

    def forget(self, *, partial: bool) -> None:
        """Consent was taken back: what was begun is not told, and what is pending in the ledger goes."""
        self.start_over(partial=partial)
        self._tokens = None
        self._collected.clear()
        self._next_collect = 0.0
        if self.outlet is not None:
            self.outlet.ledger.delete_pending()
