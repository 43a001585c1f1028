"""An event stream whose events stay in a ledger in memory."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from otel_agent_telemetry.pipeline.exporter import ProxyMetricExporter
from otel_agent_telemetry.pipeline.outlet import Encoder
from otel_agent_telemetry.pipeline.sending.ledger import Ledger
from otel_agent_telemetry.pipeline.stream import EventStream
from otel_agent_telemetry.pipeline.tokens import TokenCounters
from otel_agent_telemetry.pipeline.writing.anonymise import Anonymiser
from otel_agent_telemetry.pipeline.writing.dialect import Envelope
from otel_agent_telemetry.pipeline.writing.registries import Registries
from tests.agreement.events import KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from otel_agent_telemetry.meaning import Fact
    from otel_agent_telemetry.meaning._records import SpanRecord
    from otel_agent_telemetry.pipeline.sending._sender import Sender
    from otel_agent_telemetry.pipeline.sending.ledger import Row


class _Outlet:
    """A ledger in memory, and nobody to send to."""

    def __init__(self) -> None:
        self._encoder = Encoder(Anonymiser(KEY, Registries()), "proxy")
        self.ledger = Ledger(None)
        self.sender: Sender | None = None
        self.durable = True
        self.lost: list[Mapping[str, int]] = []

    def rows(self, facts: Collection[Fact]) -> list[Row]:
        return self._encoder.rows(facts, Envelope("acme-agents", "cli", "test", "install_0000000000000000"))

    def is_current(self) -> bool:
        return True

    def close(self) -> None:
        """Its events are read afterwards."""


def bodies(feed: Callable[[EventStream], None]) -> list[bytes]:
    """The events of what ``feed`` puts into a stream, as they would be sent."""
    outlet = _Outlet()
    stream = EventStream(
        allowed=lambda: True,
        recordable=lambda: True,
        open_outlet=lambda: outlet,
        new_counters=lambda: TokenCounters(ProxyMetricExporter),
        count_lost=outlet.lost.append,
    )
    feed(stream)
    stream.close()
    return [entry.body for entry in outlet.ledger.events()]


def just_now(spans: Sequence[SpanRecord]) -> int:
    """How many nanoseconds later the spans would be of just now: a live stream gives up on what is old."""
    return time.time_ns() - max((span.start_ns for span in spans), default=0)


def moments(spans: Sequence[SpanRecord]) -> list[tuple[bool, SpanRecord]]:
    """Every start (False) and end (True) in the order in which they happened; a parent is around its children."""
    above = {(span.trace_id, span.span_id): (span.trace_id, span.parent_id) for span in spans}
    begun = [(span.start_ns, False, _depth(span, above), span) for span in spans]
    ended = [(span.end_ns, True, -_depth(span, above), span) for span in spans]
    return [(is_end, span) for _, is_end, _, span in sorted((*begun, *ended), key=lambda moment: moment[:3])]


def _depth(span: SpanRecord, above: dict[tuple[int, int], tuple[int, int]]) -> int:
    """How far a span is below its root; a ring ends where it began."""
    seen: set[tuple[int, int]] = set()
    at = (span.trace_id, span.span_id)
    while at in above and at not in seen:
        seen.add(at)
        at = above[at]
    return len(seen)
