"""Costs of sessions that the keeper stored: always those that are worked out of the steps."""

from __future__ import annotations

import json
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from otel_agent_telemetry.local import answer, list_sessions, parse_query, running
from otel_agent_telemetry.local.store._pricing import price_traces
from otel_agent_telemetry.meaning import _prices
from tests.local.made import START, Made, agent, chat, request

if TYPE_CHECKING:
    from pathlib import Path

    from otel_agent_telemetry.local import Store


def fill(store: Store, numbers: range) -> None:
    """Traces of three sessions: one reports its costs, one's are estimates, one calls a model that has no price."""
    kinds = ({**chat("own"), "gen_ai.usage.cost": 0.25}, chat("gpt-5", 3000), chat("nobody-knows"))
    for number in numbers:
        about = {**agent(), "gen_ai.conversation.id": f"talk-{number % 3}"}
        spans = (Made(attributes=about), Made(id=2, parent=1, start=1, attributes=kinds[number % 3]))
        store.add_spans(request(*spans, trace=number + 1, start_ns=START + number))
    while store.settle():
        pass


def price(store: Store) -> None:
    """All traces that wait for it."""
    while price_traces(store):
        pass


def answers(store: Store) -> list[Any]:
    """What is asked of sessions and their cost: lists, searches, ``top``, SQL."""
    with closing(store.reader()) as connection:
        asked = [
            list_sessions(connection, sort="cost", query=parse_query(text), since_ns=since)
            for text in ("", "cost:>0.1", "-cost:>0.1", "model:own")
            for since in (None, START + 4)
        ]
        now = time.time_ns()
        found: list[Any] = [*asked, running(connection, now_ns=now, within_ns=10**12)]
    for view in ("sessions", "traces"):
        sql = f"SELECT service, cost_usd FROM {view} ORDER BY 2, start_ns"
        with closing(store.reader()) as connection:
            found.append(answer(connection, sql, limit=100).rows)
    return json.loads(json.dumps(found), parse_float=lambda text: round(float(text), 9))


def anew(store: Store) -> list[Any]:
    """The same with no cost stored."""
    with store.writing() as connection:
        connection.execute("UPDATE attendances SET stamp = NULL, usd = 77")
        connection.execute("UPDATE priced SET stamp = '', usd = 77")
    return answers(store)


def test_stored_costs_are_those_of_the_steps(store: Store) -> None:
    """With all, some and no costs stored, and after more came, each question has the same answer."""
    fill(store, range(6))
    price(store)
    assert [row["cost_usd"] for row in answers(store)[0]] == [0.5, pytest.approx(0.0077, abs=0.001), None]
    assert answers(store) == anew(store)
    price(store)
    fill(store, range(6, 9))
    partly = answers(store)
    price(store)
    assert answers(store) == partly == anew(store)


def test_new_prices_make_stored_costs_void(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a price file says otherwise, no answer has a cost by the prices of before."""
    fill(store, range(3))
    price(store)
    file = tmp_path / "prices.json"
    file.write_text(json.dumps({"nobody-knows": {"input": 1000, "output": 1000}}))
    monkeypatch.setenv(_prices.VARIABLE, str(file))
    changed = answers(store)
    assert [row["session"] for row in changed[0]] == ["talk-0", "talk-2", "talk-1"]
    price(store)
    assert answers(store) == changed == anew(store)


def test_what_is_settled_again_has_no_stored_cost(store: Store) -> None:
    """A call that comes late is in the cost of its session at once."""
    fill(store, range(1))
    price(store)
    late = Made(id=3, parent=1, start=2, attributes={**chat("own"), "gen_ai.usage.cost": 4.0})
    store.add_spans(request(late, trace=1, start_ns=START))
    store.settle()
    assert answers(store)[0][0]["cost_usd"] == 4.25
    assert answers(store) == anew(store)
