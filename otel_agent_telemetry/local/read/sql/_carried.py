"""What stored records carry, decoded where SQL asks for it: functions of their protobuf bytes."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, SeverityNumber
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otel_agent_telemetry.local.read._answers import json_text
from otel_agent_telemetry.local.read._content import is_content
from otel_agent_telemetry.local.read._moments import iso
from otel_agent_telemetry.local.read._outcomes import error_message, error_type
from otel_agent_telemetry.local.store._spending import Cost, cost_of
from otel_agent_telemetry.meaning._prices import VARIABLE, stamp
from otel_agent_telemetry.meaning.harnesses import OPEN_KEYS, OPEN_RESOURCE, without_content
from otel_agent_telemetry.otlp._values import attributes, plain

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

__all__ = ["register"]

_REPORTED, _PRICED, _KNOWN = 32, 96, 3
_SPOKEN = "gen_ai."


def register(connection: sqlite3.Connection, *, content: bool) -> None:
    """Give the connection the functions that the views use; without ``content`` nothing that was said is in them.

    Raises InputError for a price file that is none.
    """
    if os.environ.get(VARIABLE):
        cost_of("", None, None, (1, 1, 0, 0))
    shown = _Shown(content=content)
    functions: dict[str, tuple[int, Callable[..., Any]]] = {
        "attribute": (2, _attribute),
        "iso_time": (1, _iso),
        "price_stamp": (0, stamp),
        "cost_usd": (8, _usd),
        "cost_is_estimate": (8, _is_estimate),
        "error_type": (1, _of(Span, error_type)),
        "error_message": (2, _of(Span, shown.failure)),
        "span_attributes": (2, _of(Span, shown.of_span)),
        "span_events": (2, _of(Span, shown.events)),
        "resource_attributes": (2, _of(Resource, shown.resource)),
        "log_span_id": (1, _of(LogRecord, _log_span)),
        "log_severity": (1, _of(LogRecord, _severity)),
        "log_event_name": (1, _of(LogRecord, _event_name)),
        "log_body": (2, _of(LogRecord, shown.log_body)),
        "log_attributes": (2, _of(LogRecord, shown.of_log)),
        "metric_type": (1, _of(Metric, _type)),
        "metric_unit": (1, _of(Metric, _unit)),
        "metric_points": (2, _of(Metric, shown.points)),
    }
    for name, (count, function) in functions.items():
        connection.create_function(name, count, function, deterministic=True)


def _of(kind: type[Message], answer: Callable[..., Any]) -> Callable[..., Any]:
    """A function of a record's bytes, and of what else it is given; None for what is no such record."""

    def decoded(body: object, *more: object) -> object:
        try:
            return answer(kind.FromString(body), *more) if isinstance(body, bytes) else None
        except DecodeError:
            return None

    return decoded


def _attribute(carried: object, key: object) -> object:
    """The value under that key of a column of attributes; what is no text, number or truth value is JSON."""
    found = json.loads(carried).get(key) if isinstance(carried, str) and carried[:1] == "{" else None
    return found if found is None or isinstance(found, (str, int, float)) else json_text(found)


def _iso(moment: int | None) -> str | None:
    return None if moment is None else iso(moment)


def _usd(*row: Any) -> float | None:
    return _cost(*row).usd


def _is_estimate(*row: Any) -> int:
    return int(_cost(*row).is_estimate)


def _cost(model: str | None, provider: str | None, spends: int | None, *figures: Any) -> Cost:
    """What a step costs, as the sums of ``usage`` have it; figures are input, output, cache read, cache write, cost."""
    *tokens, reported = figures
    bits = spends or 0
    if bits & _REPORTED:
        return Cost(reported)
    if bits & _PRICED or not bits & _KNOWN:
        return Cost()
    given, made, read, written = ((figure or 0) if bits & 1 << bit else 0 for bit, figure in enumerate(tokens))
    return cost_of(model, provider, None, (given, made, read, written), tokens[0])


class _Shown:
    """What may be seen of a record; ``harness`` is the coding agent that wrote it, or None."""

    def __init__(self, *, content: bool) -> None:
        self._content = content

    def all(self, harness: str | None) -> bool:
        return self._content or harness is None

    def failure(self, span: Span, harness: str | None) -> str | None:
        return error_message(span) if self.all(harness) else None

    def of_span(self, span: Span, harness: str | None) -> str:
        return json_text(self._attributes(self._open(span, harness).attributes))

    def events(self, span: Span, harness: str | None) -> str:
        found: list[object] = [
            {
                "name": event.name,
                "time": iso(event.time_unix_nano),
                "attributes": self._said(event.name, self._attributes(event.attributes)),
            }
            for event in self._open(span, harness).events
        ]
        return json_text(found)

    def resource(self, resource: Resource, harness: str | None) -> str:
        return json_text(attributes(self._open(resource, harness, OPEN_RESOURCE).attributes))

    def log_body(self, log: LogRecord, harness: str | None) -> str | None:
        shown = self._open(log, harness)
        if shown.body.WhichOneof("value") is None or (not self._content and _event_name(log).startswith(_SPOKEN)):
            return None
        value = plain(shown.body)
        return value if isinstance(value, str) else json_text(value)

    def of_log(self, log: LogRecord, harness: str | None) -> str:
        carried = self._attributes(self._open(log, harness).attributes)
        return json_text(self._said(_event_name(log), carried))

    def points(self, metric: Metric, harness: str | None) -> str:
        shown = self._open(metric, harness)
        which = shown.WhichOneof("data")
        return json_text([_point(point) for point in getattr(shown, which).data_points] if which else [])

    def _open(self, record: Message, harness: str | None, keys: frozenset[str] = OPEN_KEYS) -> Any:
        return record if self.all(harness) else without_content(record, keys)

    def _attributes(self, pairs: Any) -> dict[str, object]:
        carried = attributes(pairs)
        return carried if self._content else {key: value for key, value in carried.items() if not is_content(key)}

    def _said(self, name: str, carried: dict[str, object]) -> dict[str, object]:
        """The attributes of an event; one of the GenAI conventions carries what was said under any key."""
        return carried if self._content or not name.startswith(_SPOKEN) else {}


def _severity(log: LogRecord) -> str | None:
    if log.severity_text or not log.severity_number:
        return log.severity_text or None
    try:
        return SeverityNumber.Name(log.severity_number).removeprefix("SEVERITY_NUMBER_")
    except ValueError:
        return str(log.severity_number)


def _event_name(log: LogRecord) -> str:
    said = attributes(log.attributes).get("event.name") if not log.event_name else None
    return log.event_name or str(said or "")


def _log_span(log: LogRecord) -> str | None:
    return log.span_id.hex() or None


def _type(metric: Metric) -> str | None:
    return metric.WhichOneof("data")


def _unit(metric: Metric) -> str:
    return metric.unit


def _point(point: Any) -> dict[str, object]:
    """A point as JSON: its attributes and time, and either its value or what its distribution says."""
    said: dict[str, object] = {
        "attributes": attributes(point.attributes),
        "start": iso(point.start_time_unix_nano),
        "time": iso(point.time_unix_nano),
    }
    fields = point.DESCRIPTOR.fields_by_name
    if "as_int" in fields:
        which = point.WhichOneof("value")
        return {**said, "value": getattr(point, which) if which else None}
    for name in ("count", "sum", "min", "max", "scale", "zero_count"):
        if name in fields and (not fields[name].has_presence or point.HasField(name)):
            said[name] = getattr(point, name)
    for name in ("explicit_bounds", "bucket_counts"):
        if name in fields:
            said[name] = list(getattr(point, name))
    if "quantile_values" in fields:
        said["quantiles"] = [[each.quantile, each.value] for each in point.quantile_values]
    return said
