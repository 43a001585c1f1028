"""What goes in and what comes out: span records, and the facts and usage that events are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


def key_of(trace_id: int, span_id: int) -> int:
    """One number that a span is known by; 0 for none. Span ids alone repeat where a host seeds its random numbers."""
    return trace_id << 64 | span_id if span_id else 0


class SpanRecord(NamedTuple):
    """The part of a span that the mapping may read; a name, a status text, a link or a resource is not here.

    Ids are integers, 0 for none; times are nanoseconds since the epoch, ``end_ns`` 0 while the span runs.
    ``exception_type`` is the ``exception.type`` of its last exception event, or empty. ``interrupted_by`` is the class
    of the exception that was on its way when the span ended, where it is one that interrupts (``CancelledError``,
    ``GeneratorExit``, ``KeyboardInterrupt``), else empty: only a live span knows. ``first_chunk_ns`` is when the first
    piece of a streamed answer came, where an event of the span says it, else 0.
    """

    trace_id: int
    span_id: int
    parent_id: int
    scope: str
    attributes: Mapping[str, object]
    start_ns: int
    end_ns: int = 0
    is_error: bool = False
    exception_type: str = ""
    interrupted_by: str = ""
    first_chunk_ns: int = 0

    @property
    def key(self) -> int:
        """What the span is known by."""
        return key_of(self.trace_id, self.span_id)

    @property
    def parent_key(self) -> int:
        """What its parent is known by; 0 for none."""
        return key_of(self.trace_id, self.parent_id)


class Fact(NamedTuple):
    """One event to be: a declared name, raw values by property name, and when it happened (ns since the epoch).

    ``key`` is the span that it is about, where one says it; of an event, that of a call that was told of before.
    """

    event: str
    properties: Mapping[str, object]
    occurred_ns: int
    key: int = 0


class Guess(NamedTuple):
    """US dollars, of how many calls they are an estimate, and how many calls have no price; less than 0 takes back."""

    usd: float = 0.0
    calls: int = 0
    unpriced: int = 0

    def plus(self, other: Guess) -> Guess:
        """Both together."""
        return Guess(self.usd + other.usd, self.calls + other.calls, self.unpriced + other.unpriced)

    def minus(self, other: Guess) -> Guess:
        """What is left without the other."""
        return Guess(self.usd - other.usd, self.calls - other.calls, self.unpriced - other.unpriced)


NOTHING = Guess()


class Usage(NamedTuple):
    """One model call that counts: raw names (anonymised later) and numbers; None where the reply carried none.

    ``guess`` is what it may have cost where nobody says it. ``calls`` is 0 for tokens without a model call: an
    embedding, or an agent's own figure where no call was seen. ``key`` is the span of a call that was told of before,
    while its session was not known.
    """

    occurred_ns: int
    model: str | None = None
    provider: str | None = None
    session_id: str | None = None
    agent_name: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost_usd: float | None = None
    is_error: bool = False
    calls: int = 1
    guess: Guess = NOTHING
    key: int = 0
