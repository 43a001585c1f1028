"""What left this machine: the anonymous events that a trace gave, and what of the trace they leave out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypedDict, cast

from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otel_agent_telemetry import contract, semconv
from otel_agent_telemetry.contract._kinds import Kind, Ref
from otel_agent_telemetry.contract._reference import reference
from otel_agent_telemetry.errors import InputError
from otel_agent_telemetry.local.read._moments import iso, parse_moment_ns
from otel_agent_telemetry.local.read.left._provenance import property_sources
from otel_agent_telemetry.otlp._values import attributes

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator

    from otel_agent_telemetry.contract._events import Event

__all__ = ["LeftEvent", "LeftField", "LeftOut", "LeftShape", "NoOutbox", "Outbox", "documents", "left_machine"]

_SECOND_NS = 10**9
_LATE_NS = 24 * 3600 * _SECOND_NS  # an event is given up after a day
_MOST_EVENTS = 5000
_NAMESPACES = {
    "task": (semconv.AGENT_TASK_ID,),
    "session": (semconv.GEN_AI_CONVERSATION_ID, "session.id"),
    "workflow": (semconv.AGENT_WORKFLOW_ID,),
    "agent": (semconv.GEN_AI_AGENT_ID,),
}


class LeftField(TypedDict):
    """A field of an event: its value, its kind in the contract, why it is collected, and what it was made from."""

    name: str
    value: object
    kind: str
    why: str
    sources: list[str]


class Outbox(Protocol):
    """What products on this machine keep of their events."""

    def reference_key(self, product: str) -> bytes | None:
        """The key that a product's references are hashed with, or None where it is not to be had."""
        ...

    def bodies(self, since_ns: int) -> Iterable[tuple[str, bytes]]:
        """Bodies recorded since then, each with its state: ``sent``, ``pending``, ``dropped``."""
        ...


class NoOutbox:
    """An outbox with nothing in it."""

    def reference_key(self, product: str) -> bytes | None:
        """None."""
        return None

    def bodies(self, since_ns: int) -> Iterable[tuple[str, bytes]]:
        """Nothing."""
        return ()


class LeftEvent(TypedDict):
    """An event that a trace gave.

    ``matched_by`` is ``reference`` (a keyed hash agrees) or ``time``; ``state`` is the ledger's (``pending``, ``sent``,
    ``dropped``, ``counting``, ``recorded, nowhere to send``), or ``received here``.
    """

    event: str
    state: str
    dialect: str
    occurred: str
    matched_by: str
    fields: list[LeftField]
    body: str


class LeftOut(TypedDict):
    """Something that the trace holds and no event does, and on how many spans."""

    what: str
    count: int


class LeftShape(TypedDict):
    """What ``/api/traces/ID/left`` gives. ``left_out`` names things, never their values."""

    events: list[LeftEvent]
    left_out: list[LeftOut]


@dataclass(frozen=True, slots=True)
class _Facts:
    start_ns: int
    end_ns: int
    identifiers: dict[str, set[str]]


def left_machine(connection: sqlite3.Connection, trace: int, outbox: Outbox) -> LeftShape:
    """The events of the trace with that row id, whether they came here or a ledger on this machine holds them."""
    spans = [
        Span.FromString(body) for (body,) in connection.execute("SELECT body FROM spans WHERE trace = ?", (trace,))
    ]
    start, end = connection.execute("SELECT start_ns, end_ns FROM traces WHERE id = ?", (trace,)).fetchone()
    facts = _Facts(start, end, _identifiers(spans))
    keys = _Keys(outbox.reference_key)
    bodies = {body: state for state, body in outbox.bodies(start - _SECOND_NS)}
    query = "SELECT body FROM events WHERE received_ns >= ? AND received_ns <= ? ORDER BY id LIMIT ?"
    received = connection.execute(query, (start - _SECOND_NS, min(end + _LATE_NS, 2**63 - 1), _MOST_EVENTS))
    bodies |= {body: "received here" for (body,) in received}
    events = [left for body, state in bodies.items() for left in _events(state, body, facts, keys)]
    events.sort(key=lambda event: event["occurred"])
    used = {source for event in events for field in event["fields"] for source in field["sources"]}
    return {"events": events, "left_out": _left_out(connection, trace, spans, used)}


class _Keys:
    """Reference keys by product, each looked up once."""

    def __init__(self, look_up: Callable[[str], bytes | None]) -> None:
        self._look_up = look_up
        self._known: dict[str, bytes | None] = {}

    def __getitem__(self, product: str) -> bytes | None:
        if product not in self._known:
            self._known[product] = self._look_up(product)
        return self._known[product]


def _events(state: str, body: bytes, facts: _Facts, keys: _Keys) -> Iterator[LeftEvent]:
    for document in documents(body):
        dialect = "docker" if "records" in document else "proxy"
        for declared, properties, occurred_ns in _records(dialect, document):
            matched = _matched(properties, declared, facts, keys[str(document.get("product", ""))], occurred_ns)
            if matched is not None:
                yield {
                    "event": declared.name if declared else "unknown",
                    "state": state,
                    "dialect": dialect,
                    "occurred": iso(occurred_ns),
                    "matched_by": matched,
                    "fields": [_field(declared, dialect, name, value) for name, value in properties.items()],
                    "body": body.decode(errors="replace"),
                }


def documents(body: bytes) -> list[dict[str, object]]:
    """The JSON objects of an event's body: one, or one a line."""
    found: list[dict[str, object]] = []
    for line in body.splitlines():
        try:
            document: object = json.loads(line)
        except (ValueError, RecursionError):
            return _whole(body)
        if isinstance(document, dict):
            found.append(cast("dict[str, object]", document))
    return found


def _whole(body: bytes) -> list[dict[str, object]]:
    """A body that is one document over several lines."""
    try:
        document: object = json.loads(body)
    except (ValueError, RecursionError):
        return []
    return [cast("dict[str, object]", document)] if isinstance(document, dict) else []


def _records(dialect: str, document: dict[str, object]) -> Iterator[tuple[Event | None, dict[str, object], int]]:
    if dialect == "proxy":
        yield contract.lookup(str(document.get("event"))), _object(document.get("properties")), _occurred(document)
        return
    records = document.get("records")
    for record in cast("list[object]", records) if isinstance(records, list) else []:
        fields = _object(record)
        properties = _object(fields.get("properties"))
        yield _docker_event(fields.get("event"), properties.get("action")), properties, _occurred(fields)


def _docker_event(name: object, action: object) -> Event | None:
    exact = [event for event in contract.events().values() if event.docker == (name, action)]
    loose = [event for event in contract.events().values() if event.docker == (name, None)]
    return next(iter((*exact, *loose)), None)


def _occurred(fields: dict[str, object]) -> int:
    """Nanoseconds since the epoch; 0 for what is no time."""
    moment = fields.get("occurred_at", fields.get("event_timestamp"))
    if isinstance(moment, int):
        return moment * 10**6
    try:
        return parse_moment_ns(str(moment), now_ns=0)
    except InputError:
        return 0


def _matched(
    properties: dict[str, object], declared: Event | None, facts: _Facts, key: bytes | None, occurred_ns: int
) -> str | None:
    references = {
        name: kind.namespace
        for name, kind in (declared.properties.items() if declared else ())
        if isinstance(kind, Ref) and name in properties and kind.namespace != "agent"
    }
    if key is not None and references:
        agree = any(
            properties[name] == reference(key, namespace, identifier)
            for name, namespace in references.items()
            for identifier in facts.identifiers.get(namespace, ())
        )
        return "reference" if agree else None
    # an event's time is truncated to the second
    return "time" if facts.start_ns - _SECOND_NS <= occurred_ns <= facts.end_ns + _SECOND_NS else None


def _identifiers(spans: list[Span]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for span in spans:
        carried = attributes(span.attributes)
        for namespace, keys in _NAMESPACES.items():
            found.setdefault(namespace, set()).update(str(carried[key]) for key in keys if key in carried)
    return found


def _field(declared: Event | None, dialect: str, name: str, value: object) -> LeftField:
    kind = _kind_of(declared, dialect, name)
    return {
        "name": name,
        "value": value,
        "kind": kind[1].label if kind else "Envelope",
        "why": kind[1].why if kind else "says which product and release it is",
        "sources": property_sources(declared.name if declared and kind else "", kind[0] if kind else name),
    }


def _kind_of(declared: Event | None, dialect: str, name: str) -> tuple[str, Kind] | None:
    for key, kind in declared.properties.items() if declared else ():
        if name == (kind.docker if dialect == "docker" else key):
            return key, kind
    return None


def _left_out(connection: sqlite3.Connection, trace: int, spans: list[Span], used: set[str]) -> list[LeftOut]:
    counts: dict[str, int] = {}

    def add(what: str, number: int) -> None:
        if number:
            counts[what] = counts.get(what, 0) + number

    for span in spans:
        add("span names", 1)
        add("status messages", bool(span.status.message))
        add("span events, with exception messages and stack traces", len(span.events))
        add("span links", len(span.links))
        for pair in span.attributes:
            add(f"attribute {pair.key}", pair.key not in used)
    resources = "SELECT resource FROM origins WHERE id IN (SELECT origin FROM visits WHERE trace = ?)"
    for (body,) in connection.execute(resources, (trace,)):
        for pair in Resource.FromString(body).attributes:
            add(f"resource attribute {pair.key}", 1)
    logs = "SELECT count(*) FROM logs WHERE trace_id = (SELECT trace_id FROM traces WHERE id = ?)"
    add("log records", connection.execute(logs, (trace,)).fetchone()[0])
    return [{"what": what, "count": count} for what, count in sorted(counts.items())]


def _object(value: object) -> dict[str, object]:
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}
