"""What spans add up to, by the name of the total, and several readings of it side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Figure: TypeAlias = "int | float | frozenset[str] | None"
"""A count, a sum that is None where nobody knows, or what is said of each session."""
Totals: TypeAlias = "Mapping[str, Figure]"
"""The totals that one reading knows; a name that is not there is one that this reading does not show."""

SESSIONS = ("sessions", "spent")
"""The ids of the sessions, and what was called and used in each."""
COUNTS = ("calls", "failed_calls", "tools", "tool_errors", "runs", "workflows")
TOKENS = ("input", "output", "cache_read", "cache_write", "reasoning")
WORK = (*COUNTS, "failures", *TOKENS, "cost")
"""All but the sessions, in the order in which they are shown."""
_MOST_SHOWN = 2
_TO_THE_CENT = 6  # events carry costs rounded to a millionth of a dollar


def added(figures: Iterable[float | None]) -> float | None:
    """The sum of what is known; None where nothing is."""
    known = [figure for figure in figures if figure is not None]
    return round(sum(known), _TO_THE_CENT) if known else None


def spent(session: str, calls: int, tools: int, given: int | None, made: int | None) -> str:
    """What was spent in a session, in words that compare."""
    return f"{session}: {calls} calls, {tools} tools, {given or 0} in, {made or 0} out"


def agree(readings: Mapping[str, Totals], names: Iterable[str] = WORK) -> None:
    """Ends the test, with a table, where not all readings agree."""
    __tracebackhide__ = True
    table = differences(readings, names)
    if table:
        raise AssertionError(table)


def differences(readings: Mapping[str, Totals], names: Iterable[str] = WORK) -> str:
    """A table of the totals on which not all readings agree, a column each; empty where they do, "." where unknown."""
    rows = [name for name in names if len({reading[name] for reading in readings.values() if name in reading}) > 1]
    if not rows:
        return ""
    columns = [["", *rows]] + [[way, *(_shown(name, reading) for name in rows)] for way, reading in readings.items()]
    widths = [max(map(len, column)) for column in columns]
    lines = zip(*columns, strict=True)
    return "\n" + "\n".join("  ".join(map(str.rjust, line, widths)) for line in lines)


def _shown(name: str, reading: Totals) -> str:
    if name not in reading:
        return "."
    figure = reading[name]
    if not isinstance(figure, frozenset):
        return str(figure)
    first = " ".join(sorted(figure)[:_MOST_SHOWN]) or "none"
    return f"{first} … {len(figure)}" if len(figure) > _MOST_SHOWN else first
