"""The index over what spans hold: which blocks of spans may have a text or an attribute.

A block is 128 spans by their ids, which grow with arrival and are never given twice; so nothing that happens to a
trace touches the index. It is filled away from the clients, whole blocks at a time, and only ever narrows down where to
look: what it names is checked, what came later than ``indexed.upto`` or stands in ``apart`` is looked through.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from otel_agent_telemetry.local.store._grams import attribute_tokens, pieces_of, text_of, token_of

if TYPE_CHECKING:
    from otel_agent_telemetry.local.store._store import Store

__all__ = ["BLOCK_BITS", "index_spans"]

BLOCK_BITS = 7
"""A span's id without so many bits is the number of its block."""
_BLOCK = 1 << BLOCK_BITS
_PORTION = 16 * _BLOCK
_MOST_BYTES = 4 * 2**20  # of different text in a block; the spans beyond it stand apart
_PORTION_BYTES = 16 * 2**20
_SLACK = 2**17

_STATE = "SELECT first, upto FROM indexed"
_BOUNDS = "SELECT (SELECT min(id) FROM spans), (SELECT max(id) FROM spans)"
_SPANS = "SELECT id, body FROM spans WHERE id > ? AND id <= ? ORDER BY id"
_MAKE = """
CREATE VIRTUAL TABLE IF NOT EXISTS texts
USING fts5(text, content='', columnsize=0, detail=none, tokenize='trigram case_sensitive 1');
CREATE VIRTUAL TABLE IF NOT EXISTS attributes
USING fts5(tokens, content='', columnsize=0, detail=none, tokenize='ascii');
"""
_EMPTY = (
    "INSERT INTO texts(texts) VALUES ('delete-all')",
    "INSERT INTO attributes(attributes) VALUES ('delete-all')",
    "DELETE FROM apart",
)


@dataclass(slots=True)
class _Block:
    number: int
    pieces: set[bytes] = field(default_factory=set[bytes])
    attributes: set[bytes] = field(default_factory=set[bytes])
    size: int = 0


@dataclass(slots=True)
class _Portion:
    upto: int
    blocks: list[_Block] = field(default_factory=list[_Block])
    apart: list[int] = field(default_factory=list[int])


def index_spans(store: Store) -> bool:
    """Index the next blocks of spans; False where no whole block is left, or this SQLite has no trigrams."""
    with closing(store.reader()) as connection:
        first, upto = connection.execute(_STATE).fetchone()
        lowest, highest = connection.execute(_BOUNDS).fetchone()
        if lowest is None:
            return False
        if upto is None:
            return highest - lowest >= _BLOCK and _begin(store, lowest, is_again=False)
        if lowest - first > highest - lowest + _SLACK and upto > first:
            return _begin(store, lowest, is_again=True)
        last = min(upto + _PORTION, (highest + 1 >> BLOCK_BITS << BLOCK_BITS) - 1)
        if last <= upto:
            return False
        portion = _read(connection, upto, last)
    return _write(store, portion, upto)


def _begin(store: Store, lowest: int, *, is_again: bool) -> bool:
    """Begin at the oldest span: with a new index, or once most of what is in it went."""
    before = (lowest >> BLOCK_BITS << BLOCK_BITS) - 1
    try:
        with store.writing() as connection:
            for statement in _EMPTY if is_again else _MAKE.split(";")[:-1]:
                connection.execute(statement)
            connection.execute("UPDATE indexed SET first = ?, upto = ?", (before, before))
    except sqlite3.OperationalError as error:
        if "no such" in str(error):
            return False
        raise
    return True


def _read(connection: sqlite3.Connection, upto: int, last: int) -> _Portion:
    portion, size = _Portion(last), 0
    for number, body in connection.execute(_SPANS, (upto, last)):
        if not portion.blocks or portion.blocks[-1].number != number >> BLOCK_BITS:
            if size > _PORTION_BYTES:
                portion.upto = (number >> BLOCK_BITS << BLOCK_BITS) - 1
                break
            portion.blocks.append(_Block(number >> BLOCK_BITS))
        size += len(body)
        if not _add(portion.blocks[-1], body):
            portion.apart.append(number)
    return portion


def _add(block: _Block, body: bytes) -> bool:
    """Take a span into its block; False where it holds more than has room there."""
    new = set(pieces_of(body)) - block.pieces
    size = block.size + sum(map(len, new))
    if size > _MOST_BYTES:
        return False
    block.size = size
    block.pieces |= new
    block.attributes.update(attribute_tokens(body))
    return True


def _write(store: Store, portion: _Portion, upto: int) -> bool:
    texts = [(block.number, text_of(block.pieces)) for block in portion.blocks]
    tokens = [(block.number, " ".join(map(token_of, block.attributes))) for block in portion.blocks]
    with store.writing() as connection:
        if connection.execute("UPDATE indexed SET upto = ? WHERE upto = ?", (portion.upto, upto)).rowcount:
            connection.executemany("INSERT INTO texts(rowid, text) VALUES (?, ?)", texts)
            connection.executemany("INSERT INTO attributes(rowid, tokens) VALUES (?, ?)", tokens)
            connection.executemany("INSERT OR IGNORE INTO apart VALUES (?)", [(span,) for span in portion.apart])
    return True
