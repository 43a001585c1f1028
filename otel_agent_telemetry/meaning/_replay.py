"""Finished spans, in the order in which they began and ended: what a file of spans would have become."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_agent_telemetry import semconv
from otel_agent_telemetry.meaning._meaning import Meaning
from otel_agent_telemetry.meaning._records import Fact, Usage
from otel_agent_telemetry.meaning._token_usage import token_usage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_agent_telemetry.meaning._records import SpanRecord


def replay(moments: Iterable[tuple[bool, SpanRecord]]) -> list[Fact]:
    """Facts in the order in which they happened, of starts (False) and ends (True) of spans.

    Model calls are added up to one ``token.usage`` per model, provider, session and agent, at the last call's time.
    """
    meaning = Meaning()
    out: list[Fact | Usage] = []
    last_ns = 0
    for is_end, record in moments:
        if is_end:
            out += meaning.end(record)
            last_ns = record.end_ns
        elif semconv.AGENT_LIFECYCLE in record.attributes:
            out += meaning.start(record)
        else:
            meaning.link(record.key, record.parent_key)
    out += meaning.close(last_ns)
    told = [item for item in out if isinstance(item, Fact)]
    counted = token_usage(item for item in out if isinstance(item, Usage))
    return sorted([*told, *counted], key=lambda fact: fact.occurred_ns)
