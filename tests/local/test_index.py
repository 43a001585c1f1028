"""The index over what spans hold: with it and without it, a search finds the same."""

from __future__ import annotations

import random
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from otel_agent_telemetry.local import Limits, TraceFilter, collect, list_traces, parse_query
from otel_agent_telemetry.local.read.lists import _seek
from otel_agent_telemetry.local.store._index import index_spans
from otel_agent_telemetry.local.store._pricing import price_traces
from tests.local.made import Made, chat, request, tool, trace_id
from tests.local.older import forget_users

if TYPE_CHECKING:
    from otel_agent_telemetry.local import Store

WORDS = ["refund", "Straße", "ÖDÖN", "İstanbul", "ΟΔΟΣ", "日本語", "a", "x=y", '{"order": "7"}', "tab\tand\nline", "K"]
VALUES: list[object] = [7, 7.5, -3, 0, True, False, "7", "true", "", "nan", 2**62, 1e300]
QUERIES = [
    *(f'"{word}"' for word in ("refund", "straße", "ödön", "i̇stanbul", "İSTANBUL", "οδος", "本語", "日本", "a", "k")),
    *(
        '"x=y"',
        '"tab\tand"',
        '"and\nline"',
        r'"order\": \""',
        "nowhere",
        "-refund",
        "refund -ödön",
        "ref",
        '"fund str"',
    ),
    *("odd=7", "odd=7.0", "odd=7.5", "odd=-3", "odd=0", "odd=true", "odd=false", 'odd=""', "odd=nan", "odd=1e300"),
    *(f"odd={2**62}", "-odd=7", "odd=7,7.5", "even=7", "gen_ai.tool.name=search", "refund,ödön"),
    *(
        "model:gpt-fake",
        "model:gpt*",
        "model:*e tool:s*",
        "-model:gpt*",
        "model:none*",
        "tool:search,other",
        "service:sh*",
    ),
    *(
        "error",
        "status:ok",
        "-error",
        "spans:>2",
        "tokens:>150",
        "tokens:<=110",
        "-tokens:>0",
        "calls:>=1",
        "errors:>0",
    ),
    *(
        "dur:>50ms",
        "dur:<50ms",
        "name:STEP",
        "-name:step",
        "session:none",
        "cost:>0.000001",
        "-cost:>0",
        "agent:nobody",
    ),
]

_BEFORE_THE_INDEX = 7  # migrations


def found(store: Store, query: str, *, sort: str = "start") -> list[str]:
    """The ids of the traces that match."""
    with closing(store.reader()) as connection:
        wanted = TraceFilter(query=parse_query(query))
        return [trace["trace_id"] for trace in list_traces(connection, wanted, sort=sort, limit=1000)]


def filled(store: Store, traces: int = 150) -> None:
    """Traces of three spans with texts and attributes of all kinds; the same whenever it runs."""
    source = random.Random(7)  # noqa: S311 - a repeatable load, no secret
    for trace in range(1, traces + 1):
        texts = {"note": " ".join(source.choices(WORDS, k=source.randrange(3))), "odd": source.choice(VALUES)}
        of_call = (
            chat(given=source.randrange(300)) if source.random() < 0.5 else tool(source.choice(["search", "other"]))
        )
        spans = (
            Made(name=f"step {trace % 5}" if trace % 7 else "other", id=1, end=source.randrange(100)),
            Made(id=2, parent=1, attributes={**texts, "even": trace % 8}),
            Made(id=3, parent=1, attributes=of_call, error=source.random() < 0.2),
        )
        store.add_spans(request(*spans[: 2 + trace % 2], trace=trace, start_ns=10**18 + trace * 10**9))
    while store.settle():
        pass


def indexed(store: Store) -> int:
    """Index all whole blocks, and give the last span that is indexed."""
    while index_spans(store):
        pass
    with closing(store.reader()) as connection:
        return connection.execute("SELECT upto FROM indexed").fetchone()[0]


def test_the_index_changes_no_answer(store: Store) -> None:
    """Each query finds, in the same order, what it found when every span was looked through."""
    filled(store)
    before = {query: found(store, query) for query in QUERIES}
    assert indexed(store) >= 255
    assert {query: found(store, query) for query in QUERIES} == before
    assert sum(map(bool, before.values())) > 30


@pytest.mark.parametrize("text", ["refund", "a", "日本", "x=y", "7", "nowhere"])
def test_a_text_is_found_where_a_span_has_it(store: Store, text: str) -> None:
    """The answers are those of reading every span's bytes."""
    filled(store)
    indexed(store)
    with closing(store.reader()) as connection:
        rows = connection.execute(
            "SELECT DISTINCT hex(trace_id), body FROM spans JOIN traces ON traces.id = trace"
        ).fetchall()
    right = {trace.lower() for trace, body in rows if text in body.decode(errors="replace").lower()}
    assert set(found(store, f'"{text}"')) == right


def test_what_came_after_the_index_is_found(store: Store) -> None:
    """Spans that wait to be indexed are looked through."""
    filled(store)
    indexed(store)
    store.add_spans(request(Made(attributes={"note": "just arrived", "odd": 99}), trace=999))
    assert [len(found(store, query)) for query in ('"just arrived"', "odd=99")] == [1, 1]


def test_a_span_that_is_too_large_for_its_block_is_found(store: Store) -> None:
    """Much text in one block is not indexed, but looked through."""
    lots = "".join(f"{number:x} " for number in range(900_000))
    store.add_spans(request(Made(attributes={"note": lots + "the needle"}), trace=500))
    filled(store)
    indexed(store)
    with closing(store.reader()) as connection:
        assert connection.execute("SELECT count(*) FROM apart").fetchone() == (1,)
    assert len(found(store, '"the needle"')) == 1


def test_ids_are_not_given_twice(store: Store) -> None:
    """After everything that was indexed went, new spans are found by what they hold, not by what the old ones held."""
    filled(store)
    upto = indexed(store)
    with store.writing() as connection:
        connection.execute("UPDATE traces SET received_ns = 0")
    collect(store, Limits(age_ns=10**9))
    filled(store, 100)
    store.add_spans(request(Made(attributes={"note": "brand new"}), trace=999))
    with closing(store.reader()) as connection:
        assert connection.execute("SELECT min(id) FROM spans").fetchone()[0] > upto
    assert len(found(store, '"brand new"')) == 1


def test_an_index_of_spans_that_went_is_made_anew(store: Store) -> None:
    """Once most of what was indexed is gone, the index begins again with what is there, and answers alike."""
    filled(store)
    indexed(store)
    right = {query: found(store, query) for query in QUERIES}
    with store.writing() as connection:
        connection.execute("UPDATE indexed SET first = -1000000")
    indexed(store)
    with closing(store.reader()) as connection:
        assert connection.execute("SELECT first FROM indexed").fetchone() == (-1,)
    assert {query: found(store, query) for query in QUERIES} == right


def test_two_that_index_do_not_disturb_each_other(store: Store) -> None:
    """A portion that another process has written meanwhile is written once."""
    from otel_agent_telemetry.local.store._index import _read, _write  # pyright: ignore[reportPrivateUsage] - the race

    filled(store)
    right = found(store, "refund")
    assert index_spans(store)  # begins
    with closing(store.reader()) as connection:
        portion = _read(connection, -1, 127)
    assert _write(store, portion, -1)
    assert _write(store, portion, -1)
    indexed(store)
    assert found(store, "refund") == right


def test_an_older_store_is_searched_at_once_and_indexed_later(store: Store) -> None:
    """A store of the schema before the index answers when it is opened; the index is filled beside."""
    filled(store)
    right = {query: found(store, query) for query in QUERIES}
    with store.writing() as connection:
        forget_users(connection)
        for name in ("steps_by_model", "steps_by_agent", "steps_by_tool"):
            connection.execute(f"DROP INDEX {name}")
        for name in ("usd", "is_estimate", "unpriced", "stamp"):
            connection.execute(f"ALTER TABLE attendances DROP COLUMN {name}")
        for name in ("indexed", "apart", "priced", "used", "used_hours"):
            connection.execute(f"DROP TABLE {name}")
        connection.execute(f"PRAGMA user_version = {_BEFORE_THE_INDEX}")
    from otel_agent_telemetry.local import Store as Opened

    with closing(Opened(store.path)) as again:
        assert {query: found(again, query) for query in QUERIES} == right
        assert indexed(again) > 0
        assert {query: found(again, query) for query in QUERIES} == right


def test_what_is_in_most_blocks_is_found_trace_by_trace(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the index names too many blocks to look through at once, answers are the same."""
    filled(store)
    indexed(store)
    right = {query: found(store, query) for query in QUERIES}
    monkeypatch.setattr(_seek, "_FEW_BLOCKS", -1)
    assert {query: found(store, query) for query in QUERIES} == right


def test_the_last_of_several_values_counts(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """An attribute that a span has twice; wherever the index leads."""
    made = request(*(Made(id=number, attributes={"size": "small"}) for number in range(1, 3)))
    for span in made.resource_spans[0].scope_spans[0].spans:
        span.attributes.add(key="size").value.string_value = "large"
    store.add_spans(made)
    store.add_spans(request(*(Made(id=number, attributes={"size": "small"}) for number in range(1, 200)), trace=2))
    indexed(store)
    for few in (400, -1):
        monkeypatch.setattr(_seek, "_FEW_BLOCKS", few)
        listed = [found(store, query) for query in ("size=small", "-size=small", "size=large")]
        assert listed == [[trace_id(2)], [trace_id(1)], [trace_id(1)]]


def test_stored_costs_change_no_answer(store: Store) -> None:
    """Sorted and searched by cost, traces are the same and in the same order before and after sums are stored."""
    filled(store)
    dear = Made(attributes={**chat("gpt-5", 9000), "gen_ai.usage.cost": 0.5})
    store.add_spans(request(dear, trace=900))
    store.settle()
    asked = ["", "cost:>0.0001", "-cost:>0.0001", "cost:<0.0002 model:gpt*", "cost:>=0 error"]
    before = {(query, sort): found(store, query, sort=sort) for query in asked for sort in ("cost", "start")}
    assert price_traces(store) is False
    with closing(store.reader()) as connection:
        assert connection.execute("SELECT count(*), count(usd) > 0 FROM priced").fetchone() == (151, 1)
    after = {(query, sort): found(store, query, sort=sort) for query in asked for sort in ("cost", "start")}
    assert (after, bool(before["cost:>0.0001", "cost"])) == (before, True)


def test_a_trace_that_changes_is_priced_again(store: Store) -> None:
    """What is settled anew has no stored sum until it is worked out again."""
    store.add_spans(request(Made(attributes=chat("gpt-5", 9000))))
    store.settle()
    price_traces(store)
    cheap = found(store, "cost:>0.02")
    store.add_spans(request(Made(id=2, attributes=chat("gpt-5", 90_000))))
    store.settle()
    between = found(store, "cost:>0.02")
    price_traces(store)
    assert (cheap, len(between), found(store, "cost:>0.02")) == ([], 1, between)
