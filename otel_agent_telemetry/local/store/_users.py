"""For whom a step works: what its span says, else the nearest span above it that says it, else its resource.

Who uses a coding agent is content, as its telemetry is of one person; that is not read.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from otel_agent_telemetry.meaning._table import USERS
from otel_agent_telemetry.otlp._values import plain

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

    from opentelemetry.proto.common.v1.common_pb2 import KeyValue

    from otel_agent_telemetry.local.store._nodes import Node

__all__ = ["insert_users", "may_name_user", "user_of", "write_users"]

_LONGEST = 500
_RANKS = {name: rank for rank, name in enumerate(USERS)}
_SAID = """
SELECT span, user, NULL FROM users WHERE span IN (SELECT id FROM spans WHERE trace IN ({0})) UNION ALL
SELECT id, NULL, resource FROM origins WHERE id IN (SELECT origin FROM visits WHERE trace IN ({0}))
AND harness IS NULL AND instr(resource, CAST('user' AS BLOB))
"""


def may_name_user(body: bytes) -> bool:
    """Whether protobuf bytes name one of the attributes; cheap, for the hot path."""
    if b"user" not in body:  # most have none, and each look through them costs
        return False
    return b"user.id" in body or b"user_id" in body or b"userId" in body or b"enduser" in body


def user_of(pairs: Iterable[KeyValue]) -> str | None:
    """The user that attributes name; a number is one as well."""
    found = min((pair for pair in pairs if pair.key in _RANKS), key=lambda pair: _RANKS[pair.key], default=None)
    value = None if found is None else plain(found.value)
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return None
    return str(value)[:_LONGEST] or None


def insert_users(connection: sqlite3.Connection, said: Iterable[tuple[int, str | None]]) -> None:
    """Store whom spans name, by their row ids; None for one that names nobody."""
    known = [(span, user) for span, user in said if user is not None]
    connection.executemany("INSERT OR REPLACE INTO users VALUES (?, ?)", known)


def write_users(connection: sqlite3.Connection, traces: list[int], nodes: Mapping[int, Node]) -> None:
    """Give each node its user."""
    marks = ",".join("?" * len(traces))
    rows = connection.execute(_SAID.format(marks), (*traces, *traces)).fetchall()
    said = {span: user for span, user, resource in rows if resource is None}
    named = {origin: _of_resource(resource) for origin, _, resource in rows if resource is not None}
    of_origin = {origin: user for origin, user in named.items() if user is not None}
    if not said and not of_origin:
        return
    for node in nodes.values():
        node.user = _nearest(node, nodes, said) or of_origin.get(node.origin)


def _nearest(node: Node, nodes: Mapping[int, Node], said: Mapping[int, str]) -> str | None:
    at: Node | None = node
    seen: set[int] = set()
    while at is not None and at.id not in seen:
        if at.id in said:
            return said[at.id]
        seen.add(at.id)
        at = nodes.get(at.place.parent_key)
    return None


@lru_cache(maxsize=256)
def _of_resource(body: bytes) -> str | None:
    return user_of(Resource.FromString(body).attributes) if may_name_user(body) else None
