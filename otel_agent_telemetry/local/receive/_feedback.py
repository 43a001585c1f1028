"""A note or a score that was given on the page, as the log record ``gen_ai.evaluation.result`` of GenAI conventions."""

from __future__ import annotations

import json
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any, cast

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from otel_agent_telemetry import semconv
from otel_agent_telemetry.local.receive._refusal import RefusalError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from otel_agent_telemetry.local.store._store import Store

__all__ = ["FEEDBACK_PATH", "store_feedback"]

FEEDBACK_PATH = "/api/feedback"
_SERVICE = "agent-telemetry"
_LARGEST = 1e300
_LONGEST = {"name": 100, "label": 100, "explanation": 10_000}
_EXPECTED = (
    "expected {trace_id, span_id, name, score, label, explanation}: an id, and a score, a label or an explanation"
)
_SPAN = """
SELECT steps.response_id, steps.session FROM spans LEFT JOIN steps USING (id)
WHERE spans.trace = (SELECT id FROM traces WHERE trace_id = ?) AND spans.span_id = ?
"""


def store_feedback(store: Store, content_type: str, body: bytes) -> bytes:
    """Store what was said of a span, or of a trace where ``span_id`` is missing; gives the answer, in JSON.

    Raises RefusalError (400, 404, 415): only JSON is taken, which a page of another site cannot send unasked.
    """
    if content_type.split(";", maxsplit=1)[0].strip().lower() != "application/json":
        raise RefusalError(415, f"Content-Type {content_type[:80]!r} is not understood; send application/json")
    given = _read(body)
    trace_id, span_id = _id(given, "trace_id", 16), _id(given, "span_id", 8)
    fields = _fields(given)
    with closing(store.reader()) as connection:
        response, session = _known(connection, trace_id, span_id)
    record = {semconv.GEN_AI_RESPONSE_ID: response, semconv.GEN_AI_CONVERSATION_ID: session, **fields}
    store.add_logs(_request(trace_id, span_id, record))
    return b"{}"


def _read(body: bytes) -> Mapping[str, object]:
    try:
        given = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RefusalError(400, f"not JSON: {str(error)[:100]}; {_EXPECTED}") from error
    if not isinstance(given, dict):
        raise RefusalError(400, f"not an object; {_EXPECTED}")
    return cast("Mapping[str, object]", given)


def _id(given: Mapping[str, object], key: str, size: int) -> bytes:
    """The id's bytes; none for a span's that is missing."""
    text = given.get(key)
    if text is None and key == "span_id":
        return b""
    try:
        found = bytes.fromhex(text) if isinstance(text, str) else b""
    except ValueError:
        found = b""
    if len(found) != size:
        raise RefusalError(400, f"{key} {str(text)[:40]!r} is no id of {2 * size} hexadecimal digits; {_EXPECTED}")
    return found


def _fields(given: Mapping[str, object]) -> dict[str, str | float | None]:
    texts = {key: _text(given, key, longest) for key, longest in _LONGEST.items()}
    score = given.get("score")
    if score is not None and not _is_number(score):
        raise RefusalError(400, f"score {str(score)[:40]!r} is no number; {_EXPECTED}")
    if score is None and not texts["label"] and not texts["explanation"]:
        raise RefusalError(400, f"it says nothing; {_EXPECTED}")
    return {
        semconv.GEN_AI_EVALUATION_NAME: texts["name"] or "user_feedback",
        semconv.GEN_AI_EVALUATION_SCORE: None if score is None else float(cast("float", score)),
        semconv.GEN_AI_EVALUATION_LABEL: texts["label"],
        semconv.GEN_AI_EVALUATION_EXPLANATION: texts["explanation"],
    }


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < _LARGEST


def _text(given: Mapping[str, object], key: str, longest: int) -> str | None:
    value = given.get(key)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > longest:
        raise RefusalError(400, f"{key} is no text of at most {longest} characters; {_EXPECTED}")
    return value.encode(errors="replace").decode().strip() or None


def _known(connection: sqlite3.Connection, trace_id: bytes, span_id: bytes) -> tuple[str | None, str | None]:
    """Response id and session of the span."""
    if not connection.execute("SELECT 1 FROM traces WHERE trace_id = ?", (trace_id,)).fetchone():
        raise RefusalError(404, f"no trace {trace_id.hex()} in this store")
    if not span_id:
        return None, None
    row: Any = connection.execute(_SPAN, (trace_id, int.from_bytes(span_id, "big", signed=True))).fetchone()
    if row is None:
        raise RefusalError(404, f"no span {span_id.hex()} in trace {trace_id.hex()}")
    return row[0], row[1]


def _request(trace_id: bytes, span_id: bytes, fields: Mapping[str, str | float | None]) -> ExportLogsServiceRequest:
    request = ExportLogsServiceRequest()
    of_resource = request.resource_logs.add()
    of_resource.resource.attributes.append(_key_value(semconv.SERVICE_NAME, _SERVICE))
    of_scope = of_resource.scope_logs.add()
    of_scope.scope.name = "otel_agent_telemetry.feedback"
    now = time.time_ns()
    of_scope.log_records.add(
        event_name=semconv.GEN_AI_EVALUATION_RESULT,
        time_unix_nano=now,
        observed_time_unix_nano=now,
        trace_id=trace_id,
        span_id=span_id,
        attributes=[_key_value(key, value) for key, value in fields.items() if value is not None],
    )
    return request


def _key_value(key: str, value: str | float) -> KeyValue:
    said = AnyValue(string_value=value) if isinstance(value, str) else AnyValue(double_value=value)
    return KeyValue(key=key, value=said)
