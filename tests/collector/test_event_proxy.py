from __future__ import annotations

import json
import os
import subprocess
import sys
from hashlib import sha256
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from otel_agent_telemetry import contract
from otel_agent_telemetry.pipeline.writing.anonymise import CleanEvent
from otel_agent_telemetry.pipeline.writing.dialect import Envelope, encode
from tests.collector.running import Collector, lines, plain, records, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

pytestmark = pytest.mark.collector

PROGRAM = [sys.executable, "-m", "otel_agent_telemetry"]
OCCURRED = 1_795_298_968
AROUND = Envelope(
    product="acme-agents",
    source="worker",
    environment="production",
    installation_id="install_0123456789abcdef",
    installed_on="2026-11-20",
    version="2.3.0",
    os="linux",
    language="de_DE.UTF-8",
    properties={"version": "2.3.0"},
)
ENVELOPE = {"product": "acme-agents", "installation": "install_0123456789abcdef", "version": "2.3.0"}
SENTINEL = CleanEvent(contract.events()["server.started"], {"port": 65_000}, OCCURRED)


class Proxy:
    """event-proxy.yaml, running: bodies in, what was stored out."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector
        self.port = collector.http
        self._sent = 0

    def post(self, body: bytes, *, path: str = "/v1/events", headers: Mapping[str, str] | None = None) -> int:
        """Post a body; the status of the answer."""
        connection = HTTPConnection("127.0.0.1", self._collector.http, timeout=10)
        connection.request("POST", path, body, {"Content-Type": "application/json", **(headers or {})})
        status = connection.getresponse().status
        connection.close()
        return status

    def stored(self) -> list[dict[str, Any]]:
        """What was stored since the last call: a last event is sent and everything before it returned."""
        assert self.post(encode("proxy", SENTINEL, AROUND) or b"") == 200
        wait_until(lambda: self._all()[self._sent :][-1:] and self._is_sentinel(self._all()[-1]), "the last event")
        found, self._sent = self._all()[self._sent : -1], len(self._all())
        return found

    def text(self) -> str:
        """All that is on disk: stored events, queue and log of the Collector."""
        files = (path for path in self._collector.state.rglob("*") if path.is_file())
        return "\n".join(path.read_text(encoding="latin-1") for path in files)

    def _all(self) -> list[dict[str, Any]]:
        return [*records(*lines(self._collector.files / "events.jsonl"))]

    @staticmethod
    def _is_sentinel(record: dict[str, Any]) -> bool:
        return plain(record["attributes"]).get("properties.port") == 65_000


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """One running event proxy."""
    with Collector(tmp_path_factory.mktemp("proxy"), "event-proxy.yaml") as collector:
        yield Proxy(collector)


def sample(kind: contract.Kind) -> object:
    """A value such as the kind lets through."""
    if isinstance(kind, contract.Enum):
        return kind.values[-1]
    if isinstance(kind, contract.ListOf):
        return [sample(kind.item), sample(kind.item)]
    samples: dict[type[contract.Kind], object] = {
        contract.Flag: True,
        contract.Usd: 0.012345,
        contract.Ref: "0123456789abcdef",
        contract.PublicName: "custom",
        contract.Version: "1.20.3",
        contract.ErrorCategory: "rate_limit",
        contract.Tag: "beta",
    }
    return samples.get(type(kind), 2**53 - 1)


def clean(event: contract.Event) -> CleanEvent:
    """That event with all that it may carry."""
    return CleanEvent(event, {name: sample(kind) for name, kind in event.properties.items()}, OCCURRED)


def expected(event: contract.Event, properties: Mapping[str, object], **more: object) -> dict[str, object]:
    """The attributes under which an event is stored."""
    carried = {f"properties.{name}": value for name, value in properties.items()}
    return {"event": event.name, **ENVELOPE, **more, **carried}


def written_in_docker(event: contract.Event, body: bytes) -> dict[str, object]:
    """The properties of a body in the docker dialect, under their names in the contract."""
    given = json.loads(body)["records"][0]["properties"]
    named = {
        name: kind.docker or ("" if event.docker_required is not None else snake_case(name))
        for name, kind in event.properties.items()
    }
    return {name: given[theirs] for name, theirs in named.items() if theirs in given}


def snake_case(name: str) -> str:
    """``durationMs`` as ``duration_ms``."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


PROXY_EVENTS = [*contract.events().values()]
DOCKER_EVENTS = [event for event in PROXY_EVENTS if event.docker is not None]


@pytest.mark.parametrize("event", PROXY_EVENTS, ids=lambda event: event.name)
def test_it_takes_each_event_of_the_proxy_dialect(proxy: Proxy, event: contract.Event) -> None:
    """Every event of the contract, with all it may carry, is stored as it was sent."""
    assert proxy.post(encode("proxy", clean(event), AROUND) or b"") == 200
    [record] = proxy.stored()
    assert plain(record["attributes"]) == expected(
        event, clean(event).properties, source="worker", environment="production", installed_on="2026-11-20"
    )


@pytest.mark.parametrize("event", DOCKER_EVENTS, ids=lambda event: event.name)
def test_it_takes_each_event_of_the_docker_dialect(proxy: Proxy, event: contract.Event) -> None:
    """An event in the docker dialect is stored under the names of the contract."""
    body = encode("docker", clean(event), AROUND) or b""
    assert proxy.post(body) == 200
    [record] = proxy.stored()
    assert plain(record["attributes"]) == expected(
        event, written_in_docker(event, body), os="linux", language="de_DE.UTF-8"
    )


@pytest.mark.parametrize(("dialect", "events"), [("proxy", PROXY_EVENTS), ("docker", DOCKER_EVENTS)])
def test_it_takes_all_events_on_lines_of_one_post(proxy: Proxy, dialect: str, events: list[contract.Event]) -> None:
    """Newline-delimited JSON gives one record for each line."""
    bodies = [encode(dialect, clean(event), AROUND) or b"" for event in events]
    assert proxy.post(b"\n".join(bodies), headers={"Content-Type": "application/x-ndjson"}) == 200
    assert [plain(record["attributes"])["event"] for record in proxy.stored()] == [event.name for event in events]


def test_a_record_holds_the_event_and_nothing_of_the_request(proxy: Proxy) -> None:
    """Body, resource and scope are empty; the time is the event's, and that of arrival is known to the hour only."""
    proxy.post(encode("proxy", SENTINEL, AROUND) or b"", path="/v1/events?user=alice&host=secret.example")
    [record] = proxy.stored()
    assert {key: value for key, value in record.items() if key != "attributes"} == {
        "timeUnixNano": str(OCCURRED * 10**9),
        "observedTimeUnixNano": str(int(record["observedTimeUnixNano"]) // (3600 * 10**9) * 3600 * 10**9),
        "body": {"stringValue": ""},
    }
    assert "secret.example" not in proxy.text()


def test_addresses_and_headers_are_stored_nowhere(proxy: Proxy) -> None:
    """Neither the client's address nor what a reverse proxy says of it is in the events, the queue or the log."""
    headers = {"X-Forwarded-For": "203.0.113.77", "Forwarded": "for=203.0.113.77", "X-Real-Ip": "203.0.113.77"}
    proxy.post(encode("proxy", SENTINEL, AROUND) or b"", headers={**headers, "User-Agent": "canary/77.7"})
    proxy.stored()
    text = proxy.text()
    assert [word for word in ("203.0.113.77", "canary/77.7", "x-forwarded-for") if word in text] == []


ONE = encode("proxy", clean(contract.events()["task.completed"]), AROUND) or b""


def keys(proxy: Proxy) -> list[object]:
    """The key of each event that was stored since the last call, None for one without."""
    return [plain(record["attributes"]).get("key") for record in proxy.stored()]


def test_an_event_that_comes_again_has_the_same_key(proxy: Proxy) -> None:
    """Under one Idempotency-Key an event has one key, a digest in which the header is not to be read."""
    for _ in range(2):
        assert proxy.post(ONE, headers={"Idempotency-Key": "canary-of-a-key"}) == 200
    digest = sha256(b"canary-of-a-key " + ONE).hexdigest()
    assert keys(proxy) == [digest, digest]
    assert "canary-of-a-key" not in proxy.text()


def test_the_same_event_under_another_key_is_another(proxy: Proxy) -> None:
    """Two equal events that were recorded twice have keys of their own."""
    for sent in ("first", "second"):
        proxy.post(ONE, headers={"Idempotency-Key": sent})
    assert keys(proxy) == [sha256(f"{sent} ".encode() + ONE).hexdigest() for sent in ("first", "second")]


@pytest.mark.parametrize("ending", [b"", b"\n"])
def test_each_line_of_a_batch_has_a_key_of_its_own(proxy: Proxy, ending: bytes) -> None:
    """The lines of one POST have different keys, and the same again when the batch comes again."""
    batch = [encode("proxy", clean(event), AROUND) or b"" for event in PROXY_EVENTS]
    for _ in range(2):
        headers = {"Content-Type": "application/x-ndjson", "Idempotency-Key": "batch"}
        assert proxy.post(b"\n".join(batch) + ending, headers=headers) == 200
    found = keys(proxy)
    assert found == [sha256(b"batch " + line).hexdigest() for line in batch] * 2
    assert len(set(found)) == len(batch)


def test_without_an_idempotency_key_there_is_no_key(proxy: Proxy) -> None:
    """An event of a sender that gives none is stored without a key: equal events stay two."""
    for _ in range(2):
        proxy.post(ONE)
    assert keys(proxy) == [None, None]


def altered(**changes: object) -> bytes:
    """A good event of the proxy dialect with some members of its envelope replaced."""
    good = json.loads(encode("proxy", clean(contract.events()["task.completed"]), AROUND) or b"")
    return json.dumps({**good, **changes}).encode()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"product":"acme", "event":', id="broken JSON"),
        pytest.param(b"not json", id="no JSON"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b'{"records":[]}', id="no record"),
        pytest.param(b"{" * 8000, id="deep nesting"),
        pytest.param(altered(event="task.exploded"), id="an event that nobody declared"),
        pytest.param(altered(event=["task.completed"]), id="a list for a name"),
        pytest.param(altered(product="acme agents of alice@example.com"), id="a product with spaces"),
        pytest.param(altered(actor_anonymous_id="alice@example.com"), id="no installation id"),
        pytest.param(altered(actor_mode="identified"), id="an actor that is not anonymous"),
        pytest.param(altered(occurred_at="yesterday"), id="no time"),
        pytest.param(altered(metadata={"schema_version": 2}), id="another version of the schema"),
        pytest.param(altered(padding="x" * 100_000), id="a body of 100 KB"),
    ],
)
def test_what_is_no_event_is_not_stored(proxy: Proxy, body: bytes) -> None:
    """A body that is no event of the contract leaves nothing behind."""
    proxy.post(body)
    assert proxy.stored() == []


def test_a_body_beyond_the_limit_is_refused(proxy: Proxy) -> None:
    """More than 2 MiB are answered with 400."""
    assert proxy.post(b"x" * (2 * 1024 * 1024 + 1)) == 400


def test_other_paths_and_methods_are_refused(proxy: Proxy) -> None:
    """Only /v1/events takes events."""
    assert proxy.post(altered(), path="/") == 404


def with_properties(**properties: object) -> bytes:
    """A completed task with these properties alone."""
    return altered(properties=properties)


@pytest.mark.parametrize(
    "properties",
    [
        pytest.param({"prompt": "free text"}, id="a property that nobody declared"),
        pytest.param({"port": 80}, id="a property of another event"),
        pytest.param({"taskId": "6f1c7f3e-9a43-4d8e-a2a5-3a3c64c0a7f1"}, id="an identifier that is no keyed hash"),
        pytest.param({"source": "a source of my own"}, id="a word that is not in the list"),
        pytest.param({"durationMs": "1840"}, id="a number as text"),
        pytest.param({"durationMs": -1}, id="a number below the range"),
        pytest.param({"durationMs": 2**60}, id="a number above the range"),
        pytest.param({"durationMs": 1.5}, id="a fraction for a count"),
        pytest.param({"durationMs": {"nested": 1}}, id="an object for a number"),
        pytest.param({"errorCategory": ["timeout"]}, id="a list for a word"),
        pytest.param({"harnessVersion": "1.2.3.4 on alice's laptop"}, id="a version with text"),
        pytest.param({"version": "secret"}, id="a version that is none"),
        pytest.param({"is_cloud": "yes"}, id="text for a flag"),
        pytest.param({"properties.taskId": "0123456789abcdef"}, id="a name as it is stored"),
    ],
)
def test_a_field_outside_the_contract_is_dropped(proxy: Proxy, properties: dict[str, object]) -> None:
    """A property that its event does not have, or whose value is not of its kind, is dropped; the event stays."""
    proxy.post(with_properties(**properties))
    [record] = proxy.stored()
    envelope = {"product": "acme-agents", "installation": "install_0123456789abcdef"}
    assert plain(record["attributes"]) == {
        **envelope,
        "event": "task.completed",
        "source": "worker",
        "environment": "production",
        "installed_on": "2026-11-20",
    }


def test_of_duplicate_keys_only_a_checked_value_is_stored(proxy: Proxy) -> None:
    """Whichever of two values the parser takes, it is checked: the text beside the number is nowhere."""
    good = with_properties(durationMs=1840).decode()
    proxy.post(good.replace('"durationMs": 1840', '"durationMs": 1840, "durationMs": "alice"').encode())
    proxy.post(good.replace('"durationMs": 1840', '"durationMs": "alice", "durationMs": 1840').encode())
    assert len(proxy.stored()) == 2
    assert "alice" not in proxy.text()


@pytest.mark.parametrize("errors", [[], ["timeout"], ["timeout"] * 32])
def test_a_list_keeps_up_to_32_words(proxy: Proxy, errors: list[str]) -> None:
    """A list of error categories is stored as it is."""
    proxy.post(altered(event="session.ended", properties={"errors": errors}))
    [record] = proxy.stored()
    assert plain(record["attributes"])["properties.errors"] == errors


@pytest.mark.parametrize(
    "errors", [["timeout"] * 33, ["timeout", "free text"], ["timeout", 1], "timeout", [["timeout"]]]
)
def test_a_list_with_anything_else_is_dropped(proxy: Proxy, errors: object) -> None:
    """One wrong item, or one too many, and the list is dropped."""
    proxy.post(altered(event="session.ended", properties={"errors": errors}))
    [record] = proxy.stored()
    assert "properties.errors" not in plain(record["attributes"])


def test_what_a_service_sends_is_stored_event_by_event(proxy: Proxy, tmp_path: Path) -> None:
    """Every event in the ledger of a service that ran is stored, with its own name, properties and key."""
    settings = {
        "AGENT_TELEMETRY_ENDPOINT": f"http://127.0.0.1:{proxy.port}/v1/events",
        "AGENT_TELEMETRY_ALLOW_IN_TESTS": "1",
        "AGENT_TELEMETRY_PRODUCT": "acme-agents",
        "AGENT_TELEMETRY_SYNC": "1",
        "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "*",
    }
    service = [*PROGRAM, "run", "--", sys.executable, str(Path(__file__).with_name("app.py"))]
    subprocess.run(service, check=True, env={**os.environ, **settings}, cwd=tmp_path)
    listed = subprocess.run([*PROGRAM, "events", "--json"], check=True, stdout=subprocess.PIPE).stdout
    sent = [json.loads(line) for line in listed.splitlines()]
    assert len(sent) > 5
    stored = [plain(record["attributes"]) for record in proxy.stored()]
    assert len({record.pop("key") for record in stored}) == len(sent)
    assert stored == [as_stored(body) for body in sent]


def as_stored(body: dict[str, Any]) -> dict[str, object]:
    """A body of the proxy dialect as it is stored."""
    envelope = {
        "product": body["product"],
        "event": body["event"],
        "source": body["source"],
        "installation": body["actor_anonymous_id"],
        "environment": body["metadata"]["environment"],
        "installed_on": body["metadata"]["install_created_at"],
    }
    return envelope | {f"properties.{name}": value for name, value in body["properties"].items()}
