"""The model calls that were counted last, to know a call that a second instrumentation reports too.

Where one span is below the other the tree tells. Where it is not, a response id joins them. Many spans carry none: then
two spans are one call if they come from two instrumentations, the time of one is within the other's, they ended alike,
name the same model and say the same of tokens, where both say something, and the parent of one is around the other: an
instrumentation that is called back does not make its span the current one.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import TYPE_CHECKING

from otel_agent_telemetry import semconv
from otel_agent_telemetry.meaning import _dialects as dialects

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_agent_telemetry.meaning._ancestry import Tree
    from otel_agent_telemetry.meaning._calls import ModelCall
    from otel_agent_telemetry.meaning._records import SpanRecord

_MOST_RESPONSES = 2_048
_MOST_LAST = 128
_MOST_LATE = 8


class _Seen:
    """A call as one span told it; ``scopes`` are the instrumentations that reported it."""

    __slots__ = ("call", "end_ns", "models", "parent_id", "response_id", "scopes", "start_ns")

    def __init__(self, record: SpanRecord, call: ModelCall, response_id: str | None) -> None:
        self.call = call
        self.start_ns = record.start_ns
        self.end_ns = record.end_ns
        self.parent_id = record.parent_id
        self.response_id = response_id
        self.models = dialects.models(record.attributes)
        self.scopes: tuple[str, ...] = (record.scope,)


class Counted:
    """See the module."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._responses: OrderedDict[str, tuple[int, ModelCall]] = OrderedDict()
        self._last: deque[_Seen] = deque(maxlen=_MOST_LAST)
        self._scope: str | None = None
        self._is_one_scope = True

    def again(self, record: SpanRecord, call: ModelCall) -> ModelCall | None:
        """The counted call that this one is; None for a new one, which is remembered."""
        response_id = dialects.text(record.attributes, (semconv.GEN_AI_RESPONSE_ID,))
        known = self._by_response(response_id, record, call) if response_id is not None and call.calls else None
        if known is not None:
            return known
        seen = _Seen(record, call, response_id)
        twin = self._twin(seen, record.scope)
        if twin is None:
            self._last.append(seen)
            return None
        twin.scopes += (record.scope,)
        return twin.call

    def _by_response(self, response_id: str, record: SpanRecord, call: ModelCall) -> ModelCall | None:
        """The call with this response that ran at the same time: some servers use an id twice."""
        responses = self._responses
        ended_ns, known = responses.pop(response_id, (0, call))
        if len(responses) >= _MOST_RESPONSES:
            responses.popitem(last=False)
        is_known = ended_ns > record.start_ns
        responses[response_id] = max(ended_ns, record.end_ns), known if is_known else call
        return known if is_known else None

    def _twin(self, new: _Seen, scope: str) -> _Seen | None:
        self._scope = self._scope or scope
        self._is_one_scope = self._is_one_scope and self._scope == scope
        if self._is_one_scope:
            return None
        twins = (seen for seen in self._at_that_time(new) if scope not in seen.scopes and self._is_one(new, seen))
        return min(twins, key=lambda seen: abs(seen.start_ns - new.start_ns), default=None)

    def _at_that_time(self, new: _Seen) -> Iterator[_Seen]:
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

    def _is_one(self, new: _Seen, seen: _Seen) -> bool:
        if not _is_within(new, seen) or (new.response_id is not None and seen.response_id is not None):
            return False
        one, two = new.call, seen.call
        if one.calls != two.calls or (one.error is None) != (two.error is None):
            return False
        if new.models and seen.models and new.models.isdisjoint(seen.models):
            return False
        if one.has_usage and two.has_usage and _tokens(one) != _tokens(two):
            return False
        return self._is_around(new.parent_id, seen.parent_id) or self._is_around(seen.parent_id, new.parent_id)

    def _is_around(self, span_id: int, other_id: int) -> bool:
        return not span_id or span_id in self._tree.ancestors(other_id)


def _tokens(call: ModelCall) -> tuple[int | None, int | None]:
    return call.input_tokens, call.output_tokens


def _is_within(one: _Seen, two: _Seen) -> bool:
    outer, inner = (one, two) if one.start_ns <= two.start_ns and one.end_ns >= two.end_ns else (two, one)
    return outer.start_ns <= inner.start_ns and inner.end_ns <= outer.end_ns
