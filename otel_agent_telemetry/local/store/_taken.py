"""What a reading holds, into the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_agent_telemetry.otlp._reading import BAD_IDS
from otel_agent_telemetry.otlp._signals import LOGS, TRACES

if TYPE_CHECKING:
    from otel_agent_telemetry.local.store._store import Store
    from otel_agent_telemetry.otlp._reading import Reading

__all__ = ["store_reading"]


def store_reading(store: Store, reading: Reading, *, only_new: bool = False) -> int:
    """Store a request's records and give how many; spans without ids are refused in the reading.

    ``only_new`` leaves out log records and metrics that the store holds; a span is never stored twice.
    """
    if reading.signal is TRACES:
        refused = store.add_spans(reading.request)
        if refused:
            reading.refuse(BAD_IDS, refused)
        return _spans(reading) - refused
    if reading.signal is LOGS:
        return store.add_logs(reading.request, only_new=only_new)
    return store.add_metrics(reading.request, only_new=only_new)


def _spans(reading: Reading) -> int:
    return sum(len(of.spans) for each in reading.request.resource_spans for of in each.scope_spans)
