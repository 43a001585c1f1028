"""Ledgers that other versions of this package keep beside ours: read and named, never written."""

from __future__ import annotations

import os
import re
import sqlite3
from contextlib import closing, suppress
from typing import NamedTuple

from otel_agent_telemetry._sqlite import connected_readonly, version_of
from otel_agent_telemetry.pipeline.sending._database import VERSION

__all__ = ["Other", "has_own", "other_ledgers"]

_NAME = re.compile(r"ledger(-\d+)?\.db", re.ASCII)
_EVENTS = "SELECT created_at, state, name, body FROM events ORDER BY id DESC LIMIT ?"


class Other(NamedTuple):
    """One of them: its path, and the version of its tables, which is not ours."""

    path: str
    version: int

    @property
    def name(self) -> str:
        """The file's name."""
        return os.path.basename(self.path)

    def events(self, limit: int) -> list[tuple[float, str, str, bytes]]:
        """The newest events, oldest first: when, state, name and body; none where that version keeps them otherwise."""
        with suppress(sqlite3.Error), closing(connected_readonly(self.path)) as connection:
            return connection.execute(_EVENTS, (limit,)).fetchall()[::-1]
        return []

    def counts(self) -> dict[str, int]:
        """How many events it holds in each state."""
        with suppress(sqlite3.Error), closing(connected_readonly(self.path)) as connection:
            return dict(connection.execute("SELECT state, count(*) FROM events GROUP BY state").fetchall())
        return {}


def other_ledgers(path: str) -> list[Other]:
    """Those beside the ledger at ``path``, or in its place."""
    return [other for other in _all(path) if other.version != VERSION]


def has_own(path: str) -> bool:
    """Whether there is one of our version, or one that cannot be read and is renewed when it is opened."""
    known = {other.name for other in other_ledgers(path)}
    return any(name not in known for name in _names(path))


def _all(path: str) -> list[Other]:
    found: list[Other] = []
    for name in _names(path):
        file = os.path.join(os.path.dirname(path), name)
        with suppress(sqlite3.Error), closing(connected_readonly(file)) as connection:
            found.append(Other(file, version_of(connection)))
    return found


def _names(path: str) -> list[str]:
    try:
        return sorted(filter(_NAME.fullmatch, os.listdir(os.path.dirname(path))))
    except OSError:
        return []
