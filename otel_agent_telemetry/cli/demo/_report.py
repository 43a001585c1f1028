"""How the demo prints events, and what of the traces is in none of them."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from otel_agent_telemetry.cli._table import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["left_out", "printed_events"]

_SHORTEST_TELLING = 6
_LONGEST_SHOWN = 44
_MOST_ROWS = 16
_TELLING = ("gen_ai.", "agent.", "exception.", "http.", "url.", "code.", "error.", "client.", "server.")


def printed_events(bodies: Sequence[bytes]) -> Iterator[str]:
    """One body of each event name in full, with how many of its kind there are."""
    names = Counter(str(json.loads(body)["event"]) for body in bodies)
    shown: set[str] = set()
    for body in bodies:
        name = str(json.loads(body)["event"])
        if name not in shown:
            shown.add(name)
            yield f"   {names[name]} x {name}"
            yield f"   {body.decode()}"


def left_out(exports: Sequence[Any], bodies: Sequence[bytes]) -> Iterator[str]:
    """Attributes whose text is in the traces and in no event: name, how often, and one value."""
    sent = b"\n".join(bodies).decode()
    values: dict[str, Counter[str]] = {}
    for export in exports:
        for key, text in _texts(export):
            if key.startswith(_TELLING) and len(text) >= _SHORTEST_TELLING and text not in sent:
                values.setdefault(key, Counter())[text] += 1
    rows = sorted(values.items(), key=lambda row: (-sum(row[1].values()), row[0]))
    for key, found in rows[:_MOST_ROWS]:
        example = next(iter(found)).replace("\n", " ")
        shown = example if len(example) <= _LONGEST_SHOWN else example[: _LONGEST_SHOWN - 1] + "…"
        yield f"   {key:<34} {sum(found.values()):>4} x   such as {shown!r}"
    if len(rows) > _MOST_ROWS:
        yield f"   and {counted(len(rows) - _MOST_ROWS, 'more attribute')}"


def _texts(value: Any) -> Iterator[tuple[str, str]]:
    """Every string attribute of an OTLP JSON export, with its key."""
    if isinstance(value, dict):
        text: Any = value.get("value", {})  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - parsed JSON
        if "key" in value and isinstance(text, dict) and isinstance(text.get("stringValue"), str):  # pyright: ignore[reportUnknownMemberType] - parsed JSON
            yield str(value["key"]), str(text["stringValue"])  # pyright: ignore[reportUnknownArgumentType] - parsed JSON
        for child in value.values():  # pyright: ignore[reportUnknownVariableType] - parsed JSON
            yield from _texts(child)
    elif isinstance(value, list):
        for child in value:  # pyright: ignore[reportUnknownVariableType] - parsed JSON
            yield from _texts(child)
