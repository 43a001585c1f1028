"""What there is to filter by."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    import sqlite3

__all__ = ["Facets", "facets"]

_RECENT_STEPS = 20_000


class Facets(TypedDict):
    """Names that occur: services in all, the rest in the latest 20,000 steps."""

    services: list[str]
    models: list[str]
    agents: list[str]
    tools: list[str]


def facets(connection: sqlite3.Connection) -> Facets:
    """The names that filters can be set to."""
    services = connection.execute("SELECT DISTINCT service FROM origins ORDER BY service").fetchall()
    found: dict[str, set[str]] = {"models": set(), "agents": set(), "tools": set()}
    query = "SELECT model, agent, tool FROM steps ORDER BY id DESC LIMIT ?"
    for row in connection.execute(query, (_RECENT_STEPS,)):
        for names, name in zip(found.values(), row, strict=True):
            if name:
                names.add(name)
    return {
        "services": [row[0] for row in services],
        "models": sorted(found["models"]),
        "agents": sorted(found["agents"]),
        "tools": sorted(found["tools"]),
    }
