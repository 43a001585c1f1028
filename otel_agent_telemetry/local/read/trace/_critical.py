"""The critical path of a trace: the stretches of spans that determined when it ended.

Walked backwards from the end, as Jaeger does it: a span waits for the child that finished last, that one for its own
last child, and where no child is left the way goes on in the parent, before that child began
(https://github.com/jaegertracing/jaeger-ui, ``CriticalPath``; Zhang et al., CRISP, USENIX ATC 2022).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from otel_agent_telemetry.local.read._shapes import CriticalSection, SpanShape

__all__ = ["critical_path"]

_NS_IN_MS = 1e6


@dataclass(slots=True)
class _Span:
    id: str
    parent: _Span | None
    start: int
    end: int
    waiting: list[_Span] = field(default_factory=list["_Span"])


def critical_path(spans: Sequence[SpanShape]) -> list[CriticalSection]:
    """Stretches in order of time, none over another, of spans that stand as :func:`trace_tree` orders them.

    A child counts up to its parent's end, and one that begins after that does not count, unless the trace ends there.
    Of several roots the walk takes the one that ended last before the one that it comes from began.
    """
    known = _placed(spans)
    if not known:
        return []
    last = max(known, key=lambda span: span.end)
    roots = [span for span in known if span.parent is None]
    for span in known:
        _join_parent(span, is_last=span is last)
    for span in known:
        span.waiting.sort(key=lambda child: child.end)
    return [_section(*stretch) for stretch in _walk(last, sorted(roots, key=lambda root: root.end))][::-1]


def _placed(spans: Sequence[SpanShape]) -> list[_Span]:
    """Every span below its parent; one that has not ended lasts as long as the trace."""
    latest = max((_start(span) + round(span["duration_ms"] * _NS_IN_MS) for span in spans), default=0)
    placed: list[_Span] = []
    path: list[_Span] = []
    for span in spans:
        del path[span["depth"] :]
        start = _start(span)
        end = latest if span["unfinished"] else start + round(span["duration_ms"] * _NS_IN_MS)
        path.append(_Span(span["span_id"], path[-1] if path else None, start, end))
        placed.append(path[-1])
    return placed


def _start(span: SpanShape) -> int:
    return round(span["offset_ms"] * _NS_IN_MS)


def _join_parent(span: _Span, *, is_last: bool) -> None:
    parent = span.parent
    if parent is None or is_last or span.start >= parent.end:
        return
    span.start = max(span.start, parent.start)
    span.end = max(min(span.end, parent.end), span.start)
    parent.waiting.append(span)


def _walk(last: _Span, roots: list[_Span]) -> Iterator[tuple[_Span, int, int]]:
    span: _Span | None = last
    cursor = last.end
    while span is not None:
        child = _before(span.waiting, cursor)
        start = span.start if child is None else child.end
        if start < cursor:
            yield span, start, cursor
            cursor = start
        span = child or span.parent or _before(roots, cursor)
        cursor = min(cursor, span.end) if span else cursor


def _before(waiting: list[_Span], cursor: int) -> _Span | None:
    """The one that ended last before then; those that ended later, and that one, do not wait any more."""
    while waiting:
        span = waiting.pop()
        if span.end <= cursor:
            return span
    return None


def _section(span: _Span, start: int, end: int) -> CriticalSection:
    return {"span_id": span.id, "offset_ms": start / _NS_IN_MS, "duration_ms": (end - start) / _NS_IN_MS}
