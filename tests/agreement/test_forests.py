"""Whatever a program did, and whoever looked on: both destinations tell what happened, in any order of arrival."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.agreement.forest import DIALECTS, IDS, MCP, SEEN, Forest, Setup, forests, watched
from tests.agreement.readings import readings
from tests.agreement.rendered import spans
from tests.agreement.totals import SESSIONS, WORK, agree
from tests.agreement.written_spans import request

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.timeout(300)  # where one fails, it is made small first

_quickly = settings(
    derandomize=True,
    deadline=None,
    max_examples=50,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
)
_ALONE = {
    **{f"dialect {dialect}": Setup(dialect=dialect) for dialect in DIALECTS},
    **{f"seen {seen}": Setup(seen=seen) for seen in SEEN},
    **{f"ids {ids}, {seen}": Setup(ids=ids, seen=seen) for ids in IDS[1:3] for seen in ("once", "beside")},
    **{f"ids few, {seen}": Setup(ids="few", seen=seen) for seen in SEEN},
    **{f"mcp {mcp}": Setup(mcp=mcp) for mcp in MCP[1:]},
    "repeats": Setup(repeats=True, chains=True),
    "twice": Setup(twice=True),
    "workflow": Setup(has_workflow=True),
    "without conversation": Setup(names_conversation=False),
    "seeded": Setup(is_seeded=True),
    "unfinished": Setup(unfinished=True),
}
"""One thing at a time."""
_FEWER = settings(_quickly, max_examples=10)
_AS_IT_IS = settings(_quickly, max_examples=30, phases=[Phase.generate])  # each example is read twice


@pytest.mark.parametrize("setup", _ALONE.values(), ids=_ALONE)
def test_one_thing_at_a_time(setup: Setup) -> None:
    """Both destinations tell what happened."""

    @_FEWER
    @given(watched(setup))
    def holds(forest: Forest) -> None:
        _agree_with_the_truth(forest)

    holds()


@_quickly
@given(forests)
def test_everything_at_once(forest: Forest) -> None:
    """So they do whatever comes together."""
    _agree_with_the_truth(forest)


@_AS_IT_IS
@given(forests, st.integers(0, 10**6), st.integers(1, 40))
def test_arrival(forest: Forest, seed: int, batch: int) -> None:
    """Order of arrival, the size of batches and spans that are sent twice change no total."""
    written = spans(forest)
    straight = readings([request(*written)])
    turned = readings(_delivered(written, seed, batch), batch=batch)
    for way, reading in straight.items():
        agree({way: reading, f"{way}, turned": turned[way]}, (*WORK, *SESSIONS))


def _agree_with_the_truth(forest: Forest) -> None:
    written = spans(forest)
    copies = [_unfinished(each) for each in written] if forest.setup.unfinished else []
    found = readings([request(*copies), request(*written)])
    agree({**found, "right": forest.truth()}, (*WORK, *SESSIONS))


def _delivered(written: Sequence[dict[str, Any]], seed: int, batch: int) -> list[Any]:
    """The spans in another order and in batches; one in eight is sent again, and one in eight unfinished too."""
    drawn = random.Random(seed)  # noqa: S311 - it plays a network, and keeps no secret
    sent = [*written, *drawn.sample(written, len(written) // 8)]
    sent += [_unfinished(each) for each in drawn.sample(written, len(written) // 8)]
    drawn.shuffle(sent)
    return [request(*sent[first : first + batch]) for first in range(0, len(sent), batch)]


def _unfinished(written: dict[str, Any]) -> dict[str, Any]:
    """The span as it was when it had begun: without an end, an outcome, tokens, or the id of a response."""
    known = [each for each in written["attributes"] if not _comes_last(each["key"])]
    begun = {key: value for key, value in written.items() if key not in {"endTimeUnixNano", "status", "events"}}
    return {**begun, "attributes": known}


def _comes_last(key: str) -> bool:
    return "usage" in key or "token_count" in key or key == "gen_ai.response.id"
