"""Finished spans among others."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from otel_agent_telemetry.meaning._said import Said

__all__ = ["Place"]


class Place(NamedTuple):
    """A finished span among others: keys as in :class:`SpanRecord`, and what it says, where a dialect speaks of it."""

    key: int
    parent_key: int
    start_ns: int
    end_ns: int
    said: Said | None
