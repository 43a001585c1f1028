"""What arrives: OTLP over HTTP (specification 1.9, "OTLP/HTTP") and the anonymous events of both dialects."""

from __future__ import annotations

import json
import sqlite3
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from otel_agent_telemetry.local.receive._refusal import RefusalError
from otel_agent_telemetry.local.store._taken import store_reading
from otel_agent_telemetry.otlp._reader import read_body, read_protobuf
from otel_agent_telemetry.otlp._reading import MalformedError
from otel_agent_telemetry.otlp._requests import to_json
from otel_agent_telemetry.otlp._signals import LOGS, METRICS, TRACES

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from otel_agent_telemetry.local.store._store import Store
    from otel_agent_telemetry.otlp._reading import Reading
    from otel_agent_telemetry.otlp._signals import Signal

__all__ = ["DIALECT_PATHS", "Answer", "Receiver", "refusal_answer"]

PROTOBUF, JSON = "application/x-protobuf", "application/json"
DIALECT_PATHS = {"/v1/events": "proxy", "/events/v1/track": "docker"}
OTLP_PATHS = {"/v1/traces": TRACES, "/v1/metrics": METRICS, "/v1/logs": LOGS}
_EVENT_TYPES = (JSON, "application/x-ndjson")
_AT_ONCE = 8
_PATIENCE_SECONDS = 5.0
_RESPONSES: dict[Signal, tuple[Any, str]] = {
    TRACES: (ExportTraceServiceResponse, "rejected_spans"),
    LOGS: (ExportLogsServiceResponse, "rejected_log_records"),
    METRICS: (ExportMetricsServiceResponse, "rejected_data_points"),
}
_CODES = {400: 3, 401: 16, 403: 7, 404: 5, 411: 3, 413: 8, 415: 3, 429: 8, 500: 13, 503: 14}  # google.rpc.Code


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response."""

    status: int
    content_type: str
    body: bytes
    retry_after: int | None = None


class Receiver:
    """Stores what is posted before it is acknowledged: all of a batch but the records that cannot be read."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._slots = threading.BoundedSemaphore(_AT_ONCE)

    def receive(self, path: str, content_type: str, body: bytes, *, key: str = "") -> Answer:
        """Store a body that was posted to ``path``. Raises RefusalError (400, 404, 415, 503).

        Events that come again under their Idempotency-Key, ``key``, are stored once.
        """
        media = content_type.split(";", maxsplit=1)[0].strip().lower()
        if path not in OTLP_PATHS and path not in DIALECT_PATHS:
            known = ", ".join(sorted((*OTLP_PATHS, *DIALECT_PATHS)))
            raise RefusalError(404, f"nothing is received at {path[:80]!r}; expected one of {known}")
        expected = _EVENT_TYPES if path in DIALECT_PATHS else (PROTOBUF, JSON)
        if media not in expected:
            raise RefusalError(
                415, f"Content-Type {content_type[:80]!r} is not understood; send {' or '.join(expected)}"
            )
        if not self._slots.acquire(timeout=_PATIENCE_SECONDS):
            raise RefusalError(503, "too many batches at once; send again later", retry_after=1)
        try:
            return self._store_body(path, media, body, key)
        except MalformedError as error:
            raise RefusalError(400, str(error)) from error
        except sqlite3.OperationalError as error:
            raise RefusalError(503, f"the store cannot be written: {error}", retry_after=5) from error
        finally:
            self._slots.release()

    def _store_body(self, path: str, media: str, body: bytes, key: str) -> Answer:
        if path in DIALECT_PATHS:
            _require_events(media, body)
            self._store.add_events(DIALECT_PATHS[path], media, body, key=key)
            return Answer(200, JSON, b"{}")
        signal = OTLP_PATHS[path]
        readings = [read_protobuf(signal, body)] if media == PROTOBUF else read_body(body)
        for reading in readings:
            store_reading(self._store, reading)
        return _acknowledge(media, _response(signal, readings))


def refusal_answer(refusal: RefusalError, content_type: str) -> Answer:
    """The answer to a refused request: a google.rpc.Status in the encoding that its sender speaks."""
    status = Status(code=_CODES.get(refusal.status, 2), message=refusal.message)
    if content_type.split(";", maxsplit=1)[0].strip().lower() == PROTOBUF:
        return Answer(refusal.status, PROTOBUF, status.SerializeToString(), refusal.retry_after)
    body = json.dumps({"code": status.code, "message": status.message}).encode()
    return Answer(refusal.status, JSON, body, refusal.retry_after)


def _acknowledge(media: str, response: Message) -> Answer:
    if media == PROTOBUF:
        return Answer(200, PROTOBUF, response.SerializeToString())
    return Answer(200, JSON, json.dumps(to_json(response)).encode())


def _response(signal: Signal, readings: list[Reading]) -> Message:
    response, rejected = _RESPONSES[signal]
    refused = [reading for reading in readings if reading.refused]
    if not refused:
        return response()
    partial = {rejected: sum(reading.refused for reading in refused)}
    message = "; ".join(reading.refusal() for reading in refused)
    return response(partial_success={**partial, "error_message": message})


def _require_events(media: str, body: bytes) -> None:
    lines = body.splitlines() if media == _EVENT_TYPES[1] else [body]
    try:
        documents = [json.loads(line) for line in lines if line.strip()]
    except (ValueError, RecursionError) as error:
        msg = f"not an event in JSON: {str(error)[:200]}"
        raise MalformedError(msg) from error
    if not documents or not all(isinstance(document, dict) for document in documents):
        msg = "an event is a JSON object"
        raise MalformedError(msg)
