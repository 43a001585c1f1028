"""The list of traces: filter, sort, page."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otel_agent_telemetry.errors import InputError
from otel_agent_telemetry.local.read._moments import iso
from otel_agent_telemetry.local.read._spending import SPENDING, Cost, costs_by_key, sums
from otel_agent_telemetry.otlp._values import attributes

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from otel_agent_telemetry.local.read._shapes import TraceShape

__all__ = ["SORTS", "TraceFilter", "find_trace", "list_traces", "trace_shape", "trace_shapes"]

SORTS = {
    "start": "start_ns DESC",
    "duration": "end_ns - start_ns DESC",
    "tokens": "coalesce(input, 0) + coalesce(output, 0) DESC",
    "spans": "spans DESC",
    "errors": "errors DESC",
    "cost": "cost DESC",
}
_COLUMNS = (
    "id, trace_id, name, service, start_ns, end_ns, spans, errors, outcome, calls, tools, runs, input, output, "
    "agent, session"
)
_STATUS = {
    "ok": "errors = 0 AND outcome IS NOT 'cancelled'",
    "error": "errors > 0",
    "cancelled": "outcome = 'cancelled'",
}
_LONGEST_TEXT = 500
_ID_START = re.compile(r"[0-9a-f]{1,32}")
_PORTION = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceFilter:
    """Which traces; what is None does not matter. ``attributes`` are (key, value text) that one span has to carry."""

    service: str | None = None
    name: str | None = None
    status: str | None = None
    session: str | None = None
    model: str | None = None
    agent: str | None = None
    tool: str | None = None
    text: str | None = None
    attributes: tuple[tuple[str, str], ...] = field(default=())
    min_duration_ns: int | None = None
    max_duration_ns: int | None = None
    since_ns: int | None = None
    until_ns: int | None = None


def list_traces(
    connection: sqlite3.Connection, wanted: TraceFilter, *, sort: str = "start", limit: int = 50, offset: int = 0
) -> list[TraceShape]:
    """The traces that match, the latest (or the most of ``sort``) first."""
    _register(connection)
    if sort == "cost":
        shapes = trace_shapes(connection, _select(connection, wanted, sort="start"))
        shapes.sort(key=lambda shape: shape["cost_usd"] or 0, reverse=True)
        return shapes[offset : offset + limit]
    return trace_shapes(connection, _select(connection, wanted, sort=sort, limit=limit, offset=offset))


def find_trace(connection: sqlite3.Connection, given: str) -> tuple[int, str]:
    """Row id and full id of the trace whose id is or uniquely begins with ``given``, or ``latest``.

    Raises InputError that names the nearest ids where there is none.
    """
    if given == "latest":
        row = connection.execute(
            "SELECT id, hex(trace_id) FROM traces WHERE NOT folded ORDER BY start_ns DESC LIMIT 1"
        ).fetchone()
        if row is None:
            msg = "the store is empty; fill it with `agent-telemetry serve` or `agent-telemetry import FILE`"
            raise InputError(msg)
        return int(row[0]), str(row[1]).lower()
    text = given.strip().lower()
    low, high = _id_range(text)
    rows = connection.execute(
        "SELECT id, hex(trace_id) FROM traces WHERE trace_id >= ? AND trace_id <= ? LIMIT 2", (low, high)
    ).fetchall()
    if len(rows) == 1:
        return int(rows[0][0]), str(rows[0][1]).lower()
    raise InputError(_not_found(connection, text, is_ambiguous=bool(rows)))


def trace_shapes(connection: sqlite3.Connection, rows: Sequence[Any]) -> list[TraceShape]:
    """Shapes of trace rows (:data:`_COLUMNS`), with models and costs."""
    ids = [row[0] for row in rows]
    models, costs = _models(connection, ids), _costs(connection, ids)
    return [_shape(row, models.get(row[0], []), costs.get(row[0], Cost())) for row in rows]


def trace_shape(connection: sqlite3.Connection, trace: int) -> TraceShape:
    """The shape of the trace with that row id."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM traces WHERE id = ?", (trace,)).fetchone()
    return trace_shapes(connection, [row])[0]


def _select(
    connection: sqlite3.Connection, wanted: TraceFilter, *, sort: str, limit: int = -1, offset: int = 0
) -> list[Any]:
    where, arguments = _conditions(wanted)
    query = f"SELECT {_COLUMNS} FROM traces WHERE {where} ORDER BY {SORTS[sort]}, id DESC LIMIT ? OFFSET ?"
    return connection.execute(query, (*arguments, limit, offset)).fetchall()


def _conditions(wanted: TraceFilter) -> tuple[str, list[object]]:
    parts: list[tuple[str, tuple[object, ...]]] = [("NOT folded", ())]
    visited = "id IN (SELECT trace FROM visits WHERE origin IN (SELECT id FROM origins WHERE service = ?))"
    stepped = "id IN (SELECT trace FROM steps WHERE {} = ?)"
    optional: list[tuple[str, object]] = [
        (visited, wanted.service),
        ("instr(lower(name), lower(?)) > 0", wanted.name),
        ("id IN (SELECT trace FROM attendances WHERE session = ?)", wanted.session),
        (stepped.format("model"), wanted.model),
        (stepped.format("agent"), wanted.agent),
        (stepped.format("tool"), wanted.tool),
        ("end_ns - start_ns >= ?", wanted.min_duration_ns),
        ("end_ns - start_ns <= ?", wanted.max_duration_ns),
        ("start_ns >= ?", wanted.since_ns),
        ("start_ns <= ?", wanted.until_ns),
    ]
    parts += [(condition, (value,)) for condition, value in optional if value is not None]
    if wanted.status is not None:
        parts.append((_STATUS[wanted.status], ()))
    parts += [_attribute_condition(key, value) for key, value in wanted.attributes]
    if wanted.text is not None:
        parts.append(("id IN (SELECT trace FROM spans WHERE has_text(body, ?))", (wanted.text.lower(),)))
    return " AND ".join(condition for condition, _ in parts), [value for _, values in parts for value in values]


def _attribute_condition(key: str, value: str) -> tuple[str, tuple[object, ...]]:
    """Spans that have the attribute: found by its bytes, and only those are decoded to be sure."""
    encoded = [KeyValue(key=key, value=each).SerializeToString() for each in _typed(value)]
    found = " OR ".join("instr(body, ?) > 0" for _ in encoded)
    return f"id IN (SELECT trace FROM spans WHERE ({found}) AND has_attribute(body, ?, ?))", (*encoded, key, value)


def _typed(text: str) -> Iterator[AnyValue]:
    """What the text may stand for: itself, a truth value, a number."""
    yield AnyValue(string_value=text)
    if text.lower() in {"true", "false"}:
        yield AnyValue(bool_value=text.lower() == "true")
    try:
        number = float(text)
        yield AnyValue(double_value=number)
        if number.is_integer():
            yield AnyValue(int_value=int(text) if text.lstrip("+-").isdigit() else int(number))
    except ValueError:  # no number, or none that an attribute can hold
        return


def _register(connection: sqlite3.Connection) -> None:
    connection.create_function("has_attribute", 3, _has_attribute, deterministic=True)
    connection.create_function("has_text", 2, _has_text, deterministic=True)


def _has_attribute(body: bytes, key: str, value: str) -> bool:
    try:
        found = attributes(Span.FromString(body).attributes).get(key)
    except DecodeError:
        return False
    if isinstance(found, bool):
        return value.lower() == str(found).lower()
    if isinstance(found, (int, float)):
        return any(found == getattr(each, str(each.WhichOneof("value"))) for each in _typed(value))
    return found == value


def _has_text(body: bytes, lowered: str) -> bool:
    return lowered in body.decode(errors="replace").lower()


def _models(connection: sqlite3.Connection, ids: list[int]) -> dict[int, list[str]]:
    found: dict[int, set[str]] = {}
    query = "SELECT trace, model FROM steps WHERE trace IN ({}) AND model IS NOT NULL AND counted"
    for trace, model in _for_each(connection, query, ids):
        found.setdefault(trace, set()).add(model)
    return {trace: sorted(models) for trace, models in found.items()}


def _costs(connection: sqlite3.Connection, ids: list[int]) -> dict[int, Cost]:
    query = f"SELECT trace, {sums()} FROM steps WHERE trace IN ({{}}) AND {SPENDING} GROUP BY 1, 2, 3, 4"
    return costs_by_key(_for_each(connection, query, ids))


def _for_each(connection: sqlite3.Connection, query: str, ids: list[int]) -> Iterator[Any]:
    """Rows for all the ids, asked in portions that SQLite takes."""
    for first in range(0, len(ids), _PORTION):
        portion = ids[first : first + _PORTION]
        yield from connection.execute(query.format(",".join("?" * len(portion))), portion)


def _shape(row: Any, models: list[str], cost: Cost) -> TraceShape:
    _, trace_id, name, service, start, end, spans, errors, outcome, calls, tools, runs, given, made, agent, session = (
        row
    )
    return {
        "trace_id": trace_id.hex(),
        "name": name[:_LONGEST_TEXT],
        "service": service[:_LONGEST_TEXT],
        "start": iso(start),
        "duration_ms": max(end - start, 0) / 1e6,
        "spans": spans,
        "errors": errors,
        "status": outcome or ("error" if errors else "ok"),
        "calls": calls,
        "tools": tools,
        "agent_runs": runs,
        "input_tokens": given,
        "output_tokens": made,
        "models": models,
        "agent": agent,
        "session": session,
        "cost_usd": cost.usd,
        "cost_is_estimate": cost.is_estimate,
        "unpriced_calls": cost.unpriced,
    }


def _id_range(text: str) -> tuple[bytes, bytes]:
    if not _ID_START.fullmatch(text):
        return b"\xff", b""  # no id is in there
    return bytes.fromhex(text.ljust(32, "0")), bytes.fromhex(text.ljust(32, "f"))


def _not_found(connection: sqlite3.Connection, text: str, *, is_ambiguous: bool) -> str:
    recent = connection.execute(
        "SELECT hex(trace_id), name FROM traces WHERE NOT folded ORDER BY start_ns DESC LIMIT 500"
    ).fetchall()
    if not recent:
        return f"no trace {text!r}: the store is empty; fill it with `agent-telemetry serve`, or with `import FILE`"
    if is_ambiguous:
        near = [row for row in recent if row[0].lower().startswith(text)][:5]
        listed = "; ".join(f"{trace_id.lower()} ({name[:40]})" for trace_id, name in near)
        return f"{text!r} begins the id of more than one trace; name one of: {listed}"
    near = sorted(recent, key=lambda row: -_closeness(row[0].lower(), text))[:3]
    listed = "; ".join(f"{trace_id.lower()} ({name[:40]})" for trace_id, name in near)
    return f"no trace {text!r}; the nearest are: {listed}. `agent-telemetry traces` lists all"


def _closeness(trace_id: str, text: str) -> float:
    return SequenceMatcher(None, trace_id, text, autojunk=False).ratio()
