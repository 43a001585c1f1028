"""What telemetry costs its host: each figure beside a peer that is measured in the same run.

::

    make bench
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.trace import Tracer

    from otel_agent_telemetry.pipeline.stream import EventStream

_PYTHON = sys.executable
_STARTS = 15
_ROUNDS = 9
_SPANS = 2_000


def main() -> None:
    """Print the table."""
    print(f"{'what':<58} {'measured':>12} {'aim':>12}")
    for what, measured, aim in (*_opted_out(), *_on_the_caller(), *_stream(), *_leaving()):
        print(f"{what:<58} {measured:>12} {aim:>12}", flush=True)


def _seconds(code: str, environment: dict[str, str]) -> float:
    """The wall time of one interpreter that runs this code."""
    began = time.perf_counter()
    subprocess.run([_PYTHON, "-c", code], env={**_environment(), **environment}, check=True)
    return time.perf_counter() - began


def _environment() -> dict[str, str]:
    names = ("OTEL_", "AGENT_TELEMETRY_")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(names)}
    return {**kept, "AGENT_TELEMETRY_NOTICE": "0"}


def _opted_out() -> list[tuple[str, str, str]]:
    setup = "import otel_agent_telemetry as t; t.configure(product='bench')"
    off = {"DO_NOT_TRACK": "1"}
    extra = [_seconds(setup, off) - _seconds("pass", off) for _ in range(_STARTS)]
    loop = (
        f"{setup}; import timeit;"
        "print(min(timeit.repeat('with task(\"x\"): pass', globals={'task': t.task}, number=200_000, repeat=7)) / 0.2)"
    )
    one = subprocess.run(
        [_PYTHON, "-c", loop], env={**_environment(), **off}, check=True, capture_output=True, text=True
    ).stdout
    return [
        ("opted out: import and configure, over bare Python", f"{statistics.median(extra) * 1e3:.1f} ms", "< 10 ms"),
        ("opted out: one `with task()`", f"{float(one):.2f} us", "< 0.3 us"),
    ]


def _on_the_caller() -> list[tuple[str, str, str]]:
    """Spans beside the same spans with the plain SDK and a batch processor, interleaved in one process."""
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

    from otel_agent_telemetry.lifecycle import Lifecycle
    from otel_agent_telemetry.lifecycle._spans import Spans
    from otel_agent_telemetry.pipeline.processor import EventProcessor

    class Nowhere(SpanExporter):
        def export(self, spans: object) -> SpanExportResult:
            return SpanExportResult.SUCCESS

    def provider() -> TracerProvider:
        made = TracerProvider(shutdown_on_exit=False)
        made.add_span_processor(BatchSpanProcessor(Nowhere(), max_queue_size=100_000))
        return made

    with tempfile.TemporaryDirectory() as folder:
        plain, ours = provider(), provider()
        stream = _stream_in(folder)
        ours.add_span_processor(EventProcessor(stream))
        lifecycle = Lifecycle(isolated=True)
        lifecycle.use(Spans(ours, isolated=True))
        attributes: dict[str, str | int] = {
            "agent.lifecycle": "tool",
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": "x",
        }
        foreign: dict[str, str | int] = {
            "http.request.method": "GET",
            "url.path": "/",
            "http.response.status_code": 200,
        }

        def our_tools() -> None:
            for _ in range(_SPANS):
                with lifecycle.tool("x"):
                    pass

        def settle() -> None:
            stream.flush(0)

        plain_tools = _spans(plain.get_tracer("bench"), "execute_tool x", attributes)
        lifecycle_ratio = _ratio(our_tools, plain_tools, settle)
        plain_requests = _spans(plain.get_tracer("bench"), "GET /", foreign)
        foreign_ratio = _ratio(_spans(ours.get_tracer("bench"), "GET /", foreign), plain_requests, settle)
        stream.close()
    return [
        ("on: a lifecycle span, to the plain SDK's with batch processor", f"{lifecycle_ratio:.2f} x", "< 1.15 x"),
        ("on: a span of somebody else's, to the plain SDK's", f"{foreign_ratio:.3f} x", "< 1.02 x"),
    ]


def _spans(tracer: Tracer, name: str, attributes: dict[str, str | int]) -> Callable[[], None]:
    def run() -> None:
        for _ in range(_SPANS):
            with tracer.start_as_current_span(name, attributes=attributes):
                pass

    return run


def _ratio(ours: Callable[[], None], plain: Callable[[], None], settle: Callable[[], None]) -> float:
    """The median ratio of thread CPU time, pair by pair: what the caller's own thread pays."""
    ratios: list[float] = []
    for _ in range(_ROUNDS):
        pair: list[float] = []
        for run in (plain, ours):
            settle()
            began = time.thread_time()
            run()
            pair.append(time.thread_time() - began)
        ratios.append(pair[1] / pair[0])
    return statistics.median(ratios)


def _stream() -> list[tuple[str, str, str]]:
    """Events per second from span records to the ledger, on one thread."""
    from otel_agent_telemetry.meaning._records import SpanRecord

    events = 8_000
    attributes = {"agent.lifecycle": "tool", "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search"}
    rates: list[float] = []
    for _ in range(_ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            stream = _stream_in(folder)
            now = time.time_ns()
            records = [SpanRecord(1, number + 1, 0, "bench", attributes, now, now + 10**6) for number in range(events)]
            stream.drain()
            began = time.perf_counter()
            for record in records:
                stream.ended(record, 0)
            stream.drain()
            rates.append(events / (time.perf_counter() - began))
            stream.close()
    return [("on: events per second, mapping to ledger", f"{statistics.median(rates):,.0f}", "> 40,000")]


def _stream_in(folder: str) -> EventStream:
    from otel_agent_telemetry.consent import Consent
    from otel_agent_telemetry.lifecycle import Lifecycle
    from otel_agent_telemetry.pipeline.assemble import stream_of
    from otel_agent_telemetry.settings import Settings

    settings = Settings(product="bench", state_dir=folder, notice=False)
    return stream_of(Lifecycle(isolated=True), settings, Consent(state_dir=folder, environ={}))


def _leaving() -> list[tuple[str, str, str]]:
    """A program that ends while its endpoint never answers, beside one that has the same endpoint and sends nothing."""

    class Silent(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            time.sleep(30)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Silent)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    code = (
        "import os, sys, time, atexit\n"
        "began = []\n"
        "atexit.register(lambda: print(time.perf_counter() - began[0]))\n"
        "import otel_agent_telemetry as t\n"
        f"t.configure(product='bench', endpoint='http://127.0.0.1:{server.server_port}/v1/events')\n"
        "with t.session(agent='a'), t.task('b'):\n    pass\n"
        "t.flush(0)\ntime.sleep(0.3)\n"
        "with t.session(agent='a'), t.task('b'):\n    pass\n"
        "began.append(time.perf_counter())\n"
    )
    waits: list[float] = []
    for _ in range(7):
        with tempfile.TemporaryDirectory() as folder:
            environment = {**_environment(), "AGENT_TELEMETRY_STATE_DIR": folder}
            done = subprocess.run([_PYTHON, "-c", code], env=environment, check=True, capture_output=True, text=True)
            waits.append(float(done.stdout))
    server.shutdown()
    return [("on: leaving while the endpoint never answers", f"{statistics.median(waits) * 1e3:.0f} ms", "< 50 ms")]


if __name__ == "__main__":
    main()
