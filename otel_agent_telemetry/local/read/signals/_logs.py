"""Log records: search, the latest first, and those of a trace or a span."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict

from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from otel_agent_telemetry.errors import InputError
from otel_agent_telemetry.local.read._answers import json_text
from otel_agent_telemetry.local.read._moments import iso
from otel_agent_telemetry.local.read.lists._listing import find_trace
from otel_agent_telemetry.meaning.harnesses import hidden, without_content
from otel_agent_telemetry.otlp._values import attributes, plain

if TYPE_CHECKING:
    import sqlite3

__all__ = ["SEVERITIES", "LogFilter", "LogShape", "list_logs"]

SEVERITIES = {"trace": 1, "debug": 5, "info": 9, "warn": 13, "error": 17, "fatal": 21}
"""Names of severities, and the least number of each (OpenTelemetry log data model, SeverityNumber)."""
_CONTENT_EVENTS = "gen_ai."
_SPAN_DIGITS = 16
# The store writes records itself, field by field in the order of their numbers: after the time comes the severity.
_SEVERITY = """
CASE WHEN substr(logs.body, 1, 1) != x'09' THEN
    CASE WHEN substr(logs.body, 1, 1) = x'10' THEN substr(logs.body, 2, 1) ELSE x'00' END
WHEN substr(logs.body, 10, 1) = x'10' THEN substr(logs.body, 11, 1) ELSE x'00' END
"""
_ROWS = """
SELECT logs.id, logs.time_ns, logs.trace_id, logs.body, origins.service, origins.scope, origins.harness,
       (SELECT known.trace_id FROM traces AS known WHERE known.id = coalesce(
           (SELECT trace FROM homes WHERE homes.trace_id = logs.trace_id),
           (SELECT id FROM traces WHERE traces.trace_id = logs.trace_id)))
FROM logs JOIN origins ON origins.id = logs.origin
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFilter:
    """Which records; what is None does not matter.

    ``text`` is in any of their texts, whatever the case of its letters; ``severity`` is the least, one of
    :data:`SEVERITIES`; ``trace`` an id, its first digits or ``latest``, ``span`` a whole id.
    """

    text: str | None = None
    severity: str | None = None
    service: str | None = None
    trace: str | None = None
    span: str | None = None
    since_ns: int | None = None
    until_ns: int | None = None


class LogShape(TypedDict):
    """A log record; ``trace_known`` is whether the store has its trace.

    What a coding agent says beyond names and figures, and messages of the GenAI conventions' events, are content: left
    out unless asked for, and then ``hidden`` is how many attributes and bodies that were.
    """

    time: str
    severity: str
    service: str
    scope: str
    event: str | None
    body: str | None
    attributes: dict[str, object]
    trace_id: str | None
    trace_known: bool
    span_id: str | None
    hidden: int


def list_logs(
    connection: sqlite3.Connection, wanted: LogFilter, *, limit: int = 50, offset: int = 0, content: bool = False
) -> list[LogShape]:
    """The records that match, the latest first. Raises InputError for a trace or severity that there is none of."""
    where, values = _where(connection, wanted)
    query = f"{_ROWS} WHERE {' AND '.join(where)} ORDER BY logs.time_ns DESC, logs.id DESC LIMIT ? OFFSET ?"
    rows = connection.execute(query, (*values, limit, offset))
    return [_shape(row, content=content) for row in rows]


def _where(connection: sqlite3.Connection, wanted: LogFilter) -> tuple[list[str], list[Any]]:
    where, values = ["1"], list[Any]()

    def add(condition: str, *given: Any) -> None:
        where.append(condition)
        values.extend(given)

    if wanted.since_ns is not None:
        add("logs.time_ns >= ?", wanted.since_ns)
    if wanted.until_ns is not None:
        add("logs.time_ns <= ?", wanted.until_ns)
    if wanted.service:
        add("logs.origin IN (SELECT id FROM origins WHERE service = ?)", wanted.service)
    if wanted.severity:
        add(f"{_SEVERITY} >= ?", bytes([_least(wanted.severity)]))
    if wanted.trace:
        number, _ = find_trace(connection, wanted.trace)
        ids = "SELECT trace_id FROM traces WHERE id = ? UNION SELECT trace_id FROM homes WHERE trace = ?"
        add(f"logs.trace_id IN ({ids})", number, number)
    if wanted.span:
        add("instr(logs.body, ?)", b"\x52\x08" + _span_id(wanted.span))
    if wanted.text:
        connection.create_function("log_has", 2, _has_text, deterministic=True)
        add("log_has(logs.body, ?)", wanted.text.lower())
    return where, values


def _least(severity: str) -> int:
    number = SEVERITIES.get(severity.lower())
    if number is None:
        msg = f"{severity!r} is not a severity; expected one of {', '.join(SEVERITIES)}"
        raise InputError(msg)
    return number


def _span_id(text: str) -> bytes:
    try:
        if len(text) == _SPAN_DIGITS:
            return bytes.fromhex(text)
    except ValueError:
        pass
    msg = f"{text[:40]!r} is no span's id; expected 16 hexadecimal digits, as `show TRACE --json` has them"
    raise InputError(msg)


def _has_text(body: bytes, lowered: str) -> bool:
    return lowered in body.decode(errors="replace").lower()


def _shape(row: Any, *, content: bool) -> LogShape:
    _, time_ns, trace_id, body, service, scope, harness, known = row
    record = LogRecord.FromString(body)
    event = _event(record)
    left_out = 0
    if not content and (harness is not None or (event or "").startswith(_CONTENT_EVENTS)):
        left_out = _content(record)
        record = without_content(record)
    return {
        "time": iso(time_ns),
        "severity": _severity(record),
        "service": service,
        "scope": scope,
        "event": event,
        "body": _text(record),
        "attributes": attributes(record.attributes),
        "trace_id": (known or trace_id).hex() if known or trace_id else None,
        "trace_known": known is not None,
        "span_id": record.span_id.hex() or None,
        "hidden": left_out,
    }


def _event(record: LogRecord) -> str | None:
    named = next((pair.value.string_value for pair in record.attributes if pair.key == "event.name"), "")
    return named or record.event_name or None


def _content(record: LogRecord) -> int:
    """How many of a record's attributes, and its body, are content."""
    shown = without_content(record)
    has_lost_body = record.HasField("body") and not shown.HasField("body")
    return len(hidden(attributes(record.attributes))) + has_lost_body


def _severity(record: LogRecord) -> str:
    number = record.severity_number
    names = [name for name, least in SEVERITIES.items() if least <= number]
    return names[-1] if names else record.severity_text.lower()[:20]


def _text(record: LogRecord) -> str | None:
    if record.body.WhichOneof("value") is None:
        return None
    value = plain(record.body)
    return value if isinstance(value, str) else json_text(value)
