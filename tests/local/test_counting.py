from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from otel_agent_telemetry.local import TraceFilter, find_trace, list_sessions, list_traces, trace_tree, usage
from tests.cli.command import ROOT, agent_telemetry
from tests.local.made import Made, agent, chat, request, tool, trace_id

if TYPE_CHECKING:
    from pathlib import Path

    from otel_agent_telemetry.local import Store

CHAT = chat(given=100, made=10)
NO_TOKENS: dict[str, object] = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-fake"}
TASK: dict[str, object] = {"agent.lifecycle": "task", "agent.task.name": "import", "agent.outcome": "cancelled"}


def totals(store: Store, *spans: Made) -> tuple[int, int, int, int | None, int | None]:
    """Model calls, tool calls, agent runs, input and output tokens of a trace of these spans."""
    store.add_spans(request(*spans))
    store.settle()
    with closing(store.reader()) as connection:
        trace = list_traces(connection, TraceFilter())[0]
    return trace["calls"], trace["tools"], trace["agent_runs"], trace["input_tokens"], trace["output_tokens"]


@pytest.mark.parametrize(
    ("expected", "spans"),
    [
        pytest.param(
            (1, 0, 0, 100, 10), [Made(id=1, attributes=CHAT), Made(id=2, parent=1, attributes=CHAT)], id="wrapper"
        ),
        pytest.param(
            (1, 0, 0, 100, 10),
            [Made(id=1, attributes=CHAT), Made(id=2, parent=1), Made(id=3, parent=2, attributes=CHAT)],
            id="wrapper with plain HTTP between",
        ),
        pytest.param(
            (1, 0, 0, 100, 10),
            [Made(id=1, attributes=CHAT), Made(id=2, parent=1, attributes=NO_TOKENS)],
            id="tokens on the wrapper only",
        ),
        pytest.param(
            (1, 0, 0, 100, 10),
            [Made(id=n, attributes={**CHAT, "gen_ai.response.id": "r1"}) for n in (1, 2)],
            id="siblings with one response id",
        ),
        pytest.param(
            (1, 0, 1, 100, 10),
            [
                Made(id=1, attributes={**agent(), **CHAT, "gen_ai.operation.name": "invoke_agent"}),
                Made(id=2, parent=1, attributes=CHAT),
            ],
            id="agent that repeats its calls",
        ),
        pytest.param(
            (0, 0, 1, 100, 10), [Made(id=1, attributes={**CHAT, **agent()})], id="agent whose calls have no spans"
        ),
        pytest.param(
            (1, 0, 1, 100, 10),
            [
                Made(id=1, attributes=agent()),
                Made(id=2, parent=1, attributes=agent()),
                Made(id=3, parent=2, attributes=CHAT),
            ],
            id="one run seen twice",
        ),
        pytest.param(
            (1, 0, 1, 100, 10),
            [
                Made(id=1, attributes=agent("all")),
                Made(id=2, parent=1, attributes=agent()),
                Made(id=3, parent=2, attributes=CHAT),
            ],
            id="agent that only hands on",
        ),
        pytest.param(
            (2, 1, 2, 200, 20),
            [
                Made(id=1, attributes=agent("a")),
                Made(id=2, parent=1, attributes=CHAT),
                Made(id=3, parent=1, attributes=tool("ask")),
                Made(id=4, parent=3, attributes=agent("b")),
                Made(id=5, parent=4, attributes=CHAT),
            ],
            id="agent as a tool",
        ),
        pytest.param(
            (0, 1, 0, None, None),
            [Made(id=1, attributes=tool()), Made(id=2, parent=1, attributes=tool())],
            id="tool seen by its server too",
        ),
        pytest.param(
            (0, 2, 0, None, None),
            [
                Made(id=1, attributes=tool("a")),
                Made(id=2, attributes=tool("b")),
                Made(id=3, attributes=tool("(merged tools)")),
            ],
            id="tools that google-adk ran at once, and their answers put together",
        ),
        pytest.param((0, 0, 0, None, None), [Made(id=1)], id="nothing of an agent"),
        pytest.param((1, 0, 0, None, None), [Made(id=1, attributes=NO_TOKENS)], id="usage unknown, not zero"),
    ],
)
def test_what_is_reported_twice_counts_once(store: Store, expected: tuple[int, ...], spans: list[Made]) -> None:
    """Work that two spans report is counted once."""
    assert totals(store, *spans) == expected


def test_a_parent_that_comes_late_is_still_a_wrapper(store: Store) -> None:
    """Children are sent first, maybe in another batch: the totals are worked out anew."""
    assert totals(store, Made(id=2, parent=1, attributes=CHAT))[:1] == (1,)
    assert totals(store, Made(id=1, attributes=CHAT)) == (1, 0, 0, 100, 10)


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        (
            {
                "openinference.span.kind": "LLM",
                "llm.token_count.prompt": 7,
                "llm.token_count.completion": 3,
                "llm.model_name": "m",
            },
            ("model", "m", 7, 3),
        ),
        (
            {"llm.request.type": "chat", "gen_ai.usage.prompt_tokens": 7, "gen_ai.usage.completion_tokens": 3},
            ("model", None, 7, 3),
        ),
        (
            {"gen_ai.operation.name": "acompletion", "gen_ai.response.model": "m-1", "gen_ai.request.model": "m"},
            ("model", "m-1", None, None),
        ),
        (
            {
                "gen_ai.operation.name": "chat",
                "gen_ai.usage.input_tokens": 40,
                "gen_ai.usage.cache_read.input_tokens": 80,
            },
            ("model", None, 120, None),
        ),
        (
            {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 9, "gen_ai.usage.prompt_tokens": 9},
            ("model", None, 9, None),
        ),
        ({"openinference.span.kind": "AGENT", "tool.name": "ask_agent"}, ("tool", "ask_agent", None, None)),
        ({"traceloop.span.kind": "tool", "traceloop.entity.name": "t"}, ("tool", "t", None, None)),
        ({"mcp.method.name": "tools/call", "gen_ai.tool.name": "t"}, ("tool", "t", None, None)),
        (
            {"gen_ai.operation.name": "embeddings", "gen_ai.request.model": "e", "gen_ai.usage.input_tokens": 5},
            ("embedding", "e", 5, None),
        ),
        ({"agent.lifecycle": "model_call", "gen_ai.request.model": "m"}, ("model", "m", None, None)),
        ({"agent.lifecycle": "event", "agent.event.name": "task.cancelled"}, ("event", "task.cancelled", None, None)),
        ({"gen_ai.operation.name": "plan"}, ("plan", None, None, None)),
        ({"openinference.span.kind": "CHAIN"}, ("chain", None, None, None)),
        ({"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": "many"}, ("model", None, None, None)),
        ({"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": True}, ("model", None, None, None)),
        ({"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": float("inf")}, ("model", None, None, None)),
    ],
)
def test_every_dialect_is_read(store: Store, attributes: dict[str, object], expected: tuple[object, ...]) -> None:
    """What a span means is read from whichever names it carries; text is never taken for a number."""
    store.add_spans(request(Made(attributes=attributes)))
    with closing(store.reader()) as connection:
        span = trace_tree(connection, find_trace(connection, trace_id())[0])["spans"][0]
    assert (span["kind"], span["label"], span["input_tokens"], span["output_tokens"]) == expected


def test_a_tree_across_processes(store: Store) -> None:
    """A task that one service created and another ran is one tree, with each span's service and outcome."""
    store.add_spans(request(Made(id=3, parent=2, name="chat", start=20, end=30, attributes=CHAT), service="worker"))
    store.add_spans(
        request(Made(id=2, parent=1, name="task import", start=10, end=40, attributes=TASK), service="worker")
    )
    store.add_spans(request(Made(id=1, name="POST /tasks", end=5), service="api"))
    with closing(store.reader()) as connection:
        spans = trace_tree(connection, find_trace(connection, trace_id())[0])["spans"]
    assert [(span["depth"], span["service"], span["kind"], span["label"], span["status"]) for span in spans] == [
        (0, "api", None, None, "ok"),
        (1, "worker", "task", "import", "cancelled"),
        (2, "worker", "model", "gpt-fake", "ok"),
    ]


@pytest.mark.parametrize(
    ("above", "status"), [(None, "cancelled"), ("POST /tasks", "ok")], ids=["it began the trace", "a request did"]
)
def test_a_trace_whose_task_was_cancelled(store: Store, above: str | None, status: str) -> None:
    """Where the work that a trace began with was cancelled, its row says so."""
    first = [] if above is None else [Made(id=1, name=above)]
    store.add_spans(request(*first, Made(id=2, parent=1, attributes=TASK), Made(id=3, parent=2, attributes=CHAT)))
    store.settle()
    with closing(store.reader()) as connection:
        assert [row["status"] for row in list_traces(connection, TraceFilter())] == [status]


def test_usage_by_agent_finds_the_agent_above(store: Store) -> None:
    """A call that does not name its agent belongs to the nearest run above it."""
    store.add_spans(
        request(Made(id=1, attributes=agent("ann")), Made(id=2, parent=1), Made(id=3, parent=2, attributes=CHAT))
    )
    store.settle()
    with closing(store.reader()) as connection:
        rows = [
            (row["key"], row["calls"], row["agent_runs"], row["input_tokens"]) for row in usage(connection, "agent")
        ]
    assert rows == [("ann", 1, 1, 100)]


def test_usage_by_day_goes_forward(store: Store) -> None:
    """Days stand in their order, in UTC."""
    day = 86_400_000
    store.add_spans(request(*(Made(id=n, start=n * day, end=n * day + 1, attributes=CHAT) for n in (2, 1))))
    store.settle()
    with closing(store.reader()) as connection:
        assert [row["key"] for row in usage(connection, "day")] == ["2026-11-22", "2026-11-23"]
        assert [row["key"] for row in usage(connection, "hour")] == ["2026-11-22T22:00Z", "2026-11-23T22:00Z"]


def test_a_session_adds_up_its_traces(store: Store) -> None:
    """The outermost span that names a conversation names the trace's session."""
    for number in (1, 2):
        of_agent = {**agent("ann"), "gen_ai.conversation.id": "talk"}
        inner = {**CHAT, "gen_ai.conversation.id": "another"}
        store.add_spans(
            request(Made(id=1, attributes=of_agent), Made(id=2, parent=1, start=1, attributes=inner), trace=number)
        )
    store.settle()
    with closing(store.reader()) as connection:
        found = [
            (row["session"], row["agent"], row["traces"], row["calls"], row["input_tokens"])
            for row in list_sessions(connection)
        ]
    assert found == [("talk", "ann", 2, 2, 200)]


def test_what_a_span_reports_is_no_estimate(store: Store) -> None:
    """A reported cost is taken as it is; a made-up model without one has none."""
    store.add_spans(request(Made(id=1, attributes={**CHAT, "agent.cost.usd": 0.25}), Made(id=2, attributes=CHAT)))
    store.settle()
    with closing(store.reader()) as connection:
        trace = list_traces(connection, TraceFilter())[0]
    assert (trace["cost_usd"], trace["cost_is_estimate"]) == (0.25, False)


def test_a_known_model_is_estimated(store: Store) -> None:
    """Where the price list is installed a public model's tokens have a price, and it says that it is an estimate."""
    pytest.importorskip(
        "genai_prices", reason="genai-prices is missing; get it with: pip install otel-agent-telemetry[prices]"
    )
    store.add_spans(request(Made(attributes=chat("gpt-4o-mini", 1_000_000, 1_000_000))))
    store.settle()
    with closing(store.reader()) as connection:
        row = usage(connection, "model")[0]
    assert (row["cost_usd"], row["cost_is_estimate"]) == (pytest.approx(0.75), True)


def test_many_calls_are_no_long_call(store: Store) -> None:
    """Where long calls cost more, each call is priced by its own length, not by what all have together."""
    pytest.importorskip(
        "genai_prices", reason="genai-prices is missing; get it with: pip install otel-agent-telemetry[prices]"
    )
    lengths = (150_000, 150_000, 250_000)
    calls = (chat("claude-sonnet-4-5", length, 1_000) for length in lengths)
    store.add_spans(request(*(Made(id=number, attributes=call) for number, call in enumerate(calls, 1))))
    store.settle()
    with closing(store.reader()) as connection:
        row = usage(connection, "model")[0]
    assert row["cost_usd"] == pytest.approx(2 * (0.45 + 0.015) + (1.5 + 0.0225))


def test_a_reading_that_tells_tokens_is_no_repetition(tmp_path: Path) -> None:
    """Of a run without calls, whose tokens only its metrics say: they are in the totals, so they repeat nothing."""
    db = tmp_path / "t.sqlite"
    agent_telemetry("import", ROOT / "tests" / "data" / "harnesses" / "claude__cancel.json", "--db", db)
    told = json.loads(agent_telemetry("show", "latest", "--json", "--db", db).out)
    readings = [span for span in told["spans"] if span["kind"] == "usage"]
    assert sum(span["input_tokens"] or 0 for span in readings) == told["trace"]["input_tokens"]
    assert {span["counted"] for span in readings} == {True}
