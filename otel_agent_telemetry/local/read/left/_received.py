"""Anonymous events that came to this server, as they came."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict, cast

from otel_agent_telemetry.local.read._moments import iso
from otel_agent_telemetry.local.read.left._left import documents

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

__all__ = ["ReceivedShape", "received_events"]

_LONGEST_BODY = 20_000
_MOST_NAMES = 20
_QUERY = "SELECT received_ns, dialect, body FROM events ORDER BY id DESC LIMIT ? OFFSET ?"


class ReceivedShape(TypedDict):
    """A body of one or several events: when it came, in which dialect, the events' names, and itself (20,000 bytes)."""

    received: str
    dialect: str
    names: list[str]
    body: str


def received_events(connection: sqlite3.Connection, *, limit: int = 50, offset: int = 0) -> list[ReceivedShape]:
    """The bodies, the latest first."""
    return [
        {
            "received": iso(received_ns),
            "dialect": dialect,
            "names": [*dict.fromkeys(_names(body))][:_MOST_NAMES],
            "body": body[:_LONGEST_BODY].decode(errors="replace"),
        }
        for received_ns, dialect, body in connection.execute(_QUERY, (limit, offset))
    ]


def _names(body: bytes) -> Iterator[str]:
    for document in documents(body):
        listed = document.get("records", [document])
        for each in cast("list[object]", listed) if isinstance(listed, list) else []:
            name = cast("dict[str, object]", each).get("event") if isinstance(each, dict) else None
            if isinstance(name, str):
                yield name
