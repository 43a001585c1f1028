from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from otel_agent_telemetry.cli._outbox import Ledgers
from otel_agent_telemetry.identity import FileStore, resolve
from otel_agent_telemetry.local import find_trace
from otel_agent_telemetry.local.read.left._left import LeftShape, NoOutbox, left_machine
from otel_agent_telemetry.pipeline.writing.anonymise import Anonymiser
from otel_agent_telemetry.pipeline.writing.registries import Registries
from tests.local.made import START, Made, request, trace_id

if TYPE_CHECKING:
    from pathlib import Path

    from otel_agent_telemetry.local import Store
    from otel_agent_telemetry.local.read.left._left import Outbox

TASK: dict[str, object] = {"agent.lifecycle": "task", "agent.task.id": "task-17", "agent.task.name": "secret plan"}
WHEN = "2026-11-21T22:09:28.000Z"
LATER = "2026-11-21T23:09:28.000Z"


def keep(store: Store, *events: dict[str, object]) -> None:
    """The events, as if they had come just after the trace."""
    for event in events:
        store.add_events("proxy", "application/json", json.dumps(event).encode())
    with store.writing() as connection:
        connection.execute("UPDATE events SET received_ns = ?", (START + 10**9,))


def left(store: Store, outbox: Outbox | None = None, trace: int = 1) -> LeftShape:
    """What left the machine of a trace."""
    with closing(store.reader()) as connection:
        return left_machine(connection, find_trace(connection, trace_id(trace))[0], outbox or NoOutbox())


def proxy(event: str, occurred: str = WHEN, product: str = "acme", **properties: object) -> dict[str, object]:
    """A body of the proxy dialect."""
    return {"product": product, "event": event, "occurred_at": occurred, "properties": properties}


def test_without_a_key_events_go_by_time(store: Store) -> None:
    """An event that happened while the trace ran is shown with it, another is not."""
    store.add_spans(request(Made(attributes=TASK)))
    keep(store, proxy("task.started", taskId="ab" * 8), proxy("task.started", LATER, taskId="ab" * 8))
    assert [(event["event"], event["matched_by"]) for event in left(store)["events"]] == [("task.started", "time")]


def test_with_the_key_events_go_by_their_reference(store: Store, tmp_path: Path) -> None:
    """A keyed hash of the trace's task id makes an event its own, whenever it happened; another hash does not."""
    identity = resolve(FileStore(tmp_path, "acme"))
    assert identity is not None
    mine = Anonymiser(identity.reference_key, Registries()).reference("task", "task-17")
    store.add_spans(request(Made(attributes=TASK)))
    keep(store, proxy("task.completed", LATER, taskId=mine), proxy("task.completed", taskId="ab" * 8))
    found = left(store, Ledgers(str(tmp_path)))["events"]
    assert [(event["fields"][0]["value"], event["matched_by"]) for event in found] == [(mine, "reference")]


def test_a_field_says_its_kind_and_what_it_is_made_from(store: Store) -> None:
    """Kind and reason come from the contract; the source is an attribute, or words for what is none."""
    store.add_spans(request(Made(attributes=TASK)))
    keep(store, proxy("task.completed", source="api", durationMs=100, version="2.3.0"))
    assert left(store)["events"][0]["fields"] == [
        {
            "name": "source",
            "value": "api",
            "kind": "Enum",
            "why": "where work comes from",
            "sources": ["agent.task.source"],
        },
        {
            "name": "durationMs",
            "value": 100,
            "kind": "Milliseconds",
            "why": "how long tasks take, since they were created",
            "sources": ["the span's start and end"],
        },
        {
            "name": "version",
            "value": "2.3.0",
            "kind": "Envelope",
            "why": "says which product and release it is",
            "sources": ["the product's own settings"],
        },
    ]


def test_the_docker_dialect_is_read_too(store: Store) -> None:
    """Its keys are led back to the contract's properties."""
    store.add_spans(request(Made()))
    record = {"event": "tool", "event_timestamp": START // 10**6, "properties": {"action": "call", "duration_ms": 30}}
    keep(store, {"records": [record]})
    (event,) = left(store)["events"]
    assert (event["event"], event["dialect"]) == ("tool.called", "docker")
    assert [(field["name"], field["kind"]) for field in event["fields"]] == [
        ("action", "Envelope"),
        ("duration_ms", "Milliseconds"),
    ]


def test_what_no_event_holds_is_named(store: Store) -> None:
    """Names of what was left out, never its values; what an event was made from is not among it."""
    made = request(Made(attributes={**TASK, "note": "very secret"}, error=True))
    span = made.resource_spans[0].scope_spans[0].spans[0]
    span.status.message = "very secret"
    span.events.add(name="very secret")
    span.links.add(trace_id=b"x" * 16, span_id=b"y" * 8)
    store.add_spans(made)
    keep(store, proxy("task.started", taskId="ab" * 8))
    out = {row["what"]: row["count"] for row in left(store)["left_out"]}
    assert out == {
        "attribute agent.lifecycle": 1,
        "attribute agent.task.name": 1,
        "attribute note": 1,
        "resource attribute service.name": 1,
        "span events, with exception messages and stack traces": 1,
        "span links": 1,
        "span names": 1,
        "status messages": 1,
    }
    assert "secret" not in json.dumps(left(store))


@pytest.mark.parametrize(
    "body", [b"\xff", b"[1]", b'{"records": 1}', b'{"records": [1, {"event_timestamp": "x"}]}', b'{"occurred_at": {}}']
)
def test_a_strange_event_is_no_obstacle(store: Store, body: bytes) -> None:
    """What cannot be read is not shown, and what can be is."""
    store.add_spans(request(Made()))
    store.add_events("proxy", "application/json", body)
    keep(store, proxy("task.started"))
    assert [event["event"] for event in left(store)["events"]] == ["task.started"]
