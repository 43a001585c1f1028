"""Whose child a span is: the open spans of the process, and the last ones that ended.

Children usually end before their parent, so what a parent stands for is not known yet when they do. What ended waits
below the nearest open ancestor until that one ends.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_OPEN = 65_536
_MOST_ENDED = 16_384
_MOST_HOPS = 256


class Landing(NamedTuple):
    """Where what a span leaves behind goes: below an open span, 0 for none.

    ``session_id`` is that of the session that was already told about, ``counted_until`` when the last model call on the
    way ended that was counted, 0 for none: both are for spans that end after their parent.
    """

    key: int
    session_id: str | None = None
    counted_until: int = 0


_Ended: TypeAlias = "tuple[int, int, str | None, str | None]"
"""Of a span that ended: its parent, and what :meth:`Tree.close` was given."""

_NOWHERE = Landing(0)


class Tree:
    """See the module. ``link``, ``expect`` and ``leave`` may be called from any thread, the rest from one.

    With ``partial``, a parent that was never seen is taken as one that is still open. Of more than ``most_open`` open
    spans the oldest are forgotten, except those that are pinned.
    """

    def __init__(self, *, most_open: int = _MOST_OPEN, partial: bool = False) -> None:
        self._most_open = most_open
        self._partial = partial
        # Ordered, because the oldest key of a plain dictionary is found slowly once many before it were deleted.
        self._parents: OrderedDict[int, int] = OrderedDict()
        self._ended: OrderedDict[int, _Ended] = OrderedDict()
        self._awaited: OrderedDict[int, None] = OrderedDict()
        self._pinned: set[int] = set()

    def link(self, key: int, parent_key: int) -> None:
        """A span began."""
        parents = self._parents
        if len(parents) >= self._most_open:
            self._make_room()
        parents[key] = parent_key

    def be_whole(self) -> None:
        """No parent comes any more that was not seen."""
        self._partial = False

    def pin(self, key: int) -> None:
        """Keep an open span, however many others begin after it."""
        self._pinned.add(key)

    def _make_room(self) -> None:
        oldest, parent_key = self._parents.popitem(last=False)
        if oldest in self._pinned:
            self._parents[oldest] = parent_key

    def expect(self, parent_key: int) -> None:
        """A span that matters ended below this one."""
        awaited = self._awaited
        if len(awaited) >= self._most_open:
            awaited.popitem(last=False)
        awaited[parent_key] = None

    def leave(self, key: int) -> bool:
        """A span that does not matter ended; True where one that does ended below it, so that its place matters."""
        if key not in self._awaited:
            self._parents.pop(key, None)
            return False
        parent_key = self._parents.get(key, 0)
        if parent_key:
            self.expect(parent_key)
        return True

    def is_open(self, key: int) -> bool:
        """Whether the span has begun and not ended."""
        return key in self._parents

    def has_ended(self, key: int) -> bool:
        """Whether the span was seen to end."""
        return key in self._ended

    def parent(self, key: int) -> int:
        """The parent of an open span; 0 for none."""
        return self._parents.get(key, 0)

    def ancestors(self, key: int) -> Iterator[int]:
        """The span itself and what is above it, as far as that is known."""
        for _ in range(_MOST_HOPS):
            if not key:
                return
            yield key
            parent_key = self._parents.get(key)
            if parent_key is None:
                ended = self._ended.get(key)
                parent_key = 0 if ended is None else ended[0]
            key = parent_key

    def landing(self, parent_key: int) -> Landing:
        """Where what a child of this span leaves behind goes."""
        if parent_key in self._parents:
            return Landing(parent_key)
        if parent_key not in self._ended:
            if not (self._partial and parent_key):
                return _NOWHERE
            self.link(parent_key, 0)
            return Landing(parent_key)
        return self._above_ended(parent_key)

    def _above_ended(self, key: int) -> Landing:
        session_id: str | None = None
        counted_until = 0
        for _ in range(_MOST_HOPS):
            ended = self._ended.get(key)
            if ended is None:
                break
            key, counted, session, _ = ended
            session_id = session_id or session
            counted_until = max(counted_until, counted)
        return Landing(key if key in self._parents else 0, session_id, counted_until)

    def ended_tool(self, key: int) -> str | None:
        """The name of a tool call that ended, where that span was one."""
        ended = self._ended.get(key)
        return None if ended is None else ended[3]

    def close(
        self,
        key: int,
        parent_key: int,
        *,
        counted_until: int = 0,
        session_id: str | None = None,
        tool: str | None = None,
    ) -> None:
        """A span that matters ended; ``tool`` is the name of a tool call."""
        self._parents.pop(key, None)
        if self._awaited:
            self._awaited.pop(key, None)
        if self._pinned:
            self._pinned.discard(key)
        ended = self._ended
        if len(ended) >= _MOST_ENDED:
            ended.popitem(last=False)
        ended[key] = (parent_key, counted_until, session_id, tool)

    def settle(self, key: int, session_id: str | None) -> None:
        """The session of an ended span was told about: what still ends below it comes late."""
        ended = self._ended.get(key)
        if ended is not None:
            parent_key, counted_until, _, tool = ended
            self._ended[key] = (parent_key, counted_until, session_id, tool)
