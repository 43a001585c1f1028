"""Which spans hold a judgement is known beforehand."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from otel_agent_telemetry.local import Store
from otel_agent_telemetry.local.read.talk._feedback import feedback_of_traces
from tests.local.made import START, Made, chat, request, trace_id
from tests.local.older import forget_users

if TYPE_CHECKING:
    from pathlib import Path

    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


def judged() -> ExportTraceServiceRequest:
    """A trace with a judgement on its model call."""
    made = request(Made(attributes=chat()))
    event = made.resource_spans[0].scope_spans[0].spans[0].events.add(name="gen_ai.evaluation.result")
    event.time_unix_nano = START
    event.attributes.add(key="gen_ai.evaluation.score.label").value.string_value = "good"
    return made


def labels(store: Store) -> list[str | None]:
    """What was said of the trace."""
    with closing(store.reader()) as connection:
        found = feedback_of_traces(connection, [trace_id()])
    return [each["label"] for each in found.get(trace_id(), [])]


def test_a_judgement_is_found_and_goes_with_its_span(store: Store) -> None:
    """At once, before the trace is settled; what knows of it is let go with the span."""
    store.add_spans(judged())
    assert labels(store) == ["good"]
    with store.writing() as connection:
        connection.execute("DELETE FROM spans")
        assert connection.execute("SELECT count(*) FROM judged").fetchone()[0] == 0


def test_judgements_of_an_older_store_are_known_when_it_is_opened(tmp_path: Path) -> None:
    """A release that looked through every span left nothing that says where they are."""
    db = tmp_path / "traces.sqlite"
    with closing(Store(db)) as store:
        store.add_spans(judged())
        with store.writing() as connection:
            forget_users(connection)
    with closing(Store(db)) as store:
        assert labels(store) == ["good"]
