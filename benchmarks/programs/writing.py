"""``writing.py``: events per second of processor time, from finished spans to the ledger, on one thread."""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from typing import Any

EVENTS, ROUNDS = 8_000, 7


def stream_in(folder: str) -> Any:
    """An event stream that nothing drains but its owner."""
    from otel_agent_telemetry.consent import Consent
    from otel_agent_telemetry.lifecycle import Lifecycle
    from otel_agent_telemetry.pipeline.assemble import stream_of
    from otel_agent_telemetry.settings import Settings

    settings = Settings(product="bench", state_dir=folder, notice=False)
    stream = stream_of(Lifecycle(isolated=True), settings, Consent(state_dir=folder, environ={}))
    stream._thread.wake = lambda: True  # noqa: SLF001 - the thread would be measured with it
    return stream


def records(count: int) -> list[Any]:
    """Tool calls that ended."""
    from peers import TOOL

    from otel_agent_telemetry.meaning._records import SpanRecord

    now = time.time_ns()
    return [SpanRecord(1, number + 1, 0, "bench", TOOL, now, now + 10**6) for number in range(count)]


def main() -> None:
    """Measure."""
    rates: list[float] = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            stream = stream_in(folder)
            stream.drain()
            given = records(EVENTS)
            began = time.thread_time()
            for record in given:
                stream.ended(record, 0)
            stream.drain()
            rates.append(EVENTS / (time.thread_time() - began))
            stream.close()
    print(json.dumps({"rate": statistics.median(rates)}), flush=True)


if __name__ == "__main__":
    main()
    os._exit(0)  # what is left to do at exit was not asked for
