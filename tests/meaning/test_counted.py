"""One model call that two instrumentations report counts once, with every figure that either of them gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_agent_telemetry.meaning import Meaning
from otel_agent_telemetry.meaning._records import Usage
from tests.meaning.spans import AGENT, CHAT, USED, key, names, properties, span

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_agent_telemetry.meaning._records import Fact, SpanRecord

_OPENINFERENCE: dict[str, object] = {
    "openinference.span.kind": "LLM",
    "llm.model_name": "m",
    "llm.token_count.prompt": 120,
    "llm.token_count.completion": 30,
}
_EMBEDDING: dict[str, object] = {"gen_ai.operation.name": "embeddings", "gen_ai.usage.input_tokens": 120}


def _other(
    number: int,
    attributes: dict[str, object],
    *,
    parent: int = 0,
    start: float = 1.0,
    end: float = 2.0,
    error: bool = False,
) -> SpanRecord:
    """A span of a second instrumentation; those of the first are of scope ``test``."""
    return span(number, attributes, parent=parent, start=start, end=end, is_error=error)._replace(scope="other")


def _counted(mapping: Meaning, *ended: SpanRecord) -> list[tuple[int, int | None, float | None]]:
    """Calls, input tokens and cost of what comes out."""
    out: Iterable[Fact | Usage] = [item for record in ended for item in mapping.end(record)]
    return [(item.calls, item.input_tokens, item.cost_usd) for item in out if isinstance(item, Usage)]


def _opened(*parents: int) -> Meaning:
    mapping = Meaning()
    for number, parent in enumerate(parents, 1):
        mapping.link(key(number), key(parent))
    return mapping


def test_a_wrapper_adds_what_nothing_inside_says() -> None:
    """The call inside counts; the cost that only its wrapper knows is added to it."""
    priced = {**USED, "gen_ai.cost.total_cost": 0.5}
    assert _counted(_opened(0, 1), span(2, USED, parent=1), span(1, priced)) == [(1, 120, None), (0, None, 0.5)]


def test_a_wrapper_around_a_call_without_usage() -> None:
    """Where the call inside says nothing of tokens, the wrapper's figures count."""
    assert _counted(_opened(0, 1), span(2, CHAT, parent=1), span(1, USED)) == [(1, None, None), (0, 120, None)]


def test_an_embedding_inside_an_embedding() -> None:
    """Two instrumentations of one embedding give its tokens once."""
    assert _counted(_opened(0, 1), span(2, _EMBEDDING, parent=1), span(1, _EMBEDDING)) == [(0, 120, None)]


def test_two_embeddings_beside_each_other() -> None:
    """The same where neither span is below the other."""
    mapping = _opened(0, 0)
    assert _counted(mapping, span(1, _EMBEDDING, start=1.2, end=1.8), _other(2, _EMBEDDING)) == [(0, 120, None)]


def test_two_spans_of_one_call_without_a_response_id() -> None:
    """Spans of two instrumentations, one within the other's time, with the same model and tokens, are one call."""
    mapping = _opened(0, 0, 2)
    inner = span(1, {**USED, "gen_ai.response.id": "r"}, start=1.2, end=1.8)
    assert _counted(mapping, inner, _other(3, _OPENINFERENCE, parent=2)) == [(1, 120, None)]


def test_a_call_that_was_told_before_its_run_was_known() -> None:
    """Where the first span of a call has nothing around it, the call still counts in the session of its second one."""
    mapping = _opened(0, 0, 2)
    told = mapping.end(span(1, USED, start=1.2, end=1.8))
    assert mapping.end(_other(3, _OPENINFERENCE, parent=2)) == []
    ended = properties(mapping.end(span(2, AGENT, end=9)), "session.ended")
    assert (names(told), ended["modelCalls"], ended["inputTokens"]) == (["call"], 1, 120)


@pytest.mark.parametrize("name", ["m-20260101", "m-2026-01-01", "m@20260101", "m-latest", "m-001"])
def test_a_model_and_its_release_are_one(name: str) -> None:
    """One span has the name that was asked for, the other the one of the release that answered."""
    mapping = _opened(0, 0)
    released = {**_OPENINFERENCE, "llm.model_name": name}
    assert _counted(mapping, span(1, USED, start=1.2, end=1.8), _other(2, released)) == [(1, 120, None)]


def test_two_spans_of_one_failed_call() -> None:
    """A failed call has neither a response nor tokens: it is one where the one's parent is around the other."""
    mapping = _opened(0, 1, 1, 3)
    inner = span(2, CHAT, parent=1, start=1.2, end=1.8, is_error=True)
    failed: dict[str, object] = {"openinference.span.kind": "LLM"}
    assert _counted(mapping, inner, _other(4, failed, parent=3, error=True), span(1, AGENT)) == [(1, None, None)]


@pytest.mark.parametrize(
    ("second", "why"),
    [
        (span(2, USED, start=1.0, end=2.0), "one instrumentation"),
        (_other(2, {**USED, "gen_ai.usage.output_tokens": 31}), "other tokens"),
        (_other(2, {**USED, "gen_ai.request.model": "n"}), "another model"),
        (_other(2, USED, start=1.5), "neither is within the other's time"),
        (_other(2, USED, error=True), "one failed"),
        (_other(2, {**USED, "gen_ai.response.id": "s"}), "another response"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_what_makes_them_two(second: SpanRecord, why: str) -> None:
    """Calls that differ in any of these are two."""
    first = span(1, {**USED, "gen_ai.response.id": "r"}, start=1.2, end=1.8)
    assert [calls for calls, _, _ in _counted(_opened(0, 0), first, second)] == [1, 1], why


def test_trees_beside_each_other_tell_of_one_call() -> None:
    """An instrumentation that is called back makes a tree of its own in the trace: its call is the one seen there."""
    spans = (span(4, USED, parent=2, start=1.2, end=1.8), _other(5, USED, parent=3), span(1, AGENT))
    mapping = _opened(0, 1, 1)
    assert _counted(mapping, spans[0], spans[1]) == []
    assert [mapping.unlink(key(2)), mapping.unlink(key(3))] == [[], []]
    assert _counted(mapping, spans[2]) == [(1, 120, None)]


def test_below_a_parent_in_another_trace_it_is_another_call() -> None:
    """Two calls that run in two traces, each below a span of its trace, are two."""
    elsewhere = _other(5, USED, parent=3)._replace(trace_id=0xDEF)
    here = span(4, USED, parent=2, start=1.2, end=1.8)
    mapping = _opened(0, 1)
    assert _counted(mapping, here, elsewhere) == [(1, 120, None)]  # that trace is not open here, so it is told at once
    assert [(usage.calls, usage.input_tokens) for usage in mapping.release() if isinstance(usage, Usage)] == [(1, 120)]


def test_parallel_calls_seen_twice() -> None:
    """Of calls at one time each is joined with its own second span."""
    mapping = _opened(0, 0, 0, 0)
    spans = [span(number, USED, start=number / 10, end=2.0) for number in (1, 2)]
    spans += [_other(number, _OPENINFERENCE, start=number / 10 - 0.25, end=3.0) for number in (3, 4)]
    assert len(_counted(mapping, *spans)) == 2
