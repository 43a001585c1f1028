"""Two texts compared: what both have, what only one has, by line and within changed lines by word."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Piece", "diff_texts"]

_WORD = re.compile(r"\s+|\w+|[^\w\s]")
_MOST_LINES, _MOST_WORDS = 2000, 1000
_LEAST_ALIKE = 0.3


class Piece(TypedDict):
    """A run of text; ``change`` is ``same``, ``removed`` (only in the first) or ``added`` (only in the second)."""

    change: str
    text: str


def diff_texts(a: str, b: str) -> list[Piece]:
    """Pieces in order: those that are not added make the first text, those that are not removed the second.

    Texts of more than 2,000 lines are compared as a whole.
    """
    before, after = a.splitlines(keepends=True), b.splitlines(keepends=True)
    if max(len(before), len(after)) > _MOST_LINES:
        return _joined(_whole(a, b))
    return _joined(_lines(before, after))


def _lines(before: Sequence[str], after: Sequence[str]) -> Iterator[Piece]:
    for change, i, j, k, n in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        old, new = "".join(before[i:j]), "".join(after[k:n])
        if change == "equal":
            yield {"change": "same", "text": old}
        else:
            yield from _words(old, new)


def _words(old: str, new: str) -> Iterator[Piece]:
    """Word by word, where that is not a patchwork."""
    before, after = _WORD.findall(old), _WORD.findall(new)
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    is_long = max(len(before), len(after)) > _MOST_WORDS
    if is_long or not old or not new or matcher.ratio() < _LEAST_ALIKE:
        yield from _whole(old, new)
        return
    for change, i, j, k, n in matcher.get_opcodes():
        if change == "equal":
            yield {"change": "same", "text": "".join(before[i:j])}
        else:
            yield from _whole("".join(before[i:j]), "".join(after[k:n]))


def _whole(old: str, new: str) -> Iterator[Piece]:
    if old == new:
        yield {"change": "same", "text": old}
        return
    yield {"change": "removed", "text": old}
    yield {"change": "added", "text": new}


def _joined(pieces: Iterator[Piece]) -> list[Piece]:
    """Without empty ones, neighbours of one kind as one."""
    joined: list[Piece] = []
    for piece in pieces:
        if not piece["text"]:
            continue
        if joined and joined[-1]["change"] == piece["change"]:
            joined[-1]["text"] += piece["text"]
        else:
            joined.append(piece)
    return joined
