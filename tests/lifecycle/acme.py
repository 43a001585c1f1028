"""Two ends that lifecycle calls can be watched from: the maintainers' ledger and the operator's SDK."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from otel_agent_telemetry import Telemetry
from otel_agent_telemetry._folder import ledger_file
from otel_agent_telemetry.lifecycle import Lifecycle
from otel_agent_telemetry.lifecycle._spans import Spans
from otel_agent_telemetry.pipeline.sending.ledger import Ledger

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from opentelemetry.sdk.trace import ReadableSpan
    from typing_extensions import Self

PRODUCT = "acme-agents"


class Told(NamedTuple):
    """One event: its name and its properties, durations left out."""

    event: str
    properties: dict[str, Any]


class Acme:
    """A product's own telemetry, and what its ledger holds."""

    def __init__(self, state_dir: Path, **settings: Any) -> None:
        self.state_dir = state_dir
        given: dict[str, Any] = {
            "product": PRODUCT,
            "state_dir": state_dir,
            "notice": False,
            "public_tools": ["web_search"],
        }
        self.telemetry = Telemetry(**{**given, **settings})

    @property
    def ledger(self) -> Ledger:
        """The ledger, read by a reader of its own."""
        return Ledger(ledger_file(str(self.state_dir), PRODUCT))

    @property
    def bodies(self) -> list[bytes]:
        """The body of every event so far, oldest first."""
        self.telemetry.flush(0)
        return stored(self.state_dir)

    @property
    def told(self) -> list[Told]:
        """Every event so far, oldest first."""
        return [told(json.loads(body)) for body in self.bodies]

    @property
    def names(self) -> list[str]:
        """The name of every event so far, oldest first."""
        return [each.event for each in self.told]


def stored(state_dir: Path, product: str = PRODUCT) -> list[bytes]:
    """The bodies that a ledger holds, oldest first."""
    return [entry.body for entry in Ledger(ledger_file(str(state_dir), product)).events()]


def told(body: Any) -> Told:
    """The event that a body of the proxy dialect tells."""
    timeless = {name: value for name, value in body["properties"].items() if name != "durationMs"}
    return Told(body["event"], timeless)


class Operator:
    """An SDK in memory: ``calls`` are lifecycle calls whose spans and metrics it keeps."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self._reader = InMemoryMetricReader()
        self.tracer_provider = TracerProvider(resource=Resource.get_empty())
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self._meter_provider = MeterProvider([self._reader], resource=Resource.get_empty())
        self.calls = Lifecycle(isolated=True)
        self.calls.use(Spans(self.tracer_provider, self._meter_provider))

    @property
    def spans(self) -> list[ReadableSpan]:
        """The spans that ended, in that order."""
        return list(self._exporter.get_finished_spans())

    @property
    def names(self) -> list[str]:
        """Their names."""
        return [span.name for span in self.spans]

    @property
    def outcomes(self) -> list[str]:
        """How they ended."""
        return [outcome(span) for span in self.spans]

    def metrics(self) -> dict[str, Any]:
        """What the instruments hold, by name."""
        data = self._reader.get_metrics_data()
        if data is None:
            return {}
        scopes = (scope for resource in data.resource_metrics for scope in resource.scope_metrics)
        return {metric.name: metric for scope in scopes for metric in scope.metrics}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.tracer_provider.shutdown()
        self._meter_provider.shutdown()


def outcome(span: ReadableSpan) -> str:
    """``ok``, or how else the span says that it ended."""
    return str((span.attributes or {}).get("agent.outcome", "ok"))


def parent_of(span: ReadableSpan) -> int:
    """The id of its parent, 0 for a root."""
    return 0 if span.parent is None else span.parent.span_id


def id_of(span: ReadableSpan) -> int:
    """Its own id."""
    context = span.get_span_context()
    return 0 if context is None else context.span_id
