from __future__ import annotations

import gzip
import json
import socket
import sqlite3
from typing import TYPE_CHECKING

import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from tests.local.made import Made, request, span_id, trace_id
from tests.local.serving import JSON, PROTOBUF, Serving

if TYPE_CHECKING:
    from pathlib import Path

ONE = request(Made(name="hello")).SerializeToString()
AS_JSON = {
    "resourceSpans": [
        {
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
            "scopeSpans": [
                {
                    "scope": {"name": "made"},
                    "spans": [
                        {
                            "traceId": trace_id(),
                            "spanId": span_id(),
                            "name": "hello",
                            "kind": 1,
                            "startTimeUnixNano": "1795298968000000000",
                            "endTimeUnixNano": 1795298968100000000,
                            "fieldOfTomorrow": [1],
                        }
                    ],
                }
            ],
        }
    ]
}


def names(server: Serving) -> list[str]:
    """Names of the traces that are stored."""
    return [trace["name"] for trace in server.get("/api/traces")["traces"]]


def test_protobuf_is_stored_and_acknowledged(server: Serving) -> None:
    """An OTLP request in protobuf is readable after its answer, which is an empty response in protobuf."""
    reply = server.post("/v1/traces", ONE)
    assert (reply.status, reply.headers["content-type"], reply.body) == (200, PROTOBUF, b"")
    assert names(server) == ["hello"]


def test_json_is_stored_and_acknowledged(server: Serving) -> None:
    """OTLP/JSON has hex ids and numbers as text or number; unknown fields are ignored."""
    reply = server.post("/v1/traces", json.dumps(AS_JSON).encode(), "application/json; charset=utf-8")
    assert (reply.status, reply.headers["content-type"], reply.json()) == (200, JSON, {})
    assert server.get(f"/api/traces/{trace_id()}")["spans"][0]["duration_ms"] == 100.0


def test_gzip_is_unpacked(server: Serving) -> None:
    """A gzipped body is unpacked."""
    assert server.post("/v1/traces", gzip.compress(ONE, mtime=0), Content_Encoding="gzip").status == 200
    assert names(server) == ["hello"]


@pytest.mark.parametrize("path", ["/v1/logs", "/v1/metrics"])
def test_logs_and_metrics_are_taken(server: Serving, path: str) -> None:
    """Logs and metrics have their own paths and an empty request is fine."""
    assert server.post(path, b"{}", JSON).json() == {}


def test_a_chunked_body_is_read(server: Serving) -> None:
    """A body without a length arrives in chunks, as the Node SDK sends it when it packs."""
    head = heading(server, "Transfer-Encoding: chunked") + "\r\n"
    chunks = b"".join(b"%x;note=1\r\n%s\r\n" % (len(part), part) for part in (ONE[:20], ONE[20:]))
    assert raw(server, head.encode() + chunks + b"0\r\n\r\n").startswith(b"HTTP/1.1 200 ")
    assert names(server) == ["hello"]


def test_a_connection_takes_many_requests(server: Serving) -> None:
    """A connection is kept open between requests."""
    head = heading(server, f"Content-Length: {len(ONE)}")
    last = head + "Connection: close\r\n"
    answers = raw(server, (head + "\r\n").encode() + ONE + (last + "\r\n").encode() + ONE)
    assert answers.count(b"HTTP/1.1 200 ") == 2


def test_expect_100_is_answered_at_once(server: Serving) -> None:
    """A client that asks before it sends a large body is told to go on."""
    with socket.create_connection(server.place, timeout=5) as client:
        client.sendall(heading(server, "Expect: 100-continue", f"Content-Length: {len(ONE)}", "").encode())
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(ONE)
        assert client.recv(100).startswith(b"HTTP/1.1 200 ")


def test_spans_without_valid_ids_are_counted_in_a_partial_success(server: Serving) -> None:
    """Spans whose id is all zero are refused and counted; the others of the request are stored."""
    mixed = request(Made(name="good", id=7), Made(name="bad", id=0))
    answer = ExportTraceServiceResponse.FromString(server.post("/v1/traces", mixed.SerializeToString()).body)
    assert answer.partial_success.rejected_spans == 1
    assert names(server) == ["good"]


@pytest.mark.parametrize(
    ("status", "path", "body", "headers"),
    [
        (400, "/v1/traces", b"\x0a\xff", {}),
        (400, "/v1/traces", ONE[:-3], {}),
        (400, "/v1/traces", b"{", {"Content_Type": JSON}),
        (400, "/v1/traces", b"[]", {"Content_Type": JSON}),
        (400, "/v1/traces", b'{"resourceSpans": 1}', {"Content_Type": JSON}),
        (400, "/v1/traces", b"[" * 100_000, {"Content_Type": JSON}),
        (400, "/v1/traces", b"not gzip", {"Content_Encoding": "gzip"}),
        (400, "/v1/traces", gzip.compress(ONE, mtime=0)[:-9], {"Content_Encoding": "gzip"}),
        (400, "/v1/traces", ONE, {"Content_Length": "-1"}),
        (400, "/v1/traces", ONE, {"Transfer_Encoding": "chunked", "Content_Length": "3"}),
        (404, "/v1/nothing", ONE, {}),
        (413, "/v1/traces", gzip.compress(bytes(80 * 2**20), mtime=0), {"Content_Encoding": "gzip"}),
        (413, "/v1/traces", b"x" * (20 * 2**20 + 1), {}),
        (415, "/v1/traces", ONE, {"Content_Type": "text/plain"}),
        (415, "/v1/traces", ONE, {"Content_Encoding": "zstd"}),
    ],
)
def test_a_bad_request_is_refused_whole(
    server: Serving, status: int, path: str, body: bytes, headers: dict[str, str]
) -> None:
    """What cannot be read gets the status that OTLP asks for, with a google.rpc.Status, and nothing is stored."""
    content_type = headers.pop("Content_Type", PROTOBUF)
    reply = server.post(path, body, content_type, **headers)
    message = Status.FromString(reply.body).message if content_type == PROTOBUF else reply.json()["message"]
    assert (reply.status, bool(message), names(server)) == (status, True, [])


def test_a_body_that_ends_early_is_refused(server: Serving) -> None:
    """A client that promises more than it sends stores nothing."""
    with socket.create_connection(server.place, timeout=5) as client:
        client.sendall(heading(server, "Content-Length: 9999", "").encode() + ONE)
        client.shutdown(socket.SHUT_WR)
        assert client.recv(100).startswith(b"HTTP/1.1 400 ")
    assert names(server) == []


def test_a_locked_store_asks_to_come_again(server: Serving) -> None:
    """While another program holds the file, a batch is answered 503 with Retry-After, and taken afterwards."""
    holder = sqlite3.connect(server.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    reply = server.post("/v1/traces", ONE)
    holder.execute("ROLLBACK")
    holder.close()
    assert (reply.status, reply.headers["retry-after"]) == (503, "5")
    assert server.post("/v1/traces", ONE).status == 200


@pytest.mark.parametrize(("path", "dialect"), [("/v1/events", "proxy"), ("/events/v1/track", "docker")])
def test_an_event_is_kept_byte_for_byte(server: Serving, path: str, dialect: str) -> None:
    """Events of both dialects are kept as they came, spaces and key order included."""
    body = b'{ "product":"acme",  "event" :"task.started"}\n'
    assert server.post(path, body, JSON).json() == {}
    connection = server.store.reader()
    assert connection.execute("SELECT dialect, content_type, body FROM events").fetchall() == [(dialect, JSON, body)]
    connection.close()


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"a":1}\n{"b":2}', b"\xff"])
def test_what_is_no_event_is_refused(server: Serving, body: bytes) -> None:
    """An event is one JSON object, unless the body says that it is one a line."""
    assert (server.post("/v1/events", body, JSON).status, server.count("events")) == (400, 0)


def test_events_may_come_one_a_line(server: Serving) -> None:
    """application/x-ndjson holds one event a line."""
    assert server.post("/v1/events", b'{"a":1}\n{"b":2}\n', "application/x-ndjson").status == 200


def test_events_that_come_again_are_stored_once(server: Serving) -> None:
    """A body under an Idempotency-Key that was seen with it is there already, one or many events a body."""
    for body, media in [(b'{"a":1}', JSON), (b'{"a":1}\n{"b":2}\n', "application/x-ndjson")] * 2:
        assert server.post("/v1/events", body, media, Idempotency_Key="k").status == 200
    assert server.count("events") == 2


def test_events_without_a_key_are_each_one_more(server: Serving) -> None:
    """Two events may well say the same; where nobody says that they are one, they are two."""
    statuses = [server.post("/v1/events", b'{"a":1}', JSON).status for _ in range(2)]
    assert (statuses, server.count("events")) == ([200, 200], 2)


def test_the_server_says_who_it_is(server: Serving) -> None:
    """/healthz names the program, so that another can recognise it."""
    assert server.get("/healthz") == {"service": "agent-telemetry", "status": "ok"}


def test_a_store_survives_its_server(tmp_path: Path) -> None:
    """What was acknowledged is there when a new server opens the file."""
    with Serving(tmp_path / "x.sqlite") as first:
        first.post("/v1/traces", ONE)
    with Serving(tmp_path / "x.sqlite") as second:
        assert names(second) == ["hello"]


def heading(server: Serving, *more: str) -> str:
    """The first lines of a request to store traces; an empty one more ends them."""
    lines = ("POST /v1/traces HTTP/1.1", f"Host: {server.address}", f"Content-Type: {PROTOBUF}", *more)
    return "".join(f"{line}\r\n" for line in lines)


def raw(server: Serving, sent: bytes) -> bytes:
    """Everything that the server answers to these bytes."""
    with socket.create_connection(server.place, timeout=10) as client:
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        parts = iter(lambda: client.recv(65536), b"")
        return b"".join(parts)
