"""What a proxy takes of an event: the fields that the contract names, of their kinds, and nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from otel_agent_telemetry import contract
from otel_agent_telemetry.maintainers.book._arrivals import DroppedError, Reader
from otel_agent_telemetry.pipeline.writing.anonymise import CleanEvent
from otel_agent_telemetry.pipeline.writing.dialect import Envelope, encode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_agent_telemetry.contract import Event, Kind

NOW = 1_790_000_000
AROUND = Envelope(
    product="acme",
    source="worker",
    environment="production",
    installation_id="install_0123456789abcdef",
    installed_on="2026-03-04",
    version="2.3.0",
    os="linux",
    language="de_DE.UTF-8",
    properties={"version": "2.3.0"},
)
OF_KIND: dict[str, object] = {
    "Flag": True,
    "Count": 7,
    "Milliseconds": 1500,
    "Usd": 0.25,
    "Ref": "0123456789abcdef",
    "PublicName": "gpt-5",
    "Version": "1.2.3",
    "ErrorCategory": "timeout",
    "Tag": "other",
}
BODY: dict[str, Any] = json.loads(
    encode("proxy", CleanEvent(contract.events()["task.failed"], {"durationMs": 5}, NOW), AROUND) or b""
)


def value_of(kind: Kind) -> object:
    """A value of a kind."""
    if isinstance(kind, contract.Enum):
        return kind.values[0]
    return [value_of(kind.item)] if isinstance(kind, contract.ListOf) else OF_KIND[type(kind).__name__]


@pytest.fixture
def reader() -> Reader:
    """A reader of the contract as it is."""
    return Reader()


@pytest.mark.parametrize("event", contract.events().values(), ids=lambda e: e.name)
def test_every_event_arrives_as_it_was_sent(reader: Reader, event: Event) -> None:
    """Of each event of the contract, each property in the dialect proxy is taken."""
    properties = {name: value_of(kind) for name, kind in event.properties.items()}
    arrival = reader.read("proxy", encode("proxy", CleanEvent(event, properties, NOW), AROUND) or b"", now=NOW)
    assert arrival.properties == properties
    assert arrival[:8] == (
        "acme", event.name, "install_0123456789abcdef", NOW, "2.3.0", "worker", "production", "",
    )  # fmt: skip


@pytest.mark.parametrize("event", [event for event in contract.events().values() if event.docker], ids=lambda e: e.name)
def test_every_event_of_the_docker_dialect_arrives(reader: Reader, event: Event) -> None:
    """What that dialect sends of an event has the names of the contract again."""
    properties = {name: value_of(kind) for name, kind in event.properties.items()}
    body = encode("docker", CleanEvent(event, properties, NOW), AROUND) or b""
    arrival = reader.read("docker", body, now=NOW)
    said = {
        name: value
        for name, value in properties.items()
        if event.docker_required is None or event.properties[name].docker is not None
    }
    if "errorCount" in said:
        said["isSuccess"] = False  # as docker-agent has it
    assert arrival.event == event.name
    assert (arrival.os, arrival.language, arrival.version, arrival.occurred) == ("linux", "de_DE.UTF-8", "2.3.0", NOW)
    assert arrival.properties == said


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"event": "task.exploded"}, "unknown_event"),
        ({"event": 7}, "unknown_event"),
        ({"product": "a b"}, "no_product"),
        ({"product": None}, "no_product"),
        ({"actor_anonymous_id": "install_0123"}, "no_installation"),
        ({"actor_anonymous_id": "jane@example.org"}, "no_installation"),
        ({"actor_mode": "named"}, "unknown_schema"),
        ({"metadata": {"schema_version": 99}}, "unknown_schema"),
        ({"metadata": []}, "unknown_schema"),
        ({"occurred_at": "yesterday"}, "wrong_time"),
        ({"occurred_at": "2026-13-40T00:00:00.000Z"}, "wrong_time"),
        ({"occurred_at": "1999-01-01T00:00:00.000Z"}, "wrong_time"),
        ({"occurred_at": "2099-01-01T00:00:00.000Z"}, "wrong_time"),
        ({"filler": "x" * 9000}, "too_large"),
    ],
)
def test_what_is_no_event_has_a_reason(reader: Reader, change: dict[str, object], reason: str) -> None:
    """Nothing of it is kept, and the reason is one of a few words."""
    with pytest.raises(DroppedError, match=f"^{reason}$"):
        reader.read("proxy", json.dumps({**BODY, **change}).encode(), now=NOW)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[1]", b"7", b"null", b"\xff", b"[" * 5000, b'{"records":[]}', b'{"records":[1,2]}']
)
@pytest.mark.parametrize("dialect", ["proxy", "docker"])
def test_broken_bodies_are_dropped(reader: Reader, dialect: str, body: bytes) -> None:
    """No body raises anything else."""
    with pytest.raises(DroppedError):
        reader.read(dialect, body, now=NOW)


@pytest.mark.parametrize(
    "properties",
    [
        {"prompt": "my secret"},
        {"durationMs": "12"},
        {"durationMs": 1.5},
        {"durationMs": -1},
        {"durationMs": 2**53},
        {"durationMs": True},
        {"durationMs": [1]},
        {"errorCategory": "KeyError: jane"},
        {"errorCategory": ["timeout"]},
        {"taskId": "jane"},
        {"taskId": "0123456789ABCDEF"},
        {"source": "my secret"},
        {"harnessVersion": "1.2.3; rm"},
        {"provider": {"name": "claude"}},
    ],
    ids=str,
)
def test_a_field_outside_the_contract_is_dropped(reader: Reader, properties: dict[str, object]) -> None:
    """The event is kept without it."""
    body = json.dumps({**BODY, "properties": properties, "extra": "my secret"}).encode()
    assert reader.read("proxy", body, now=NOW).properties == {}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1, 2e9, "0.5", True])
def test_money_is_a_number_in_range(reader: Reader, value: object) -> None:
    """Anything else is no cost."""
    body = json.dumps({**BODY, "event": "token.usage", "properties": {"costUsd": value, "model": "gpt-5"}}).encode()
    assert reader.read("proxy", body, now=NOW).properties == {"model": "gpt-5"}


@pytest.fixture
def _declared() -> Iterator[None]:
    contract.event("import.finished", rows=contract.Count())
    contract.tag("tier", "free", "paid")
    yield
    contract.withdraw("import.finished")
    contract.withdraw("tier")


@pytest.mark.usefixtures("_declared")
@pytest.mark.parametrize("dialect", ["proxy", "docker"])
def test_what_a_product_declares_is_taken(dialect: str) -> None:
    """Its events, its properties, and its tags on any event."""
    around = replace(AROUND, tags={"tier": "paid"})
    body = encode(dialect, CleanEvent(contract.events()["import.finished"], {"rows": 3}, NOW), around) or b""
    arrival = Reader().read(dialect, body, now=NOW)
    assert (arrival.event, arrival.properties) == ("import.finished", {"tier": "paid", "rows": 3})
