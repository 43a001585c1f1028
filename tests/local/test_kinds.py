"""What an agent does beside calls and tools has a kind, and counts nowhere."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from otel_agent_telemetry.local import Store, find_trace, list_traces, trace_tree
from otel_agent_telemetry.local.read.lists._listing import TraceFilter
from otel_agent_telemetry.local.read.lists._query import parse_query
from otel_agent_telemetry.meaning._asides import ASIDES
from tests.local.made import Made, agent, chat, request, tool
from tests.local.older import forget_users

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.local.serving import Serving

OPERATION, KIND, METHOD = "gen_ai.operation.name", "openinference.span.kind", "mcp.method.name"
NAMED = [
    *((OPERATION, f"{verb}_memory", "memory") for verb in ("create", "update", "upsert", "delete", "search")),
    (OPERATION, "create_memory_store", "memory"),
    (OPERATION, "delete_memory_store", "memory"),
    (OPERATION, "retrieval", "retrieval"),
    (OPERATION, "plan", "plan"),
    (OPERATION, "apply_guardrail", "guardrail"),
    (OPERATION, "avector_store_search", "retrieval"),
    (OPERATION, "rerank", "rerank"),
    (KIND, "RETRIEVER", "retrieval"),
    (KIND, "RERANKER", "rerank"),
    (KIND, "GUARDRAIL", "guardrail"),
    (KIND, "EVALUATOR", "evaluation"),
    (KIND, "CHAIN", "chain"),
    (KIND, "prompt", "prompt"),
    (METHOD, "prompts/get", "prompt"),
    (METHOD, "prompts/list", "prompt"),
    (METHOD, "resources/read", "resource"),
    (METHOD, "resources/templates/list", "resource"),
    ("traceloop.span.kind", "task", "chain"),
    ("llm.request.type", "rerank", "rerank"),
    ("ai.operationId", "ai.rerank.doRerank", "rerank"),
    ("lmnr.span.type", "EVALUATOR", "evaluation"),
    (OPERATION, "create_agent", None),
    (OPERATION, "fetch_response", None),
    (KIND, "UNKNOWN", None),
    (METHOD, "tools/list", None),
    (METHOD, "initialize", None),
]
WORK = (
    Made(name="invoke_agent helper", id=1, end=900, attributes=agent()),
    Made(name="plan", id=2, parent=1, end=50, attributes={OPERATION: "plan"}),
    Made(name="chat", id=3, parent=2, end=40, attributes=chat()),
    Made(name="retrieval docs", id=4, parent=1, start=60, end=90, attributes={OPERATION: "retrieval"}, error=True),
    Made(name="guard", id=5, parent=1, start=90, end=99, attributes={KIND: "GUARDRAIL"}),
    Made(name="execute_tool", id=6, parent=1, start=100, end=120, attributes=tool()),
    Made(
        name="resources/read file:///notes", id=7, parent=6, start=101, end=110, attributes={METHOD: "resources/read"}
    ),
)


def shown(store: Store, trace: str = "latest") -> dict[str, str | None]:
    """The kind of each span by its name."""
    while store.settle():
        pass
    with closing(store.reader()) as connection:
        return {
            span["name"]: span["kind"] for span in trace_tree(connection, find_trace(connection, trace)[0])["spans"]
        }


@pytest.mark.parametrize(("attribute", "value", "kind"), NAMED)
def test_a_span_has_a_kind(store: Store, attribute: str, value: str, kind: str | None) -> None:
    """By the conventions and the dialects, before its trace is settled and after."""
    store.add_spans(request(Made(attributes={attribute: value})))
    with closing(store.reader()) as connection:
        told = connection.execute("SELECT kind FROM steps").fetchone()
    assert (told and told[0], shown(store)) == (kind, {"work": kind})


def test_they_count_nowhere(store: Store) -> None:
    """Neither as calls and tools nor as use; one that failed is one failure."""
    store.add_spans(request(*WORK))
    kinds = ["agent", "plan", "model", "retrieval", "guardrail", "tool", "resource"]
    assert [*shown(store).values()] == kinds
    with closing(store.reader()) as connection:
        (trace,) = list_traces(connection, TraceFilter())
    counted = (trace["calls"], trace["tools"], trace["agent_runs"], trace["errors"], trace["input_tokens"])
    assert counted == (1, 1, 1, 1, 100)


def test_traces_are_found_by_kind(store: Store) -> None:
    """Of several kinds either, and none that begins with what a star stands for."""
    store.add_spans(request(*WORK))
    store.add_spans(request(Made(attributes=chat()), trace=2))
    while store.settle():
        pass
    with closing(store.reader()) as connection:
        found = {
            text: len(list_traces(connection, TraceFilter(query=parse_query(text))))
            for text in (
                "kind:guardrail",
                "kind:memory,retrieval",
                "kind:memory",
                "kind:re*",
                "-kind:plan",
                "kind:model",
            )
        }
    assert found == {
        "kind:guardrail": 1,
        "kind:memory,retrieval": 1,
        "kind:memory": 0,
        "kind:re*": 1,
        "-kind:plan": 1,
        "kind:model": 2,
    }


def test_an_older_store_learns_the_kinds(tmp_path: Path) -> None:
    """What a release without them stored is read again when the store is opened."""
    db = tmp_path / "traces.sqlite"
    with closing(Store(db)) as store:
        store.add_spans(request(*WORK))
        while store.settle():
            pass
        with store.writing() as connection:
            connection.execute("DELETE FROM steps WHERE kind IN ('plan', 'retrieval', 'guardrail', 'resource')")
            forget_users(connection)
    with closing(Store(db)) as store:
        assert shown(store)["retrieval docs"] == "retrieval"


def test_every_kind_has_a_letter_of_its_own(page: Page, server: Serving) -> None:
    """In the rows and in the legend; the search of the trace finds it, and the box of the list offers it."""
    marks = {kind: (attribute, value) for attribute, value, kind in reversed(NAMED) if kind}
    server.store.add_spans(
        request(
            Made(name="root", id=99, end=5000, attributes=agent()),
            Made(name="a call", id=98, parent=99, attributes=chat()),
            Made(name="a tool", id=97, parent=99, attributes=tool()),
            *(
                Made(name=f"a {kind}", id=number, parent=99, start=number, attributes=dict([marks[kind]]))
                for number, kind in enumerate(ASIDES, 1)
            ),
        )
    )
    server.settled()
    page.goto(f"{server.url}/?view=trace&id=latest")
    page.get_by_role("treeitem").nth(11).wait_for()
    letters: list[str] = page.locator(".legend .letter").evaluate_all("all => all.map(one => one.dataset.letter)")
    assert (len(letters), len(set(letters))) == (12, 12)
    assert set(page.locator(".legend li").all_inner_texts()) >= {f"{kind} 1" for kind in ASIDES}
    page.get_by_role("searchbox").fill("guardrail")
    page.locator(".span:not(.dim)", has_text="a guardrail").wait_for()
    page.goto(server.url)
    page.get_by_role("combobox", name="Search").fill("kind:guar")
    page.get_by_role("option", name="guardrail").click()
    page.get_by_role("button", name="Change kind:guardrail").wait_for()
    assert page.locator("table.stacked tbody tr").count() == 1
