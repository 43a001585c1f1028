from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from otel_agent_telemetry import contract
from tests.collector.running import Collector, plain
from tests.collector.test_event_proxy import Proxy
from tests.parts import absent

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.collector

FOLDER = Path(os.environ.get("AGENT_TELEMETRY_GOLDENS", "no goldens"))
DOCKER = {event.docker: event for event in contract.events().values() if event.docker is not None}


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """One running event proxy."""
    with Collector(tmp_path_factory.mktemp("proxy"), "event-proxy.yaml") as collector:
        yield Proxy(collector)


def captured(client: str) -> list[dict[str, Any]]:
    """Every body that this client sent, as captured."""
    cases = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((FOLDER / client).glob("*.json"))]
    if not cases:
        absent("goldens", "make test-goldens GOLDENS=folder")
    return [json.loads(sent["body"]) for case in cases for sent in case["requests"] if sent["body"]]


def fitting(event: contract.Event, given: dict[str, Any], names: dict[str, str | None]) -> dict[str, object]:
    """Of the properties that were sent, those that the contract's JSON Schema allows, as they are stored."""
    return {
        f"properties.{name}": given[written]
        for name, kind in event.properties.items()
        if (written := names[name]) in given and given[written] != "" and fits(kind, given[written])
    }


def fits(kind: contract.Kind, value: Any) -> bool:
    """Whether the contract's JSON Schema allows the value."""
    return Draft202012Validator(kind.schema()).is_valid(value)  # pyright: ignore[reportUnknownMemberType] - untyped upstream


def stored(proxy: Proxy, bodies: list[dict[str, Any]]) -> list[tuple[object, dict[str, object]]]:
    """Name and declared properties of what the proxy stores of these bodies, posted one by one."""
    for body in bodies:
        proxy.post(json.dumps(body).encode())
    found = [plain(record["attributes"]) for record in proxy.stored()]
    return [(attributes["event"], declared(attributes)) for attributes in found]


def declared(attributes: dict[str, object]) -> dict[str, object]:
    """The properties that the event itself declares."""
    names = {f"properties.{name}" for name in contract.events()[str(attributes["event"])].properties}
    return {key: value for key, value in attributes.items() if key in names}


def test_what_agent_swarm_sends_is_taken_as_far_as_the_contract_goes(proxy: Proxy) -> None:
    """Every captured event that the contract knows is stored, with just the properties that fit."""
    known = [
        body
        for body in captured("agent-swarm")
        if body["event"] in contract.events() and body["metadata"]["schema_version"] == contract.SCHEMA_VERSION
    ]
    events = [contract.events()[body["event"]] for body in known]
    assert stored(proxy, known) == [
        (event.name, fitting(event, body["properties"], {name: name for name in event.properties}))
        for event, body in zip(events, known, strict=True)
    ]
    assert len({event.name for event in events}) > 20


def test_what_docker_agent_sends_is_taken_as_far_as_the_contract_goes(proxy: Proxy) -> None:
    """The same for the docker dialect; its captured UUIDs are no installation ids of ours, so they get one."""
    bodies = captured("docker-agent")
    for body in bodies:
        body["records"][0]["properties"]["user_uuid"] = "install_0123456789abcdef"
    records = [body["records"][0] for body in bodies]
    events = [DOCKER.get((r["event"], r["properties"].get("action"))) or DOCKER[r["event"], None] for r in records]
    assert stored(proxy, bodies) == [
        (
            event.name,
            fitting(event, record["properties"], {name: kind.docker for name, kind in event.properties.items()}),
        )
        for event, record in zip(events, records, strict=True)
    ]


def test_a_captured_uuid_is_no_installation(proxy: Proxy) -> None:
    """A body whose id is not one of this project's is not stored."""
    assert stored(proxy, captured("docker-agent")) == []
