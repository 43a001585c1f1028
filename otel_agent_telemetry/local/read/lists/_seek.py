"""A query as a condition on rows of ``traces``: what is indexed is asked first, spans are looked into last."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from contextlib import contextmanager
from fnmatch import translate
from re import compile as compiled
from typing import TYPE_CHECKING, NamedTuple

from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from otel_agent_telemetry.local.read._moments import parse_moment_ns
from otel_agent_telemetry.local.read.lists._attribute import has_attribute, has_pair, typed
from otel_agent_telemetry.local.read.lists._costs import dear_traces
from otel_agent_telemetry.local.read.lists._query import ATTRIBUTE, FIGURES, figure
from otel_agent_telemetry.local.store._grams import LONGEST_ATTRIBUTE, has_text, token_of, trigrams_of
from otel_agent_telemetry.local.store._index import BLOCK_BITS
from otel_agent_telemetry.local.store._tables import RARE_KIND
from otel_agent_telemetry.meaning import kinds

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from otel_agent_telemetry.local.read.lists._query import Query, Term

__all__ = ["Condition", "condition", "distinct", "names", "snapshot"]

_FEW_BLOCKS = 400  # so many are looked through at once; of more, trace by trace, as far as the page asks
_SAMPLED, _MOST_NAMES = 8, 3
_STATUS = {
    "ok": "(errors = 0 AND outcome IS NOT 'cancelled')",
    "error": "errors > 0",
    "cancelled": "outcome = 'cancelled'",
}
_FIGURES = {
    "dur": "max(end_ns - start_ns, 0)",
    "tokens": "CASE WHEN input IS NOT NULL OR output IS NOT NULL THEN coalesce(input, 0) + coalesce(output, 0) END",
    "spans": "spans",
    "calls": "calls",
    "errors": "errors",
}
_STEPPED = "EXISTS (SELECT 1 FROM steps WHERE {key} = ? AND trace = traces.id)"
_RARE = f"EXISTS (SELECT 1 FROM steps WHERE kind = ? AND {RARE_KIND} AND trace = traces.id)"
_FREQUENT = (kinds.MODEL, kinds.TOOL, kinds.AGENT, kinds.OTHER)
_PLACES = {
    "model": _STEPPED.format(key="model"),
    "agent": _STEPPED.format(key="agent"),
    "tool": _STEPPED.format(key="tool"),
    "user": _STEPPED.format(key="user"),
    "kind": _STEPPED.format(key="kind"),
    "session": "EXISTS (SELECT 1 FROM attendances WHERE trace = traces.id AND session = ?)",
    "service": "EXISTS (SELECT 1 FROM visits WHERE trace = traces.id "
    "AND origin IN (SELECT id FROM origins WHERE service = ?))",
}
_TABLES = {
    "model": "steps",
    "agent": "steps",
    "tool": "steps",
    "user": "steps",
    "session": "attendances",
    "service": "origins",
}
_DISTINCT = """
WITH RECURSIVE found(value) AS (
    SELECT min({column}) FROM {table} WHERE {column} IS NOT NULL UNION ALL
    SELECT (SELECT min({column}) FROM {table} WHERE {column} > value) FROM found WHERE value IS NOT NULL LIMIT ?
) SELECT value FROM found WHERE value IS NOT NULL
"""
_OF_KINDS = """EXISTS (SELECT 1 FROM steps CROSS JOIN spans ON spans.id = steps.id
WHERE steps.trace = traces.id AND steps.kind IN (SELECT value FROM json_each(?)) AND {})"""
_OF_NAMES = "EXISTS (SELECT 1 FROM spans WHERE trace = traces.id AND name IN (SELECT value FROM json_each(?)) AND {})"
_MOST_DISTINCT = 5000
_MOST_ALTERNATIVES = 500
_LATEST = 2**63 - 1


class Condition(NamedTuple):
    """SQL about a row of ``traces``, and what its question marks stand for."""

    sql: str
    arguments: tuple[object, ...] = ()


class _Spans(NamedTuple):
    """What a span has to hold: where to look by the index, and how to be sure.

    ``quick`` is SQL that most of those that hold it pass, and no others, in less time.
    """

    table: str
    match: str
    sure: str
    arguments: tuple[object, ...]
    quick: Condition | None = None


@contextmanager
def snapshot(connection: sqlite3.Connection) -> Generator[None]:
    """All that is asked inside sees the store as it is at one moment: index and spans are of one time."""
    if connection.in_transaction:
        yield
        return
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")


def condition(connection: sqlite3.Connection, query: Query, *, now_ns: int) -> Condition:
    """What holds for the traces that match all terms."""
    connection.create_function("has_attribute", 3, has_attribute, deterministic=True)
    connection.create_function("has_pair", 2, has_pair, deterministic=True)
    connection.create_function("has_text", 2, has_text, deterministic=True)
    parts = [_of_term(connection, term, now_ns) for term in query]
    return Condition(
        " AND ".join(["NOT folded", *(part.sql for part in parts)]),
        tuple(value for part in parts for value in part.arguments),
    )


def names(connection: sqlite3.Connection, term: Term) -> Sequence[str]:
    """The values of a term; one with ``*`` as all the names that it stands for."""
    if term.key not in _PLACES:
        return term.values
    plain = [value for value in term.values if "*" not in value]
    patterns = [value for value in term.values if "*" in value]
    if not patterns:
        return plain
    is_meant = compiled("|".join(translate(value.replace("[", "[[]").replace("?", "[?]")) for value in patterns))
    all_of_it = kinds.NAMED if term.key == "kind" else distinct(connection, term.key)
    known = (value for value in all_of_it if is_meant.match(value))
    return [*plain, *known][:_MOST_ALTERNATIVES]


def distinct(connection: sqlite3.Connection, key: str, limit: int = _MOST_DISTINCT) -> list[str]:
    """The values of one of the names that a query knows, in order, by jumping from one to the next in its index."""
    asked = _DISTINCT.format(column=key, table=_TABLES[key])
    return [value for (value,) in connection.execute(asked, (limit,)) if value]


def _of_term(connection: sqlite3.Connection, term: Term, now_ns: int) -> Condition:
    found = _any([_of_value(connection, term, value, now_ns) for value in names(connection, term)])
    return found._replace(sql=f"NOT coalesce({found.sql}, 0)") if term.negated else found


def _any(parts: list[Condition]) -> Condition:
    if not parts:
        return Condition("0")
    return Condition(
        f"({' OR '.join(part.sql for part in parts)})", tuple(value for part in parts for value in part.arguments)
    )


def _of_value(connection: sqlite3.Connection, term: Term, value: str, now_ns: int) -> Condition:
    key = term.key
    if key in _PLACES:
        return Condition(_RARE if key == "kind" and value not in _FREQUENT else _PLACES[key], (value,))
    if key in FIGURES:
        return _figure(connection, term, value)
    if key == "status":
        return Condition(_STATUS[value])
    if key == "name":
        return Condition("instr(lower(name), lower(?)) > 0", (value,))
    if key in {"since", "until"}:
        return Condition(f"start_ns {'>=' if key == 'since' else '<='} ?", (parse_moment_ns(value, now_ns),))
    wanted = _attribute(key.removeprefix(ATTRIBUTE), value) if key.startswith(ATTRIBUTE) else _text(value)
    return _with_span(connection, wanted)


def _figure(connection: sqlite3.Connection, term: Term, value: str) -> Condition:
    if term.key == "cost":
        return Condition(*dear_traces(connection, term, value))
    return Condition(f"{_FIGURES[term.key]} {term.comparison} ?", (figure(term.key, value),))


def _text(value: str) -> _Spans:
    lowered = value.lower()
    match = " AND ".join(f'"{gram}"' for gram in trigrams_of(lowered))
    quick = Condition("instr(lower(CAST(body AS TEXT)), ?) > 0", (lowered,))
    return _Spans("texts", match, "has_text(body, ?)", (lowered,), quick)


def _attribute(key: str, value: str) -> _Spans:
    """Spans that have the attribute: found by its bytes, and only those are decoded to be sure."""
    encoded = [KeyValue(key=key, value=each).SerializeToString() for each in typed(value)]
    is_short = all(len(each) <= LONGEST_ATTRIBUTE for each in encoded)
    match = " OR ".join(map(token_of, encoded)) if is_short else ""
    found = " OR ".join("instr(body, ?) > 0" for _ in encoded)
    once = " OR ".join("has_pair(body, ?)" for _ in encoded)
    quick = Condition(f"({found}) AND ({once})", (*encoded, *encoded))
    return _Spans("attributes", match, f"({found}) AND has_attribute(body, ?, ?)", (*encoded, key, value), quick)


def _with_span(connection: sqlite3.Connection, wanted: _Spans) -> Condition:
    blocks = _blocks(connection, wanted)
    if blocks is None:
        return Condition(f"EXISTS (SELECT 1 FROM spans WHERE trace = traces.id AND {wanted.sure})", wanted.arguments)
    upto = _upto(connection)
    behind = connection.execute("SELECT coalesce(max(id), 0) - ? FROM spans", (upto,)).fetchone()[0]
    if len(blocks) + (behind >> BLOCK_BITS) <= _FEW_BLOCKS:
        return Condition("id IN (SELECT value FROM json_each(?))", (json.dumps(_traces(connection, wanted, blocks)),))
    candidate = (
        f"(id >> {BLOCK_BITS} IN (SELECT value FROM json_each(?)) OR id > ? OR id IN (SELECT span FROM apart)) AND"
    )
    where: tuple[object, ...] = (json.dumps(blocks), upto)
    if len(blocks) > upto >> BLOCK_BITS + 1:  # more than half of all: what they leave out is not worth the look
        candidate, where = "", ()
    of_trace = f"EXISTS (SELECT 1 FROM spans WHERE trace = traces.id AND {candidate}"
    sure = Condition(f"{of_trace} {wanted.sure})", (*where, *wanted.arguments))
    if wanted.quick is None:
        return sure
    quick = Condition(f"{of_trace} {wanted.quick.sql})", (*where, *wanted.quick.arguments))
    cases = [*_where_few_are(connection, wanted, wanted.quick, blocks), quick]
    # of two EXISTS with OR between them SQLite works out both
    return Condition(
        f"CASE {' '.join(f'WHEN {case.sql} THEN 1' for case in cases)} ELSE {sure.sql} END",
        tuple(value for case in (*cases, sure) for value in case.arguments),
    )


def _where_few_are(
    connection: sqlite3.Connection, wanted: _Spans, quick: Condition, blocks: list[int]
) -> Iterator[Condition]:
    """Where few spans have it, as some blocks tell, those that are steps of the same kinds, or have the same names."""
    asked = f"SELECT spans.name, kind, {wanted.sure} FROM spans LEFT JOIN steps USING (id) WHERE id >= ? AND id < ?"
    found: Counter[tuple[str, str | None]] = Counter()
    looked_at = 0
    for block in blocks[:: max(1, len(blocks) // _SAMPLED)]:
        rows = connection.execute(asked, (*wanted.arguments, block << BLOCK_BITS, block + 1 << BLOCK_BITS)).fetchall()
        looked_at += len(rows)
        found.update((name, kind) for name, kind, has_it in rows if has_it)
    if not found or found.total() >= looked_at / 4:
        return
    of_steps = {kind for _, kind in found}
    if None not in of_steps:
        yield Condition(_OF_KINDS.format(quick.sql), (json.dumps(sorted(map(str, of_steps))), *quick.arguments))
        return
    names = [name for (name, _), _ in found.most_common(_MOST_NAMES)]
    yield Condition(_OF_NAMES.format(quick.sql), (json.dumps(names), *quick.arguments))


def _upto(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT upto FROM indexed").fetchone()[0])


def _blocks(connection: sqlite3.Connection, wanted: _Spans) -> list[int] | None:
    """The blocks in which it may be; None where the index cannot tell: all have to be looked through."""
    if not wanted.match or connection.execute("SELECT upto FROM indexed").fetchone()[0] is None:
        return None
    try:
        found = connection.execute(f"SELECT rowid FROM {wanted.table} WHERE {wanted.table} MATCH ?", (wanted.match,))
        return [number for (number,) in found]
    except sqlite3.OperationalError as error:
        if "no such module" in str(error) or "no such tokenizer" in str(error):
            return None
        raise


def _traces(connection: sqlite3.Connection, wanted: _Spans, blocks: list[int]) -> list[int]:
    """The traces with such a span in these blocks, or where the index does not speak of it."""
    found: set[int] = set()
    ranges = [(block << BLOCK_BITS, block + 1 << BLOCK_BITS) for block in blocks]
    for bounds in (*ranges, (_upto(connection) + 1, _LATEST)):
        asked = f"SELECT trace FROM spans WHERE id >= ? AND id < ? AND {wanted.sure}"
        found.update(trace for (trace,) in connection.execute(asked, (*bounds, *wanted.arguments)))
    apart = f"SELECT trace FROM spans WHERE id IN (SELECT span FROM apart) AND {wanted.sure}"
    found.update(trace for (trace,) in connection.execute(apart, wanted.arguments))
    return sorted(found)
