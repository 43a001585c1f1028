"""Two traces side by side: what appeared, what vanished, what changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from otel_agent_telemetry.local.read._shapes import SpanShape, TraceShape, TraceTree

__all__ = ["DiffRow", "DiffShape", "diff_trees"]

_SLOWER_BY = 1.2
_SLOWER_BY_MS = 5.0
_LEAST_USD = 1e-9


class DiffRow(TypedDict):
    """One span in both traces, or in one of them.

    ``change`` is ``same``, ``changed``, ``added`` (only in the second) or ``removed``; ``changes`` says what changed:
    ``slower`` and ``faster`` (by a fifth and 5 ms), ``tokens``, ``cost``, ``status``, ``model``, ``text``
    (what was said).
    """

    change: str
    changes: list[str]
    depth: int
    a: SpanShape | None
    b: SpanShape | None


class DiffShape(TypedDict):
    """``diff A B``: both summaries and the aligned spans."""

    a: TraceShape
    b: TraceShape
    rows: list[DiffRow]


class _Node:
    __slots__ = ("children", "shape")

    def __init__(self, shape: SpanShape | None) -> None:
        self.shape = shape
        self.children: list[_Node] = []


def diff_trees(a: TraceTree, b: TraceTree) -> DiffShape:
    """Align two traces from their roots down.

    Below two spans that belong together, the n-th child of one kind, name and tool belongs to the n-th such child of
    the other, whatever stands between them.
    """
    rows: list[DiffRow] = []
    pending: list[tuple[int, _Node | None, _Node | None]] = [(-1, _nested(a["spans"]), _nested(b["spans"]))]
    while pending:
        depth, left, right = pending.pop()
        if depth >= 0:
            rows.append(_row(depth, left, right))
        pairs = _aligned(left.children if left else [], right.children if right else [])
        pending.extend((depth + 1, one, other) for one, other in reversed(pairs))
    return {"a": a["trace"], "b": b["trace"], "rows": rows}


def _nested(spans: list[SpanShape]) -> _Node:
    top = _Node(None)
    path = [top]
    for span in spans:
        node = _Node(span)
        del path[span["depth"] + 1 :]
        path[-1].children.append(node)
        path.append(node)
    return top


def _aligned(left: list[_Node], right: list[_Node]) -> list[tuple[_Node | None, _Node | None]]:
    """Pairs in the order of ``right``; what ``left`` alone has stands where it was."""
    if len(left) == len(right) == 1 and left[0].shape and right[0].shape and not left[0].shape["depth"]:
        return [(left[0], right[0])]  # two roots belong together whatever they are called
    numbered = _numbered(left)
    waiting = list(numbered)
    taken: set[object] = set()
    wanted = set(_numbered(right))
    pairs: list[tuple[_Node | None, _Node | None]] = []
    at = 0
    for key, node in _numbered(right).items():
        if key not in numbered:
            pairs.append((None, node))
            continue
        while at < len(waiting) and waiting[at] != key:
            if waiting[at] not in wanted:
                pairs.append((numbered[waiting[at]], None))
                taken.add(waiting[at])
            elif waiting[at] not in taken:
                break  # it comes later on the right
            at += 1
        taken.add(key)
        pairs.append((numbered[key], node))
    pairs.extend((node, None) for key, node in numbered.items() if key not in taken)
    return pairs


def _numbered(nodes: list[_Node]) -> dict[tuple[object, ...], _Node]:
    counts: dict[tuple[object, ...], int] = {}
    found: dict[tuple[object, ...], _Node] = {}
    for node in nodes:
        key = _key(node.shape)
        counts[key] = counts.get(key, 0) + 1
        found[(*key, counts[key])] = node
    return found


def _key(shape: SpanShape | None) -> tuple[object, ...]:
    if shape is None:
        return ()
    # a model's name stands in most spans' names, and another model is a change, not another step
    name = None if shape["kind"] in {"model", "embedding"} else shape["name"]
    return (shape["kind"], name, shape["tool"])


def _row(depth: int, left: _Node | None, right: _Node | None) -> DiffRow:
    a, b = left.shape if left else None, right.shape if right else None
    if a is None or b is None:
        return {"change": "added" if a is None else "removed", "changes": [], "depth": depth, "a": a, "b": b}
    changes = _changes(a, b)
    return {"change": "changed" if changes else "same", "changes": changes, "depth": depth, "a": a, "b": b}


def _changes(a: SpanShape, b: SpanShape) -> list[str]:
    before, after = a["duration_ms"], b["duration_ms"]
    usd = (b["cost_usd"] or 0) - (a["cost_usd"] or 0)
    checks = {
        "status": a["status"] != b["status"],
        "model": a["model"] != b["model"],
        "slower": after > before * _SLOWER_BY and after - before > _SLOWER_BY_MS,
        "faster": before > after * _SLOWER_BY and before - after > _SLOWER_BY_MS,
        "tokens": (a["input_tokens"], a["output_tokens"]) != (b["input_tokens"], b["output_tokens"]),
        "cost": abs(usd) > _LEAST_USD,
    }
    return [name for name, holds in checks.items() if holds]
