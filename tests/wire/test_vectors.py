"""What leaves the machine, byte for byte, for every event of both dialects."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from otel_agent_telemetry import contract
from otel_agent_telemetry._folder import ledger_file
from otel_agent_telemetry.pipeline.sending.ledger import Ledger
from tests.wire.vectors import PRODUCT, VECTORS, by_name, expected, file_store, sql_store, telemetry, timeless

if TYPE_CHECKING:
    from pathlib import Path

    from tests.recorder import Recorder, Request

FULL, EMPTY, KINDS = (by_name(VECTORS[name]) for name in ("full", "empty", "kinds"))
DIALECT = pytest.mark.parametrize("dialect", ["proxy", "docker"])


def sent(vector: Any, folder: Path, recorder: Recorder, dialect: str) -> list[str]:
    """The bodies that arrive for the call of a vector."""
    acme = telemetry(folder, file_store(folder), recorder, dialect=dialect)
    acme.track(vector["event"], **vector["given"])
    assert acme.flush(5)
    acme.shutdown(0)
    return [timeless(request.body) for request in recorder.requests]


def test_every_event_has_vectors() -> None:
    """Each event of the contract has a vector with all of its properties, and one with none."""
    declared = {event.name: set(event.properties) for event in contract.events().values()}
    assert {event: set(vector["given"]) for event, vector in FULL.items()} == declared
    assert set(EMPTY) == set(declared)


@DIALECT
@pytest.mark.parametrize("event", FULL)
def test_all_properties(tmp_path: Path, recorder: Recorder, event: str, dialect: str) -> None:
    """An event with all of its properties is exactly this body, or nothing where the dialect lacks it."""
    body = FULL[event][dialect]
    assert sent(FULL[event], tmp_path, recorder, dialect) == ([] if body is None else [expected(body)])


@DIALECT
@pytest.mark.parametrize("event", EMPTY)
def test_no_properties(tmp_path: Path, recorder: Recorder, event: str, dialect: str) -> None:
    """An event without properties has those alone that the dialect requires, with their defaults."""
    body = EMPTY[event][dialect]
    assert sent(EMPTY[event], tmp_path, recorder, dialect) == ([] if body is None else [expected(body)])


@pytest.mark.parametrize("what", KINDS)
def test_kinds(tmp_path: Path, recorder: Recorder, what: str) -> None:
    """Each kind of property makes of a value what the contract says."""
    assert sent(KINDS[what], tmp_path, recorder, "proxy") == [expected(KINDS[what]["proxy"])]


@DIALECT
def test_an_identity_in_a_database(tmp_path: Path, recorder: Recorder, dialect: str) -> None:
    """The same identity in a service's database gives the same bodies as in files."""
    vector = FULL["task.created"]
    acme = telemetry(tmp_path, sql_store(tmp_path), recorder, dialect=dialect)
    acme.track(vector["event"], **vector["given"])
    acme.flush(5)
    acme.shutdown(0)
    assert [timeless(request.body) for request in recorder.requests] == [expected(vector[dialect])]


def test_without_a_version(tmp_path: Path, recorder: Recorder) -> None:
    """Without a version the proxy dialect leaves it out and the docker dialect says ``unknown``."""
    for dialect in ("proxy", "docker"):
        acme = telemetry(tmp_path, file_store(tmp_path), recorder, dialect=dialect, version=None)
        acme.track("server.shutdown", sessionsProcessed=1)
        acme.flush(5)
        acme.shutdown(0)
    proxy, docker = (json.loads(request.body) for request in recorder.requests)
    assert (proxy["properties"], docker["records"][0]["properties"]["version"]) == ({"sessionsProcessed": 1}, "unknown")


def test_an_id_from_an_older_install(tmp_path: Path, recorder: Recorder) -> None:
    """An id whose day of installation nobody wrote down has no ``install_created_at``."""
    store = file_store(tmp_path)
    (tmp_path / PRODUCT / "telemetry_installed_at").unlink()
    acme = telemetry(tmp_path, store, recorder)
    acme.track("server.started")
    acme.flush(5)
    acme.shutdown(0)
    metadata = recorder.requests[0].json()["metadata"]
    assert metadata == {"transport": "https", "schema_version": 1, "environment": "production"}


def test_the_ledger_has_what_was_sent(tmp_path: Path, recorder: Recorder) -> None:
    """The body in the ledger is the body on the wire, byte for byte, in the order of the calls."""
    acme = telemetry(tmp_path, file_store(tmp_path), recorder)
    for event, vector in FULL.items():
        acme.track(event, **vector["given"])
    acme.flush(10)
    acme.shutdown(0)
    entries = Ledger(ledger_file(str(tmp_path), PRODUCT)).events()
    assert [entry.body for entry in entries] == [request.body for request in recorder.requests]
    assert [(entry.name, entry.state) for entry in entries] == [(event, "sent") for event in FULL]


def about(request: Request) -> dict[str, str]:
    """The headers of a request, without those of the connection."""
    connection = {"host", "content-length", "idempotency-key"}
    return {name: value for name, value in request.headers if name.lower() not in connection}


def test_the_request(tmp_path: Path, recorder: Recorder) -> None:
    """One POST an event with these headers and no other."""
    acme = telemetry(tmp_path, file_store(tmp_path), recorder, api_key="public-key")
    acme.track("server.shutdown", sessionsProcessed=1)
    acme.track("server.shutdown")
    acme.flush(5)
    acme.shutdown(0)
    headers = {"Content-Type": "application/json", "User-Agent": "acme-agents/2.3.0", "X-Api-Key": "public-key"}
    first, second = recorder.requests
    assert (first.method, first.path, about(first), about(second)) == ("POST", "/v1/events", headers, headers)
    assert first.header("Idempotency-Key") != second.header("Idempotency-Key")


def test_a_batch(tmp_path: Path, recorder: Recorder) -> None:
    """``batch=N`` sends up to N events in one POST, one body a line, in the order of the calls."""
    acme = telemetry(tmp_path, file_store(tmp_path), recorder, batch=4)
    wanted = list(FULL.values())[:6]
    for vector in wanted:
        acme.track(vector["event"], **vector["given"])
    acme.flush(0)
    acme.flush(5)
    acme.shutdown(0)
    lines = [line for request in recorder.requests for line in request.body.splitlines(keepends=True)]
    assert all(len(request.body.splitlines()) <= 4 for request in recorder.requests)
    assert [timeless(line) for line in lines] == [expected(vector["proxy"]) + "\n" for vector in wanted]
    assert {request.header("Content-Type") for request in recorder.requests} == {"application/x-ndjson"}


def test_tags(tmp_path: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A declared tag with a declared value joins the properties of each event; nothing else in TELEMETRY_TAGS does."""
    monkeypatch.setenv("TELEMETRY_TAGS", "tier=gold,plan=secret,owner=jane")
    contract.tag("tier", "gold", "silver")
    contract.tag("plan", "free", "paid")
    acme = telemetry(tmp_path, file_store(tmp_path), recorder)
    acme.track("server.shutdown", sessionsProcessed=1)
    acme.flush(5)
    acme.shutdown(0)
    contract.withdraw("tier")
    contract.withdraw("plan")
    assert recorder.requests[0].json()["properties"] == {"tier": "gold", "sessionsProcessed": 1, "version": "2.3.0"}
