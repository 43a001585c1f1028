"""Span records for tests, by number: span 7 with parent 3 runs from second 7 to 7.5."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_agent_telemetry.meaning._records import Fact, SpanRecord, key_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from otel_agent_telemetry.meaning._records import Usage

SECOND = 1_000_000_000
_TRACE = 0xABC
EPOCH = 1_795_298_968 * SECOND

CHAT: dict[str, object] = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}
USED: dict[str, object] = {**CHAT, "gen_ai.usage.input_tokens": 120, "gen_ai.usage.output_tokens": 30}
AGENT: dict[str, object] = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "planner"}
TOOL: dict[str, object] = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search"}


def span(
    number: int,
    attributes: Mapping[str, object],
    *,
    parent: int = 0,
    start: float | None = None,
    end: float | None = None,
    is_error: bool = False,
    exception: str = "",
    trace: int = _TRACE,
) -> SpanRecord:
    """A span that ended; times are seconds after the epoch of these tests."""
    start = number if start is None else start
    end = start + 0.5 if end is None else end
    return SpanRecord(
        trace, number, parent, "test", attributes, _ns(start), _ns(end), is_error=is_error, exception_type=exception
    )


def key(number: int) -> int:
    """What the span of that number is known by."""
    return key_of(_TRACE, number)


def own(number: int, lifecycle: str, *, parent: int = 0, end: float | None = None, **attributes: object) -> SpanRecord:
    """A lifecycle span of ours; attribute names are written with ``__`` for a dot."""
    given = {name.replace("__", "."): value for name, value in attributes.items()}
    return span(number, {"agent.lifecycle": lifecycle, **given}, parent=parent, end=end)


def names(out: Iterable[Fact | Usage]) -> list[str]:
    """What came out, in order: events by name, model calls as ``call``."""
    return [item.event if isinstance(item, Fact) else "call" for item in out]


def properties(out: Iterable[Fact | Usage], event: str) -> dict[str, object]:
    """The properties of the only event of that name."""
    (found,) = [item for item in out if isinstance(item, Fact) and item.event == event]
    return dict(found.properties)


def _ns(seconds: float) -> int:
    return EPOCH + int(seconds * SECOND)
