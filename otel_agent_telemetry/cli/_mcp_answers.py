"""What the tools of ``mcp`` answer: shapes, and no more of them than a model should read at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from typing_extensions import TypedDict

from otel_agent_telemetry.local import json_text

__all__ = [
    "LARGEST",
    "Compared",
    "Failed",
    "Listed",
    "Match",
    "Matches",
    "Shown",
    "Table",
    "Talks",
    "Used",
    "bounded",
    "bounded_content",
    "cut",
    "more",
]

LARGEST = 30_000
"""Characters of JSON that the rows of one answer may have, about ten thousand tokens."""
_LONGEST_TEXT = 2000

_Row = TypeVar("_Row")
Row = Mapping[str, Any]
"""A stable shape: the schema of each would take more of a model's context than its own keys."""


class Listed(TypedDict):
    """Traces; ``note`` says how to get more, and is null where these are all."""

    traces: Sequence[Row]
    note: str | None


class Match(TypedDict):
    """A trace that matches, and the ids of its spans that contain the text."""

    trace: Row
    span_ids: list[str]


class Matches(TypedDict):
    """What was found."""

    matches: Sequence[Match]
    note: str | None


class Shown(TypedDict):
    """A trace: spans with parents first, messages of failures and content by span id."""

    trace: Row
    spans: Sequence[Row]
    failures: dict[str, str]
    content: dict[str, Any] | None
    note: str | None


class Compared(TypedDict):
    """Two traces aligned."""

    a: Row
    b: Row
    rows: Sequence[Row]
    note: str | None


class Used(TypedDict):
    """Use by a key."""

    rows: Sequence[Row]
    note: str | None


class Failed(TypedDict):
    """Failures by type and place."""

    errors: Sequence[Row]
    note: str | None


class Talks(TypedDict):
    """Sessions."""

    sessions: Sequence[Row]
    note: str | None


class Table(TypedDict):
    """Rows of a question in SQL."""

    columns: list[str]
    rows: list[list[Any]]
    note: str | None


def bounded(rows: list[_Row], largest: int = LARGEST) -> list[_Row]:
    """The first rows that fit, and at least one."""
    kept: list[_Row] = []
    for row in rows:
        largest -= len(json_text(row))
        if largest < 0 and kept:
            break
        kept.append(row)
    return kept


def bounded_content(said: dict[str, dict[str, object]], ids: set[str]) -> tuple[dict[str, Any], bool]:
    """What was said on those spans, each text and all of it cut where it is too long, and whether it was."""
    wanted = {span: {key: cut(value) for key, value in texts.items()} for span, texts in said.items() if span in ids}
    kept = dict(bounded([*wanted.items()]))
    return kept, len(kept) < len(wanted) or "more characters]" in json_text(kept)


def cut(value: Any) -> Any:
    """The value, or the beginning of its text where that is too long."""
    text = value if isinstance(value, str) else json_text(value)
    if len(text) <= _LONGEST_TEXT:
        return value
    return f"{text[:_LONGEST_TEXT]} [{len(text) - _LONGEST_TEXT:,} more characters]"


def more(kept: int, found: int, offset: int) -> str | None:
    """How to get the rest, where ``kept`` are not all that were found from ``offset`` on."""
    return f"There is more; ask again with offset={offset + kept}." if kept < found else None
