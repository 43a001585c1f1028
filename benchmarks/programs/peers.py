"""The same span and the same event with each peer. Each is imported in an environment of its own."""

from __future__ import annotations

import itertools
import queue
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PEERS", "Peer"]

EVENT = "task.created"
PROPERTIES: dict[str, Any] = {"taskId": "task-0", "source": "api", "hasParent": False, "priority": 1}
NAME = "execute_tool search"
TOOL: dict[str, Any] = {
    "agent.lifecycle": "tool",
    "gen_ai.operation.name": "execute_tool",
    "gen_ai.tool.name": "search",
}
REQUEST: dict[str, Any] = {
    "http.request.method": "GET",
    "url.full": "http://shop.example/",
    "http.response.status_code": 200,
}
_MANY = 100_000
_given = itertools.cycle([{**PROPERTIES, "taskId": f"task-{number}"} for number in range(20_000)])
"""No two events in a row are the same, as in life; some clients would send such once."""


class Peer:
    """What a program does with one of them: ``tool`` and ``request`` are spans, ``event`` is one event."""

    tool: Callable[[], object]
    request: Callable[[], object]
    event: Callable[[], object]

    def flush(self) -> None:
        """Wait until all is delivered, or written where nothing is delivered."""

    def settle(self) -> None:
        """Nothing is left to do in the background that began before."""
        self.flush()


class Ours(Peer):
    """What this project gives; without ``url`` events stay in the ledger."""

    def __init__(self, url: str | None, batch: int) -> None:
        from opentelemetry import trace

        import otel_agent_telemetry as telemetry

        endpoint = None if url is None else f"{url}/v1/events"
        telemetry.configure(product="bench", endpoint=endpoint, batch=batch, notice=False)
        self._telemetry = telemetry
        tracer = trace.get_tracer("bench")
        track = telemetry.track

        def tool() -> None:
            with telemetry.tool("search"):
                pass

        self.tool, self.request = tool, _span(tracer, "GET", REQUEST)
        self.event = lambda: track(EVENT, **next(_given))

    def flush(self) -> None:
        self._telemetry.flush(120)

    def settle(self) -> None:
        self._telemetry.flush(120, send=False)


class Sdk(Peer):
    """opentelemetry-sdk with a batch processor, and its OTLP exporter where there is a ``url``."""

    def __init__(self, url: str | None, batch: int) -> None:
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

        class Nowhere(SpanExporter):
            def export(self, spans: object) -> SpanExportResult:
                return SpanExportResult.SUCCESS

        exporter: SpanExporter = Nowhere()
        if url is not None:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

            exporter = OTLPSpanExporter(f"{url}/v1/traces")
        size = batch if batch > 1 else 512
        self._provider = TracerProvider(shutdown_on_exit=False)
        self._provider.add_span_processor(
            BatchSpanProcessor(exporter, max_queue_size=_MANY, max_export_batch_size=size)
        )
        tracer = self._provider.get_tracer("bench")
        self.tool, self.request = _span(tracer, NAME, TOOL), _span(tracer, "GET", REQUEST)

        def event() -> None:
            with tracer.start_as_current_span(EVENT, attributes=next(_given)):
                pass

        self.event = event

    def flush(self) -> None:
        self._provider.force_flush(120_000)


class Logfire(Peer):
    """Logfire, exporting by OTLP and printing nothing."""

    def __init__(self, url: str, batch: int) -> None:
        import logfire
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        processor = BatchSpanProcessor(OTLPSpanExporter(f"{url}/v1/traces"), max_queue_size=_MANY)
        logfire.configure(send_to_logfire=False, console=False, additional_span_processors=[processor], metrics=False)
        self._logfire = logfire
        tracer = logfire.DEFAULT_LOGFIRE_INSTANCE.config.get_tracer_provider().get_tracer("bench")

        def tool() -> None:
            with logfire.span(NAME, **TOOL):
                pass

        self.tool, self.request = tool, _span(tracer, "GET", REQUEST)
        self.event = lambda: logfire.info(EVENT, **next(_given))

    def flush(self) -> None:
        self._logfire.force_flush(120_000)


class Posthog(Peer):
    """Posthog's client."""

    def __init__(self, url: str, batch: int) -> None:
        from posthog import Posthog as Client

        client = Client("key", host=url, flush_at=batch, max_queue_size=_MANY, disable_geoip=True)
        self.flush = client.flush
        self.event = lambda: client.capture(EVENT, distinct_id="someone", properties=next(_given))


class Segment(Peer):
    """Segment's client."""

    def __init__(self, url: str, batch: int) -> None:
        from segment.analytics.client import Client

        client = Client("key", host=url, upload_size=batch, max_queue_size=_MANY, upload_interval=0.5)
        self.flush = client.flush
        self.event = lambda: client.track("someone", EVENT, next(_given))


class Sentry(Peer):
    """Sentry's client with tracing."""

    def __init__(self, url: str, batch: int) -> None:
        import sentry_sdk

        sentry_sdk.init(url.replace("//", "//key@") + "/1", traces_sample_rate=1.0, default_integrations=False)
        self._sentry = sentry_sdk
        self._outer = sentry_sdk.start_transaction(name="bench").__enter__()

        def tool() -> None:
            with sentry_sdk.start_span(op="execute_tool", name=NAME) as span:
                for key, value in TOOL.items():
                    span.set_data(key, value)

        self.tool = tool
        self.event = lambda: sentry_sdk.capture_event({"message": EVENT, "extra": next(_given)})

    def flush(self) -> None:
        self._sentry.flush(60)


class Requests(Peer):
    """What one writes by hand: a thread, a queue, and ``requests.post`` for each event."""

    def __init__(self, url: str, batch: int) -> None:
        import requests

        self._queue: queue.Queue[dict[str, Any]] = queue.Queue(_MANY)
        endpoint = f"{url}/v1/events"

        def send() -> None:
            while True:
                requests.post(endpoint, json=self._queue.get(), timeout=5)
                self._queue.task_done()

        threading.Thread(target=send, daemon=True).start()
        put = self._queue.put_nowait
        self.event = lambda: put({"event": EVENT, "at": time.time(), "properties": next(_given)})

    def flush(self) -> None:
        self._queue.join()


def _span(tracer: Any, name: str, attributes: dict[str, Any]) -> Callable[[], None]:
    def run() -> None:
        with tracer.start_as_current_span(name, attributes=attributes):
            pass

    return run


PEERS: dict[str, Callable[..., Peer]] = {
    "ours": Ours,
    "sdk": Sdk,
    "logfire": Logfire,
    "posthog": Posthog,
    "segment": Segment,
    "sentry": Sentry,
    "requests": Requests,
}
