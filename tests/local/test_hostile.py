from __future__ import annotations

import gzip
import json
import socket
import sqlite3
import struct
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from otel_agent_telemetry.local import Store, find_trace, trace_tree
from otel_agent_telemetry.local.receive._refusal import RefusalError
from otel_agent_telemetry.local.receive._room import Room
from tests.local.made import Made, chat, request, trace_id
from tests.local.serving import JSON, PROTOBUF, Serving

if TYPE_CHECKING:
    from collections.abc import Iterator

VALID = request(
    Made(name="run", id=1), Made(name="call", id=2, parent=1, attributes=chat()), Made(name="t", id=3, parent=2)
).SerializeToString()
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)  # over a server shrinking takes minutes
UNHURRIED = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
MANY = settings(max_examples=100, deadline=None, phases=PHASES, database=None, suppress_health_check=UNHURRIED)

ids = st.text("0123456789abcdefXYZ", max_size=34)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
any_values = st.fixed_dictionaries(
    {},
    optional={
        "stringValue": json_values,
        "intValue": json_values,
        "doubleValue": json_values,
        "kvlistValue": json_values,
        "bytesValue": json_values,
    },
)
pairs = st.lists(
    st.fixed_dictionaries(
        {
            "key": st.sampled_from(["gen_ai.operation.name", "gen_ai.usage.input_tokens", "agent.lifecycle", "x"])
            | json_values,
            "value": any_values,
        }
    ),
    max_size=4,
)
spans = st.fixed_dictionaries(
    {},
    optional={
        "traceId": ids | st.just(trace_id(7)) | json_values,
        "spanId": ids | st.just("0000000000000007") | json_values,
        "parentSpanId": ids | json_values,
        "name": json_values,
        "kind": json_values,
        "startTimeUnixNano": json_values,
        "endTimeUnixNano": json_values,
        "attributes": pairs | json_values,
        "events": json_values,
        "links": json_values,
        "status": json_values,
    },
)
documents = st.fixed_dictionaries(
    {
        "resourceSpans": st.lists(
            st.fixed_dictionaries({"scopeSpans": st.lists(st.fixed_dictionaries({"spans": st.lists(spans)}))})
        )
    }
) | st.dictionaries(st.sampled_from(["resourceSpans", "scopeSpans", "spans", "x"]), json_values)


@pytest.fixture(scope="module")
def shared() -> Iterator[Serving]:
    """One server for all the examples."""
    with tempfile.TemporaryDirectory() as folder, Serving(Path(folder) / "traces.sqlite") as serving:
        yield serving


def refused_or_whole(server: Serving, path: str, body: bytes, content_type: str, **headers: str) -> None:
    """The answer is 200, or a refusal after which the store is as it was; the file stays sound."""
    before = server.count("spans")
    reply = server.post(path, body, content_type, **headers)
    assert reply.status in {200, 400, 413, 415}
    if reply.status != 200:
        assert server.count("spans") == before
    connection = server.store.reader()
    assert connection.execute("PRAGMA quick_check").fetchone() == ("ok",)
    homeless = "trace NOT IN (SELECT id FROM traces) OR origin NOT IN (SELECT id FROM origins)"
    assert connection.execute(f"SELECT count(*) FROM spans WHERE {homeless}").fetchone() == (0,)
    connection.close()


@MANY
@given(body=st.binary(max_size=300), path=st.sampled_from(["/v1/traces", "/v1/logs", "/v1/metrics", "/v1/events"]))
def test_random_bytes_never_break_the_store(shared: Serving, body: bytes, path: str) -> None:
    """Whatever bytes come, in whatever encoding they claim, the answer is a status and the store stays whole."""
    for content_type in (PROTOBUF, JSON):
        refused_or_whole(shared, path, body, content_type)
    refused_or_whole(shared, path, body, PROTOBUF, Content_Encoding="gzip")


@MANY
@given(data=st.data())
def test_damaged_protobuf_never_breaks_the_store(shared: Serving, data: st.DataObject) -> None:
    """A valid request with bytes changed, cut out or cut off is refused or read, never half stored."""
    body = bytearray(VALID)
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(body)))
    refused_or_whole(shared, "/v1/traces", bytes(body[:cut]), PROTOBUF)
    packed = bytearray(gzip.compress(VALID, mtime=0))
    packed[data.draw(st.integers(0, len(packed) - 1))] ^= data.draw(st.integers(0, 255))
    refused_or_whole(shared, "/v1/traces", bytes(packed), PROTOBUF, Content_Encoding="gzip")


@MANY
@given(document=documents)
def test_wrong_types_in_json_never_break_the_store(shared: Serving, document: Any) -> None:
    """Documents of nearly the right shape are refused or read; every trace that is stored can be listed and shown."""
    refused_or_whole(shared, "/v1/traces", json.dumps(document).encode(), JSON)
    shared.store.settle()
    for trace in shared.get("/api/traces?limit=5")["traces"]:
        shared.get(f"/api/traces/{trace['trace_id']}")
    shared.get("/api/usage")


def test_parents_in_a_ring_are_shown(store: Store) -> None:
    """Spans that are each other's parents, or their own, appear once each."""
    store.add_spans(
        request(
            Made(id=1, parent=2, attributes=chat()),
            Made(id=2, parent=1, attributes=chat()),
            Made(id=3, parent=3, attributes=chat()),
        )
    )
    store.settle()
    connection = store.reader()
    shown = trace_tree(connection, find_trace(connection, trace_id())[0])["spans"]
    connection.close()
    assert sorted(span["span_id"][-1] for span in shown) == ["1", "2", "3"]


def test_a_chain_of_thousands_is_settled_and_shown(store: Store) -> None:
    """A trace as deep as it is long costs neither a stack nor minutes."""
    chain = [Made(id=n, parent=n - 1, attributes=chat()) for n in range(1, 5001)]
    store.add_spans(request(*chain))
    assert store.settle() == 1
    connection = store.reader()
    shown = trace_tree(connection, find_trace(connection, trace_id())[0])["spans"]
    connection.close()
    assert [span["depth"] for span in shown] == list(range(5000))


def test_a_time_beyond_all_calendars_is_shown(store: Store) -> None:
    """The largest time that OTLP can carry does not stop a trace from being listed."""
    made = request(Made())
    span = made.resource_spans[0].scope_spans[0].spans[0]
    span.start_time_unix_nano = span.end_time_unix_nano = 2**64 - 1
    assert store.add_spans(made).refused == 0
    connection = store.reader()
    assert trace_tree(connection, find_trace(connection, trace_id())[0])["trace"]["duration_ms"] == 0
    connection.close()


def test_a_slow_client_does_not_hold_up_another(server: Serving) -> None:
    """While one client dribbles its headers, another is served."""
    with socket.create_connection(server.place, timeout=5) as slow:
        slow.sendall(b"POST /v1/traces HTT")
        assert server.post("/v1/traces", VALID).status == 200


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (b"POST /v1/traces HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99\r\n\r\nabc", b"HTTP/1.1 408 "),
        (b"POST /v1/traces HTT", b""),
    ],
)
def test_a_slow_client_is_cut_off(tmp_path: Path, sent: bytes, answer: bytes) -> None:
    """A request has to arrive within its time as a whole, however often a byte of it comes."""
    with (
        Serving(tmp_path / "x.sqlite", request_seconds=0.3) as serving,
        socket.create_connection(serving.place) as slow,
    ):
        slow.settimeout(10)
        slow.sendall(sent)
        assert slow.recv(1000)[: len(answer) or 1] == answer


def test_a_client_that_resets_is_forgotten(server: Serving) -> None:
    """A connection that is torn down in the middle of a body leaves nothing behind."""
    client = socket.create_connection(server.place, timeout=5)
    head = f"POST /v1/traces HTTP/1.1\r\nHost: {server.address}\r\nContent-Type: {PROTOBUF}\r\n"
    client.sendall(f"{head}Content-Length: {len(VALID)}\r\n\r\n".encode() + VALID[:10])
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    assert server.post("/v1/traces", request(Made(name="after"), trace=2).SerializeToString()).status == 200
    assert [trace["name"] for trace in server.get("/api/traces")["traces"]] == ["after"]


def test_too_many_connections_are_turned_away(tmp_path: Path) -> None:
    """Beyond 128 connections a client is told to come again, and the server serves on when they are gone."""
    with Serving(tmp_path / "traces.sqlite", slow_seconds=600) as server:
        crowd = [socket.create_connection(server.place, timeout=20) for _ in range(129)]
        answer = crowd[-1].recv(200)
        for client in crowd:
            client.close()
        assert (answer.startswith(b"HTTP/1.1 503 "), any(server_is_free(server) for _ in range(100))) == (True, True)


def test_slow_connections_make_way(tmp_path: Path) -> None:
    """Clients that hold every connection and never finish a request keep nobody else out."""
    with Serving(tmp_path / "traces.sqlite", slow_seconds=0) as server:
        head = f"POST /v1/traces HTTP/1.1\r\nHost: {server.address}\r\nContent-Length: 1000000\r\n\r\n".encode()
        crowd = [socket.create_connection(server.place, timeout=20) for _ in range(128)]
        for client in crowd:
            client.sendall(head)
        is_served = [is_answered(server) for _ in range(3)]
        for client in crowd:
            client.close()
        assert is_served == [True, True, True]


def is_answered(server: Serving) -> bool:
    """Whether somebody who comes again when he is told to is answered."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if server_is_free(server):
            return True
    return False


def test_bodies_that_unpack_wait_for_room() -> None:
    """What requests hold together is bounded: who finds no room is told to come again."""
    room = Room(100)
    with room.hold() as first, room.hold() as second:
        first.grow(90)
        with pytest.raises(RefusalError, match="too many bytes at once"):
            second.grow(20)
        second.grow(10)
    with room.hold() as alone:
        alone.grow(1000)
    with room.hold() as after:
        after.grow(100)


def test_many_writers_lose_nothing(server: Serving) -> None:
    """Eight clients at once: every acknowledged span is there, once."""

    def write(writer: int) -> None:
        for number in range(10):
            body = request(*(Made(id=n) for n in range(1, 21)), trace=1 + writer * 10 + number).SerializeToString()
            assert server.post("/v1/traces", body).status == 200

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (server.count("traces"), server.count("spans")) == (80, 1600)


def test_a_reader_does_not_wait_for_the_writer(server: Serving) -> None:
    """While a transaction that writes is open, the page's questions are answered."""
    server.post("/v1/traces", VALID)
    writer = sqlite3.connect(server.path, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("DELETE FROM spans")
    listed = server.get("/api/traces")["traces"]
    writer.execute("ROLLBACK")
    writer.close()
    assert [trace["spans"] for trace in listed] == [3]


def server_is_free(server: Serving) -> bool:
    """Whether a request is served."""
    return server.send("GET", "/healthz").status == 200
