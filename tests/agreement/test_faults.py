"""What needs more spans than a file should hold, or more than totals to be seen."""

from __future__ import annotations

import json
import random
from contextlib import closing
from typing import TYPE_CHECKING, Any, cast

import pytest

from otel_agent_telemetry.local import Imported, Store, TraceFilter, import_line, list_sessions, list_traces, usage
from tests.agreement.readings import readings
from tests.agreement.totals import SESSIONS, WORK, agree
from tests.agreement.written_spans import request, span
from tests.meaning import cases

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from otel_agent_telemetry.pipeline.writing.anonymise import CleanEvent
    from tests.agreement.totals import Totals

_CHAT: dict[str, object] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "orca-mini",
    "gen_ai.usage.input_tokens": 200,
    "gen_ai.usage.output_tokens": 100,
}
_RUN: dict[str, object] = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "clerk"}


def _right(found: dict[str, Totals], **right: Any) -> None:
    agree({**found, "right": right}, (*WORK, *SESSIONS))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    with closing(Store(tmp_path / "traces.sqlite")) as opened:
        yield opened


def _kept(store: Store, *spans: dict[str, Any]) -> None:
    import_line(store, json.dumps(request(*spans)), Imported())
    while store.settle():
        pass


def _events(tmp_path: Path, *spans: dict[str, Any]) -> list[CleanEvent]:
    path = tmp_path / "spans.json"
    path.write_text(json.dumps(request(*spans)), encoding="utf-8")
    return cases.events(path)


def test_few_response_ids() -> None:
    """A server that draws one of 999 response ids answered 1,500 calls, and 1,500 are counted."""
    drawn = random.Random(7)  # noqa: S311 - it plays a server, and keeps no secret
    ids = [f"chatcmpl-{drawn.randrange(999)}" for _ in range(1500)]
    spans = [
        span(n, 10 * n, 10 * n + 9, {**_CHAT, "gen_ai.response.id": response}, trace=n)
        for n, response in enumerate(ids, 1)
    ]
    _right(readings([request(*spans)]), calls=1500, input=300_000, output=150_000, sessions=frozenset[str]())


def test_few_response_ids_in_one_trace() -> None:
    """The same below one long run."""
    run = span(9999, 0, 20_000, {**_RUN, "gen_ai.conversation.id": "talk"})
    spans = [
        span(n, 10 * n, 10 * n + 9, {**_CHAT, "gen_ai.response.id": f"chatcmpl-{n % 40}"}, parent=9999)
        for n in range(1, 401)
    ]
    _right(readings([request(run, *spans)]), calls=400, runs=1, input=80_000, sessions=frozenset({"talk"}))


@pytest.mark.parametrize("apart", [1000, 1], ids=["one after another", "at once"])
def test_span_ids_that_repeat(apart: int) -> None:
    """A host that seeds ``random`` for each request gives each trace the same span ids: 40 sessions are 40."""
    spans = [
        each
        for n in range(40)
        for each in (
            span(5, n * apart, n * apart + 900, {**_RUN, "gen_ai.conversation.id": f"talk {n}"}, trace=n + 1),
            span(6, n * apart + 1, n * apart + 899, _CHAT, parent=5, trace=n + 1),
        )
    ]
    sessions = frozenset(f"talk {n}" for n in range(40))
    _right(readings([request(*spans)]), calls=40, runs=40, input=8_000, output=4_000, sessions=sessions)


def test_a_cost_that_leaves_calls_out(store: Store) -> None:
    """A sum of costs says how many calls it leaves out."""
    priced = [span(n, n, n + 1, {**_CHAT, "gen_ai.usage.cost": 0.5}, trace=n) for n in (1, 2)]
    _kept(store, *priced, *(span(n, n, n + 1, _CHAT, trace=n) for n in (3, 4, 5)))
    with closing(store.reader()) as connection:
        (row,) = cast("list[dict[str, Any]]", usage(connection, "model"))
        traces = cast("list[dict[str, Any]]", list_traces(connection, TraceFilter()))
    assert (row["cost_usd"], row.get("unpriced_calls")) == (1.0, 3)
    assert sorted((trace["cost_usd"] or 0, trace.get("unpriced_calls")) for trace in traces) == [
        *[(0, 1)] * 3,
        *[(0.5, 0)] * 2,
    ]


def test_a_dated_name_is_the_same_model(store: Store) -> None:
    """A model under its dated and under its undated name is one row."""
    dated = {**_CHAT, "gen_ai.response.model": "gpt-4o-mini-2024-07-18"}
    _kept(store, span(1, 0, 1, dated), span(2, 10, 11, {**_CHAT, "gen_ai.request.model": "gpt-4o-mini"}, trace=2))
    with closing(store.reader()) as connection:
        assert [(row["calls"], row["input_tokens"]) for row in usage(connection, "model")] == [(2, 400)]


def test_a_model_keeps_its_own_provider(tmp_path: Path) -> None:
    """``session.cost`` names a model with the provider that answered for it, not with another call's."""
    first = {**_CHAT, "gen_ai.request.model": "claude-sonnet-4-5", "gen_ai.provider.name": "anthropic"}
    second = {**_CHAT, "gen_ai.request.model": "gpt-4o-mini"}
    spans = (
        span(1, 0, 100, {**_RUN, "gen_ai.conversation.id": "talk"}),
        span(2, 10, 20, first, parent=1),
        span(3, 30, 40, second, parent=1),
    )
    (cost,) = [event.properties for event in _events(tmp_path, *spans) if event.event.name == "session.cost"]
    pair = (cost.get("model"), cost.get("provider"))
    assert pair in {("claude-sonnet-4-5", "anthropic"), ("gpt-4o-mini", None), ("gpt-4o-mini", "openai")}


def test_one_failure_is_one(store: Store, tmp_path: Path) -> None:
    """A call that fails, and four spans around it that say so too, are one failure in every count."""
    spans = (
        span(1, 0, 900, {}, error=""),
        span(2, 10, 890, {**_RUN, "gen_ai.conversation.id": "talk"}, parent=1, error="openai.APIStatusError"),
        span(3, 20, 880, {"openinference.span.kind": "CHAIN"}, parent=2, error="openai.APIStatusError"),
        span(4, 30, 870, {"openinference.span.kind": "LLM"}, parent=3, error="openai.APIStatusError"),
        span(5, 40, 860, {"gen_ai.operation.name": "chat"}, parent=4, error="openai.APIStatusError"),
    )
    _kept(store, *spans)
    with closing(store.reader()) as connection:
        shown = {
            "traces": list_traces(connection, TraceFilter())[0]["errors"],
            "sessions": list_sessions(connection)[0]["errors"],
            "usage": sum(row["errors"] for row in usage(connection, "agent")),
        }
    (ended,) = [event.properties for event in _events(tmp_path, *spans) if event.event.name == "session.ended"]
    assert {**shown, "session.ended": ended["errorCount"]} == dict.fromkeys((*shown, "session.ended"), 1)


def test_sessions_of_one_trace_add_up_apart(store: Store) -> None:
    """Two conversations in one trace are two sessions, each with what its own run used."""
    spans = [
        each
        for n in (1, 2)
        for each in (
            span(10 * n, 100 * n, 100 * n + 90, {**_RUN, "gen_ai.conversation.id": f"talk {n}"}, parent=1),
            span(10 * n + 1, 100 * n + 1, 100 * n + 80, {**_CHAT, "gen_ai.usage.input_tokens": 7 * n}, parent=10 * n),
        )
    ]
    _kept(store, span(1, 0, 900, {}), *spans)
    with closing(store.reader()) as connection:
        listed = {row["session"]: (row["calls"], row["input_tokens"]) for row in list_sessions(connection)}
        used = {row["key"]: (row["calls"], row["input_tokens"]) for row in usage(connection, "session")}
    assert listed == used == {"talk 1": (1, 7), "talk 2": (1, 14)}
