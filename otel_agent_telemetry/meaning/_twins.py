"""The calls that were counted last, to know one that a second or a third instrumentation reports too.

Where one span is below the other the tree tells. Where it is not, a response id joins model calls and a call's id
tools, if their times overlap: some servers and frameworks use an id again. Many spans carry none: then two spans are
one call if they come from two instrumentations, the time of one is within the other's, they ended alike, name the same
model or tool and say the same of tokens, where both say something, and both stand in one trace or one has no parent: an
instrumentation that is called back makes a tree of its own.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Generic, TypeVar

from otel_agent_telemetry.meaning._calls import ModelCall, ToolCall
from otel_agent_telemetry.meaning._models import bare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_agent_telemetry.meaning._ancestry import Tree
    from otel_agent_telemetry.meaning._said import Said

_MOST_RESPONSES = 2_048
_MOST_OF_ONE_ID = 64  # traces that were exported together come one after the other, whatever their times
_MOST_LAST = 128
_MOST_LATE = 8
_TRACE_BITS = 64

C = TypeVar("C", ModelCall, ToolCall)


class _Seen(Generic[C]):
    """A call as one span told it; ``scopes`` are the instrumentations that reported it."""

    __slots__ = ("call", "end_ns", "id", "key", "names", "parent_key", "scopes", "start_ns")

    def __init__(self, said: Said, call: C) -> None:
        self.call = call
        self.start_ns = said.start_ns
        self.end_ns = said.end_ns
        self.key = said.key
        self.parent_key = said.parent_key
        self.id = said.response_id or said.call_id
        self.names = (said.answered_by, said.asked)
        self.scopes: tuple[str, ...] = (said.scope,)

    @property
    def models(self) -> frozenset[str]:
        """The names of the model, as two instrumentations may both write them."""
        return frozenset(bare(name) for name in self.names if name is not None)


class Twins(Generic[C]):
    """See the module; ``is_alike`` tells whether what two calls say fits one call."""

    def __init__(self, tree: Tree, is_alike: Callable[[_Seen[C], _Seen[C]], bool]) -> None:
        self._tree = tree
        self._is_alike = is_alike
        self._by_id: OrderedDict[str, list[tuple[int, int, C]]] = OrderedDict()
        self._last: deque[_Seen[C]] = deque(maxlen=_MOST_LAST)
        self._scope: str | None = None
        self._is_one_scope = True

    def again(self, said: Said, call: C) -> C | None:
        """The counted call that this one is; None for a new one, which is remembered."""
        known_as = said.response_id or said.call_id
        known = None if known_as is None else self._with_id(known_as, said, call)
        if known is not None:
            return known
        seen = _Seen(said, call)
        twin = self._twin(seen, said.scope)
        if twin is None:
            self._last.append(seen)
            return None
        twin.scopes += (said.scope,)
        twin.id = twin.id or seen.id
        return twin.call

    def _with_id(self, known_as: str, said: Said, call: C) -> C | None:
        """The call with this id that ran at the same time; of several the one that began with it."""
        calls = self._by_id.pop(known_as, [])
        if len(self._by_id) >= _MOST_RESPONSES:
            self._by_id.popitem(last=False)
        self._by_id[known_as] = calls
        start_ns, end_ns = said.start_ns, said.end_ns
        same = [
            (abs(began - start_ns), at)
            for at, (began, ended, _) in enumerate(calls)
            if began < end_ns and ended > start_ns
        ]
        if not same:
            calls.append((start_ns, end_ns, call))
            del calls[:-_MOST_OF_ONE_ID]
            return None
        _, at = min(same)
        began, ended, known = calls[at]
        calls[at] = min(began, start_ns), max(ended, end_ns), known
        return known

    def _twin(self, new: _Seen[C], scope: str) -> _Seen[C] | None:
        self._scope = self._scope or scope
        self._is_one_scope = self._is_one_scope and self._scope == scope
        if self._is_one_scope:
            return None
        twins = (seen for seen in self._at_that_time(new) if scope not in seen.scopes and self._is_one(new, seen))
        return min(twins, key=lambda seen: abs(seen.start_ns - new.start_ns), default=None)

    def _at_that_time(self, new: _Seen[C]) -> Iterator[_Seen[C]]:
        """Calls whose time overlaps. They come in the order of their ends, but for a few that come late."""
        missed = 0
        for seen in reversed(self._last):
            if seen.end_ns >= new.start_ns:
                missed = 0
                yield seen
            else:
                missed += 1
                if missed == _MOST_LATE:
                    return

    def _is_one(self, new: _Seen[C], seen: _Seen[C]) -> bool:
        if not _is_within(new, seen) or (new.id is not None and seen.id is not None):
            return False
        if (new.call.error is None) != (seen.call.error is None) or not self._is_alike(new, seen):
            return False
        if self._is_below(new.key, seen.parent_key) or self._is_below(seen.key, new.parent_key):
            return False
        if not new.parent_key or not seen.parent_key:
            return True
        return new.key >> _TRACE_BITS == seen.key >> _TRACE_BITS

    def _is_below(self, key: int, other_key: int) -> bool:
        return key in self._tree.ancestors(other_key)


def model_calls_alike(new: _Seen[ModelCall], seen: _Seen[ModelCall]) -> bool:
    """Whether two spans may be of one model call."""
    one, two = new.call, seen.call
    new_models, seen_models = new.models, seen.models
    if one.calls != two.calls or (new_models and seen_models and new_models.isdisjoint(seen_models)):
        return False
    return not (one.has_usage and two.has_usage) or _tokens(one) == _tokens(two)


def tool_calls_alike(new: _Seen[ToolCall], seen: _Seen[ToolCall]) -> bool:
    """Whether two spans may be of one tool call."""
    one, two = new.call, seen.call
    if one.name is None or two.name is None:
        return False
    return one.is_within(two.name) or two.is_within(one.name)


def _tokens(call: ModelCall) -> tuple[int | None, int | None]:
    return call.input_tokens, call.output_tokens


def _is_within(one: _Seen[C], two: _Seen[C]) -> bool:
    outer, inner = (one, two) if one.start_ns <= two.start_ns and one.end_ns >= two.end_ns else (two, one)
    return outer.start_ns <= inner.start_ns and inner.end_ns <= outer.end_ns
