"""Metrics: the instruments there are, and each one over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

from otel_agent_telemetry.errors import InputError
from otel_agent_telemetry.local.read._moments import iso
from otel_agent_telemetry.local.read.signals._line import Step, line_of
from otel_agent_telemetry.local.read.signals._points import Point, Reading, read_points
from otel_agent_telemetry.meaning.harnesses import without_content

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

__all__ = ["Exemplar", "InstrumentShape", "LineShape", "MetricShape", "instruments", "metric"]

MOST_READINGS = 4000
_MOST_POINTS = 6000
_MOST_STEPS = 120
_MOST_EXEMPLARS = 20
_LATEST = 2**63 - 1
_INSTRUMENTS = """
SELECT metrics.name, origins.service, origins.scope, count(*), max(metrics.time_ns), metrics.id
FROM metrics JOIN origins ON origins.id = metrics.origin
GROUP BY metrics.name, origins.service ORDER BY metrics.name, origins.service
"""
_BODY = (
    "SELECT metrics.body, origins.harness FROM metrics JOIN origins ON origins.id = metrics.origin WHERE metrics.id = ?"
)
_READINGS = """
SELECT metrics.origin, metrics.body, origins.harness, metrics.time_ns
FROM metrics JOIN origins ON origins.id = metrics.origin
WHERE metrics.name = ? AND (?2 IS NULL OR origins.service = ?2) AND metrics.time_ns >= ?3 AND metrics.time_ns <= ?4
ORDER BY metrics.time_ns DESC LIMIT ?5
"""
_HAS_TRACE = "SELECT 1 FROM traces WHERE trace_id = ?"


class InstrumentShape(TypedDict):
    """An instrument of a service; ``temporality`` is ``delta``, ``cumulative`` or null.

    ``kind`` is ``counter``, ``up_down_counter``, ``gauge``, ``histogram``, ``exponential_histogram``, ``summary`` or
    ``empty``.
    """

    name: str
    service: str
    scope: str
    kind: str
    temporality: str | None
    unit: str
    description: str
    readings: int
    attribute_sets: int
    last_seen: str


class LineShape(TypedDict):
    """One line of a chart: the attributes that it is about, and what it is in each step of time."""

    attributes: dict[str, object]
    steps: list[Step]


class Exemplar(TypedDict):
    """A measurement with the span that it was made in; ``trace_known`` is whether the store has its trace."""

    time: str
    value: float
    trace_id: str
    span_id: str
    trace_known: bool


class MetricShape(TypedDict):
    """An instrument over time: the lines with the most first, and how many ``others`` there are.

    ``keys`` are the attributes that it can be split by. ``is_all`` is false where it has more than the latest 4,000
    readings, or 6,000 points, that were looked at.
    """

    name: str
    kind: str
    temporality: str | None
    unit: str
    description: str
    services: list[str]
    keys: list[str]
    step_ms: int
    is_all: bool
    lines: list[LineShape]
    others: int
    exemplars: list[Exemplar]


def instruments(connection: sqlite3.Connection) -> list[InstrumentShape]:
    """Every instrument that ever sent something, by name and service; what it is goes by its latest reading."""
    return [_instrument(connection, row) for row in connection.execute(_INSTRUMENTS).fetchall()]


def metric(
    connection: sqlite3.Connection,
    name: str,
    *,
    service: str | None = None,
    by: str | None = None,
    since_ns: int | None = None,
    until_ns: int | None = None,
    top: int = 8,
) -> MetricShape:
    """An instrument over time, a line for each set of attributes, or for each value of the attribute ``by``.

    Raises InputError where there is no such instrument.
    """
    values = (name, service, since_ns or 0, _LATEST if until_ns is None else until_ns, MOST_READINGS + 1)
    rows = connection.execute(_READINGS, values).fetchall()
    if not rows and not connection.execute("SELECT 1 FROM metrics WHERE name = ? LIMIT 1", (name,)).fetchone():
        msg = f"no metric {name[:80]!r} is stored; `agent-telemetry metrics` lists those that are"
        raise InputError(msg)
    readings, is_all = _latest(rows)
    points = read_points(readings, from_ns=max(since_ns or 0, 0 if is_all else rows[len(readings) - 1][3]))
    about = readings[-1] if readings else Reading(0, Metric(name=name))
    length = _length(points)
    lines = _lines(points, by, length, about)
    return {
        "name": name,
        "kind": about.kind,
        "temporality": about.temporality,
        "unit": about.metric.unit,
        "description": about.metric.description,
        "services": _services(connection, name),
        "keys": sorted({key for point in points for key, _ in point.attributes}),
        "step_ms": length // 10**6,
        "is_all": is_all,
        "lines": lines[:top],
        "others": len(lines[top:]),
        "exemplars": _exemplars(connection, readings),
    }


def _latest(rows: list[Any]) -> tuple[list[Reading], bool]:
    """The latest readings, forward, and whether those are all."""
    found: list[Reading] = []
    points = 0
    for origin, body, harness, _ in rows[:MOST_READINGS]:
        found.append(Reading(origin, _open(body, harness)))
        points += len(found[-1].points)
        if points >= _MOST_POINTS:
            break
    return found[::-1], len(found) == len(rows)


def _open(body: bytes, harness: str | None) -> Metric:
    found = Metric.FromString(body)
    return found if harness is None else without_content(found)


def _instrument(connection: sqlite3.Connection, row: Any) -> InstrumentShape:
    name, service, scope, count, last_ns, number = row
    reading = Reading(0, _open(*connection.execute(_BODY, (number,)).fetchone()))
    return {
        "name": name,
        "service": service,
        "scope": scope,
        "kind": reading.kind,
        "temporality": reading.temporality,
        "unit": reading.metric.unit,
        "description": reading.metric.description,
        "readings": count,
        "attribute_sets": len(reading.points),
        "last_seen": iso(last_ns),
    }


def _services(connection: sqlite3.Connection, name: str) -> list[str]:
    query = "SELECT DISTINCT service FROM origins WHERE id IN (SELECT origin FROM metrics WHERE name = ?) ORDER BY 1"
    return [row[0] for row in connection.execute(query, (name,))]


def _length(points: list[Point]) -> int:
    """Nanoseconds of a step: so that there are at most 120, and it is one that people count in."""
    if not points:
        return 10**9
    span = max(point.time_ns for point in points) - min(point.time_ns for point in points)
    least = max(span // _MOST_STEPS, 1)
    seconds = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200)
    fitting = [each * 10**9 for each in seconds if each * 10**9 >= least]
    day = 86400 * 10**9
    return fitting[0] if fitting else (least // day + 1) * day


def _lines(points: list[Point], by: str | None, length: int, about: Reading) -> list[LineShape]:
    groups: dict[tuple[tuple[str, object], ...], list[Point]] = {}
    for point in points:
        key = point.attributes if by is None else tuple(pair for pair in point.attributes if pair[0] == by)
        groups.setdefault(key, []).append(point)
    lines = [(line_of(found, about.kind, length), dict(key)) for key, found in groups.items()]
    ranked = sorted(lines, key=lambda line: (-_weight(line[0]), str(line[1])))
    return [{"attributes": attributes, "steps": steps} for steps, attributes in ranked]


def _weight(steps: Iterable[Step]) -> float:
    return sum(abs(step["value"] or 0) if step["count"] is None else step["count"] for step in steps)


def _exemplars(connection: sqlite3.Connection, readings: list[Reading]) -> list[Exemplar]:
    found = [
        (exemplar.time_unix_nano, _value(exemplar), exemplar.trace_id, exemplar.span_id)
        for reading in readings
        for point in reading.points
        for exemplar in (point.exemplars if reading.kind != "summary" else ())
        if exemplar.trace_id
    ]
    latest = sorted(set(found), reverse=True)[:_MOST_EXEMPLARS]
    return [
        {
            "time": iso(time_ns),
            "value": value,
            "trace_id": trace_id.hex(),
            "span_id": span_id.hex(),
            "trace_known": connection.execute(_HAS_TRACE, (trace_id,)).fetchone() is not None,
        }
        for time_ns, value, trace_id, span_id in latest
    ]


def _value(exemplar: Any) -> float:
    return float(getattr(exemplar, exemplar.WhichOneof("value") or "as_int"))
