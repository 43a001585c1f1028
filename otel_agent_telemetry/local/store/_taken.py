"""What a reading holds, into the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_agent_telemetry.otlp._reading import BAD_IDS
from otel_agent_telemetry.otlp._signals import LOGS, TRACES

if TYPE_CHECKING:
    from otel_agent_telemetry.local.store._store import Added, Store
    from otel_agent_telemetry.otlp._reading import Reading

__all__ = ["store_reading"]


def store_reading(store: Store, reading: Reading, *, only_new: bool = False) -> Added:
    """Store a request's records; spans without ids are refused in the reading.

    ``only_new`` leaves out log records and metrics that the store holds; a span is never stored twice.
    """
    if reading.signal is TRACES:
        added = store.add_spans(reading.request)
        if added.refused:
            reading.refuse(BAD_IDS, added.refused)
        return added
    if reading.signal is LOGS:
        return store.add_logs(reading.request, only_new=only_new)
    return store.add_metrics(reading.request, only_new=only_new)
