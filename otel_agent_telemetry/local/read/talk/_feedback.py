"""What people and evaluators said of answers: ``gen_ai.evaluation.result``, as an event of a span or a log record."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otel_agent_telemetry import semconv
from otel_agent_telemetry.local.read._moments import iso
from otel_agent_telemetry.otlp._values import attributes

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping, Sequence

    from opentelemetry.proto.common.v1.common_pb2 import KeyValue

__all__ = ["Feedback", "feedback", "feedback_of_sessions", "feedback_of_traces"]

MOST_TRACES = 1000
_AT_ONCE = 500
_SPANS = """
SELECT hex(traces.trace_id), spans.body FROM judged JOIN spans ON spans.id = judged.span
JOIN traces ON traces.id = spans.trace JOIN origins ON origins.id = spans.origin
WHERE judged.trace IN ({}) AND origins.harness IS NULL
"""
_LOGS = """
SELECT hex(traces.trace_id), logs.body FROM traces JOIN logs ON logs.trace_id = traces.trace_id
JOIN origins ON origins.id = logs.origin
WHERE traces.id IN ({}) AND origins.harness IS NULL AND instr(logs.body, CAST('gen_ai.evaluation.result' AS BLOB))
"""


class Feedback(TypedDict):
    """One judgement; ``span_id`` is the span it is of, null where it is of the whole trace.

    ``explanation`` is null where content was not asked for.
    """

    trace_id: str
    span_id: str | None
    time: str
    name: str
    score: float | None
    label: str | None
    explanation: str | None


def feedback(connection: sqlite3.Connection, traces: Sequence[int], *, content: bool = True) -> list[Feedback]:
    """What was said of the traces with these row ids, the earliest first."""
    found: list[Feedback] = []
    for first in range(0, len(traces), _AT_ONCE):
        some = traces[first : first + _AT_ONCE]
        places = ", ".join("?" * len(some))
        for trace_id, body in connection.execute(_SPANS.format(places), some):
            found.extend(_of_span(trace_id.lower(), Span.FromString(body)))
        for trace_id, body in connection.execute(_LOGS.format(places), some):
            found.extend(_of_log(trace_id.lower(), LogRecord.FromString(body)))
    if not content:
        for each in found:
            each["explanation"] = None
    return sorted(found, key=lambda each: each["time"])


def feedback_of_traces(connection: sqlite3.Connection, trace_ids: Sequence[str]) -> dict[str, list[Feedback]]:
    """The same by trace id, without explanations; traces of which nothing was said are left out."""
    known = [bytes.fromhex(each) for each in trace_ids if len(each) == 32 and _is_hex(each)]  # noqa: PLR2004 - as text
    query = f"SELECT id FROM traces WHERE trace_id IN ({', '.join('?' * len(known))})"
    rows = [row[0] for row in connection.execute(query, known)]
    found: dict[str, list[Feedback]] = {}
    for each in feedback(connection, rows, content=False):
        found.setdefault(each["trace_id"], []).append(each)
    return found


def feedback_of_sessions(connection: sqlite3.Connection, sessions: Sequence[str]) -> dict[str, list[Feedback]]:
    """The same by session; of all of them together the latest :data:`MOST_TRACES` traces are looked at."""
    query = f"""
        SELECT attendances.trace, attendances.session, hex(traces.trace_id)
        FROM attendances JOIN traces ON traces.id = attendances.trace
        WHERE attendances.session IN ({", ".join("?" * len(sessions))}) ORDER BY attendances.start_ns DESC LIMIT ?
    """
    rows = connection.execute(query, (*sessions, MOST_TRACES)).fetchall()
    owners = {trace_id.lower(): session for _, session, trace_id in rows}
    found: dict[str, list[Feedback]] = {}
    for each in feedback(connection, [row[0] for row in rows], content=False):
        found.setdefault(owners[each["trace_id"]], []).append(each)
    return found


def _is_hex(text: str) -> bool:
    return not set(text) - set("0123456789abcdef")


def _of_span(trace_id: str, span: Span) -> Iterator[Feedback]:
    is_note = span.name == semconv.GEN_AI_EVALUATION_RESULT  # a span that only holds it says it of the one above
    of = span.parent_span_id if is_note else span.span_id
    for event in span.events:
        if event.name == semconv.GEN_AI_EVALUATION_RESULT:
            yield _feedback(trace_id, of, event.time_unix_nano, _read(event.attributes))


def _of_log(trace_id: str, record: LogRecord) -> Iterator[Feedback]:
    fields = _read(record.attributes)
    if semconv.GEN_AI_EVALUATION_RESULT in {record.event_name, fields.get("event.name")}:
        yield _feedback(trace_id, record.span_id, record.time_unix_nano or record.observed_time_unix_nano, fields)


def _read(carried: Sequence[KeyValue]) -> Mapping[str, object]:
    return attributes(carried)


def _feedback(trace_id: str, span_id: bytes, time_ns: int, fields: Mapping[str, object]) -> Feedback:
    score = fields.get(semconv.GEN_AI_EVALUATION_SCORE)
    return {
        "trace_id": trace_id,
        "span_id": span_id.hex() or None,
        "time": iso(time_ns),
        "name": str(fields.get(semconv.GEN_AI_EVALUATION_NAME) or "feedback"),
        "score": float(score) if isinstance(score, (int, float)) and not isinstance(score, bool) else None,
        "label": _text(fields.get(semconv.GEN_AI_EVALUATION_LABEL)),
        "explanation": _text(fields.get(semconv.GEN_AI_EVALUATION_EXPLANATION)),
    }


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
