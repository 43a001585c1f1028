"""What there is to search by."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otel_agent_telemetry.local.read.lists._query import KEYS
from otel_agent_telemetry.local.read.lists._seek import distinct
from otel_agent_telemetry.meaning import kinds

if TYPE_CHECKING:
    import sqlite3

__all__ = ["Facets", "KeyShape", "facets"]

_MOST = 1000
_RECENT_SPANS = 500
_RECENT_SESSIONS = "SELECT session FROM traces WHERE session IS NOT NULL ORDER BY start_ns DESC LIMIT ?"


class KeyShape(TypedDict):
    """A key of the query language, and what may stand after it."""

    key: str
    hint: str


class Facets(TypedDict):
    """All kinds, and names that occur, 1,000 of each; sessions and attributes are of the latest traces and spans."""

    services: list[str]
    models: list[str]
    agents: list[str]
    tools: list[str]
    sessions: list[str]
    users: list[str]
    kinds: list[str]
    attributes: list[str]
    keys: list[KeyShape]


def facets(connection: sqlite3.Connection) -> Facets:
    """The names that a query can ask for."""
    sessions = connection.execute(_RECENT_SESSIONS, (_RECENT_SPANS,)).fetchall()
    return {
        "services": distinct(connection, "service", _MOST),
        "models": distinct(connection, "model", _MOST),
        "agents": distinct(connection, "agent", _MOST),
        "tools": distinct(connection, "tool", _MOST),
        "sessions": [*dict.fromkeys(session for (session,) in sessions)],
        "users": distinct(connection, "user", _MOST),
        "kinds": [*kinds.NAMED],
        "attributes": _attributes(connection),
        "keys": [{"key": key, "hint": hint} for key, hint in KEYS.items()],
    }


def _attributes(connection: sqlite3.Connection) -> list[str]:
    recent = connection.execute("SELECT body FROM spans ORDER BY id DESC LIMIT ?", (_RECENT_SPANS,))
    return sorted({pair.key for (body,) in recent for pair in Span.FromString(body).attributes})[:_MOST]
