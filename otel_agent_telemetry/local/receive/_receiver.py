"""What arrives: OTLP over HTTP (specification 1.9, "OTLP/HTTP") and the anonymous events of both dialects."""

from __future__ import annotations

import json
import sqlite3
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from otel_agent_telemetry.local.receive._body import RefusalError
from otel_agent_telemetry.otlp._requests import (
    ExportLogsServiceRequest,
    ExportMetricsServiceRequest,
    ExportTraceServiceRequest,
    MalformedError,
    from_json,
    from_protobuf,
    to_json,
)

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from otel_agent_telemetry.local.store._store import Store

__all__ = ["DIALECT_PATHS", "Answer", "Receiver", "refusal_answer"]

PROTOBUF, JSON = "application/x-protobuf", "application/json"
DIALECT_PATHS = {"/v1/events": "proxy", "/events/v1/track": "docker"}
OTLP_PATHS = frozenset({"/v1/traces", "/v1/metrics", "/v1/logs"})
_EVENT_TYPES = (JSON, "application/x-ndjson")
_AT_ONCE = 8
_PATIENCE_SECONDS = 5.0
_CODES = {400: 3, 401: 16, 403: 7, 404: 5, 411: 3, 413: 8, 415: 3, 429: 8, 500: 13, 503: 14}  # google.rpc.Code


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response."""

    status: int
    content_type: str
    body: bytes
    retry_after: int | None = None


class Receiver:
    """Stores what is posted. A batch is stored whole before it is acknowledged, or refused whole."""

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
        decode = from_protobuf if media == PROTOBUF else from_json
        if path == "/v1/traces":
            rejected = self._store.add_spans(decode(ExportTraceServiceRequest, body))
            return _acknowledge(media, _trace_response(rejected))
        if path == "/v1/logs":
            self._store.add_logs(decode(ExportLogsServiceRequest, body))
            return _acknowledge(media, ExportLogsServiceResponse())
        self._store.add_metrics(decode(ExportMetricsServiceRequest, body))
        return _acknowledge(media, ExportMetricsServiceResponse())


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


def _trace_response(rejected: int) -> ExportTraceServiceResponse:
    response = ExportTraceServiceResponse()
    if rejected:
        response.partial_success.rejected_spans = rejected
        response.partial_success.error_message = "trace ids have 16 bytes and span ids 8, and neither may be all zero"
    return response


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
