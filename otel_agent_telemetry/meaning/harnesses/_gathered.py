"""What a file holds of coding agents, from all three signals, as places."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_agent_telemetry import semconv
from otel_agent_telemetry.meaning._places import Place
from otel_agent_telemetry.meaning.harnesses._logs import made_of_log
from otel_agent_telemetry.meaning.harnesses._made import process_of
from otel_agent_telemetry.meaning.harnesses._marks import harness_of
from otel_agent_telemetry.meaning.harnesses._points import made_of_metric
from otel_agent_telemetry.meaning.harnesses._spans import home_of, run_around, said_of_span
from otel_agent_telemetry.otlp._signals import LOGS
from otel_agent_telemetry.otlp._values import attributes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from opentelemetry.proto.resource.v1.resource_pb2 import Resource

    from otel_agent_telemetry.meaning._records import SpanRecord
    from otel_agent_telemetry.meaning.harnesses._made import Made
    from otel_agent_telemetry.otlp._reading import Reading
    from otel_agent_telemetry.otlp._signals import Signal

__all__ = ["Agents"]


def _made_of(signal: Signal, request: Any) -> Iterator[Made]:
    """The spans that a request's log records or metrics stand for."""
    for of_resource in getattr(request, signal.resources):
        given = attributes(of_resource.resource.attributes)
        for of_scope in getattr(of_resource, signal.scopes):
            harness = harness_of(str(given.get(semconv.SERVICE_NAME, "")), of_scope.scope.name)
            if harness is None:
                continue
            for record in getattr(of_scope, signal.records):
                if signal is LOGS:
                    made = made_of_log(of_resource.resource, harness, record)
                    yield from () if made is None else (made,)
                else:
                    yield from made_of_metric(of_resource.resource, harness, record)


class Agents:
    """The records of coding agents, each once; the last point of a series stands for those before it."""

    def __init__(self) -> None:
        self._spans: dict[tuple[int, int], Place] = {}
        self._made: dict[tuple[int, int], Made] = {}

    def source(self, resource: Resource, scope: str) -> tuple[str, str] | None:
        """Harness and process that spans of a scope are of; None where it is no coding agent."""
        given: Mapping[str, object] = attributes(resource.attributes)
        harness = harness_of(str(given.get(semconv.SERVICE_NAME, "")), scope)
        return None if harness is None else (harness, process_of(given))

    def add(self, source: tuple[str, str], record: SpanRecord, name: str) -> None:
        """Take in a span."""
        known = self._spans.get(record[:2])
        if known is not None and known.end_ns:
            return
        said = said_of_span(record, name, source[0])
        run = None if said is None else run_around(said, source[1])
        if run is not None:
            self._take(run)
        homed = record if said is None else record._replace(trace_id=home_of(said, source[1]))
        if said is not None and homed is not record:
            said.key, said.parent_key, said.trace_id = homed.key, homed.parent_key, homed.trace_id
        self._spans[record[:2]] = Place(homed.key, homed.parent_key, record.start_ns, record.end_ns, said)

    def gather(self, reading: Reading) -> None:
        """Take in log records or metrics."""
        for made in _made_of(reading.signal, reading.request):
            self._take(made)

    def _take(self, made: Made) -> None:
        known = self._made.get((made.trace_id, made.span_id))
        if known is None or made.end_ns > known.end_ns:
            self._made[made.trace_id, made.span_id] = made

    def places(self, last_ns: int) -> list[Place]:
        """All of them; what has not ended ends then."""
        told = [made.said(end_ns=last_ns) for made in self._made.values()]
        spans = (
            place if place.end_ns else place._replace(end_ns=max(last_ns, place.start_ns))
            for place in self._spans.values()
        )
        return [*spans, *(Place(said.key, said.parent_key, said.start_ns, said.end_ns, said) for said in told)]
