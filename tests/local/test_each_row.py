"""What people ask of a page of traces, clicked through over the demo's store, and over a million spans beside it."""

from __future__ import annotations

import json
import re
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AGGREGATION_TEMPORALITY_DELTA, Metric

from otel_agent_telemetry.local import parse_budget
from tests.cli.command import agent_telemetry
from tests.local.browsing import Watched, has_count
from tests.local.made import Made, agent, chat, request, span_id, tool, trace_id
from tests.local.million import STORE
from tests.local.serving import Serving
from tests.local.signals import log, logs, metrics
from tests.local.test_mcp import answers
from tests.parts import absent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

DEMO, MILLION = pytest.mark.docs, pytest.mark.million
FIRST, SECOND = 0xABCDEF01, 0xABCDEF02
SECONDS = 10**9
_TIMEOUT = 600  # the demo runs first


@pytest.fixture(scope="module", params=[pytest.param("demo", marks=DEMO), pytest.param("million", marks=MILLION)])
def stored(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server over such a store, to which two talks with content come, with a record and a reading of their spans."""
    db = tmp_path_factory.mktemp("rows") / "traces.sqlite"
    if request.param == "million" and not STORE.exists():
        absent("million", "make test-million")
    shutil.copy(STORE if request.param == "million" else request.getfixturevalue("demo_db"), db)
    with Serving(db, budgets=[parse_budget("0.0001USD/day")]) as serving:
        now = time.time_ns()
        _send(serving, "traces", _talk(FIRST, "talk-first", "It is **on its way**.", now - 9 * SECONDS))
        _send(serving, "traces", _talk(SECOND, "talk-second", "It is **late**.", now - 5 * SECONDS))
        _send(serving, "logs", logs(log("the van left", trace=FIRST, span=3), service="depot"))
        _send(serving, "metrics", metrics(_reading(now)))
        serving.settled()
        yield serving


@pytest.fixture
def seen(browser: Browser, stored: Serving) -> Iterator[Page]:
    """The list of traces, on a page on which nothing may go wrong."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(60_000)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    watched = Watched(page, stored.url)
    page.goto(stored.url)
    page.locator("tbody tr").first.wait_for()
    yield page
    page.close()
    assert watched.wrong == []


def _send(server: Serving, signal: str, made: Any) -> None:
    assert server.post(f"/v1/{signal}", made.SerializeToString()).status == 200


def _talk(trace: int, session: str, answer: str, start_ns: int) -> Any:
    """A run of two calls, of which another span repeats the second, and a tool; it has a picture and a history."""
    picture = {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "iVBORw0KGgo=" * 100}
    asked = [{"role": "user", "parts": [{"type": "text", "content": "where is it?"}, picture]}]
    call = {"type": "tool_call", "id": "call-1", "name": "look_up", "arguments": {"order": session}}
    called = {"role": "assistant", "parts": [call]}
    found = {"role": "tool", "parts": [{"type": "tool_call_response", "id": "call-1", "response": "van 7"}]}
    told = {"role": "assistant", "parts": [{"type": "text", "content": answer}]}
    first = _said(asked, [called]) | {"gen_ai.response.time_to_first_chunk": 0.2}
    second = _said([*asked, called, found], [told]) | {"gen_ai.response.id": f"response-{session}"}
    ran = {**tool("look_up"), "gen_ai.tool.call.id": "call-1", "gen_ai.tool.call.result": "van 7"}
    return request(
        Made(name="run teller", end=3000, attributes={**agent("teller"), "gen_ai.conversation.id": session}),
        Made(name="chat first", id=2, parent=1, start=10, end=400, attributes=chat("gpt-5", 1200, 40, **first)),
        Made(name="execute_tool look_up", id=3, parent=1, start=410, end=500, attributes=ran),
        Made(name="chat wrapped", id=4, parent=1, start=2000, end=2900, attributes=chat("gpt-5", 1300, 60, **second)),
        Made(name="chat inner", id=5, parent=4, start=2010, end=2800, attributes=chat("gpt-5", 1300, 60, **second)),
        trace=trace,
        service="depot",
        start_ns=start_ns,
    )


def _said(given: list[Any], made: list[Any]) -> dict[str, object]:
    return {"gen_ai.input.messages": json.dumps(given), "gen_ai.output.messages": json.dumps(made)}


def _reading(now: int) -> Metric:
    made = Metric(name="depot.wait", unit="s")
    made.histogram.aggregation_temporality = AGGREGATION_TEMPORALITY_DELTA
    point = made.histogram.data_points.add(time_unix_nano=now, start_time_unix_nano=now - SECONDS, count=4, sum=6.0)
    point.explicit_bounds.extend([1.0, 2.0])
    point.bucket_counts.extend([0, 4, 0])
    exemplar = point.exemplars.add(as_double=1.5, trace_id=FIRST.to_bytes(16, "big"), time_unix_nano=now)
    exemplar.span_id = (3).to_bytes(8, "big")
    return made


def _search(page: Page, query: str) -> None:
    page.keyboard.press("/")
    page.keyboard.type(query)
    page.keyboard.press("Enter")
    page.locator(".chip").first.wait_for()
    page.locator("table[aria-busy=false]").wait_for(state="attached")


def _view(page: Page, name: str) -> None:
    page.get_by_role("navigation").get_by_role("link", name=name, exact=True).click()


def _open_trace(page: Page, query: str) -> None:
    _search(page, query)
    page.locator("tbody td.wide a").first.click()
    page.get_by_role("treeitem").first.wait_for()


@pytest.mark.timeout(_TIMEOUT)
def test_a_session_is_one_conversation(seen: Page) -> None:
    """Turns across traces once, roles, calls with results, Markdown, a picture's place, figures, the way to a span."""
    _view(seen, "Sessions")
    _search(seen, "agent:teller")
    seen.get_by_role("link", name="talk-first").click()
    seen.locator(".markdown strong", has_text="on its way").wait_for()
    seen.get_by_text("image/png · 900 bytes").first.wait_for()
    turns = seen.locator(".turn")
    assert turns.first.locator(".who").all_inner_texts()[-2:] == ["assistant calls look_up", "↳ gives back · 90.0 ms"]
    turns.nth(1).get_by_text(re.compile(r"\d earlier message")).wait_for()
    assert turns.first.locator(".facts").first.inner_text().count("$") == 1
    turns.first.get_by_role("link", name="gives back").click()
    seen.locator(".span[aria-selected=true]").get_by_text("execute_tool look_up").wait_for()
    _view(seen, "Sessions")
    _search(seen, "agent:specialist")
    seen.get_by_role("link", name="c2", exact=True).click()
    seen.get_by_role("heading", name="Session c2").wait_for()
    seen.locator(".turn").nth(2).wait_for()


@pytest.mark.timeout(_TIMEOUT)
def test_the_timeline(seen: Page, stored: Serving) -> None:
    """Time's axis, zoom, overview, folded gaps, colours, critical path, branches, errors only, repeats; it grows."""
    _open_trace(seen, "tool:get_stock_price")
    for place in (".axis-lane", ".minimap", ".legend-box", ".stretch"):
        seen.locator(place).first.wait_for(state="attached")
    for key, address in (("+", "zoom="), ("f", "gaps=no"), ("c", "colour=service"), ("p", "path=no"), ("e", "errors=")):
        seen.keyboard.press(key)
        seen.wait_for_url(re.compile(address))
    assert seen.locator(".stretch").count() == 0
    seen.get_by_role("treeitem", name="execute_tool get_stock_price").wait_for()
    assert seen.get_by_role("treeitem", name="chat gpt-5-mini").count() == 0
    for key in ("e", "["):
        seen.keyboard.press(key)
    has_count(seen.get_by_role("treeitem"), 1)
    seen.goto(f"{stored.url}/?view=trace&id={trace_id(FIRST)}")
    seen.locator(".span.repeats").click()
    seen.get_by_text("which is the one that counts").wait_for()
    seen.get_by_text("live", exact=True).wait_for()
    more = request(Made(name="it goes on", id=6, parent=1, start=2950), trace=FIRST, start_ns=time.time_ns())
    _send(stored, "traces", more)
    seen.get_by_role("treeitem", name="it goes on").wait_for()


@pytest.mark.timeout(_TIMEOUT)
def test_logs_and_metrics(seen: Page) -> None:
    """A record beside its span and on a page with a search; an instrument's chart, and its exemplar's trace."""
    _view(seen, "Logs")
    seen.get_by_label("Text").fill("the van left")
    seen.keyboard.press("Enter")
    seen.get_by_text("the van left", exact=True).wait_for()
    seen.get_by_role("link", name=f"trace {trace_id(FIRST)[:8]}").click()
    seen.get_by_role("complementary", name="Span").get_by_text("the van left").wait_for()
    _view(seen, "Metrics")
    for name in ("gen_ai.client.token.usage", "depot.wait"):
        seen.get_by_label("Find an instrument").fill(name)
        seen.get_by_role("link", name=name, exact=True).click()
        seen.get_by_role("application", name=f"{name}, percentiles").wait_for()
        if name != "depot.wait":
            seen.get_by_role("link", name="All instruments").click()
    seen.get_by_role("link", name=f"trace {trace_id(FIRST)[:8]}").click()
    seen.get_by_role("treeitem", name="execute_tool look_up", selected=True).wait_for()


@pytest.mark.timeout(_TIMEOUT)
def test_latency(seen: Page) -> None:
    """Percentiles by model, tool, agent and operation, a histogram of each, first tokens, tokens per second."""
    _view(seen, "Latency")
    names = {"model": "gpt-5", "tool": "look_up", "agent": "teller", "operation": "execute_tool look_up"}
    for by, name in names.items():
        seen.get_by_label("Group by").select_option(by)
        seen.get_by_role("button", name=f"Histogram of {name}", exact=True).click()
        seen.get_by_role("application", name=f"How many calls of {name} took how long").wait_for()
    seen.get_by_label("Group by").select_option("model")
    seen.get_by_role("link", name="gpt-5", exact=True).wait_for()
    row = seen.get_by_role("row").filter(has=seen.get_by_role("link", name="gpt-5", exact=True))
    cells = [row.locator(f"[data-label='{label}']").count() for label in ("p50", "p95", "p99", "tokens/s")]
    assert (cells, row.locator("[data-label='first token p50']").inner_text()) == ([1, 1, 1, 1], "200.0 ms")


@pytest.mark.timeout(_TIMEOUT)
def test_cost_and_use_over_time(seen: Page) -> None:
    """By hour and day, by what they were spent on, linear or logarithmic, with calls without a price and a budget."""
    seen.locator("#over-budget").get_by_text("over the budget").wait_for()
    _view(seen, "Usage")
    seen.get_by_label("Measure").select_option("cost")
    for by, name in (("model", "gpt-5"), ("agent", "teller"), ("session", "talk-first")):
        seen.get_by_label("Group by").select_option(by)
        seen.get_by_role("application", name=f"cost by {by}, each hour").wait_for()
        if by != "session":  # a million spans have more sessions than the table has rows
            seen.get_by_role("link", name=name, exact=True).wait_for()
    seen.get_by_label("Step").select_option("day")
    seen.get_by_label("Scale").select_option("log")
    seen.get_by_role("application", name="cost by session, each day").wait_for()
    seen.get_by_text("budget $0.0001").first.wait_for()
    seen.get_by_label("Budgets").get_by_text("over the budget").wait_for()


@pytest.mark.timeout(_TIMEOUT)
def test_errors(seen: Page) -> None:
    """By type and place, with message, first and last time, and traces; a failure counts once."""
    _view(seen, "Errors")
    seen.get_by_label("Service").select_option("acme-agents")
    seen.wait_for_url("**service=acme-agents**")
    row = seen.get_by_role("row").filter(has_text="openai.RateLimitError")
    row.get_by_text("429").wait_for()
    assert row.locator("[data-label=times], [data-label=traces]").all_inner_texts() == ["1", "1"]
    row.get_by_text("its trace").click()
    row.get_by_role("link").first.click()
    seen.locator(".span[aria-selected=true]").get_by_text("chat gpt-5-mini").wait_for()


@pytest.mark.timeout(_TIMEOUT)
def test_one_box_searches(seen: Page, stored: Serving) -> None:
    """All terms at once, completion, a saved view, an address for each state, and the terminal's same answer."""
    query = 'model:gpt-5 tool:look_up dur:>2s cost:>0.0001 service:depot "late"'
    _search(seen, query)
    has_count(seen.locator("tbody tr"), 1)
    assert seen.locator("tbody td.wide").inner_text() == "run teller"
    seen.get_by_text("Views", exact=True).click()
    seen.get_by_label("Name of this view").fill("late ones")
    seen.get_by_role("button", name="Save").click()
    seen.reload()
    has_count(seen.locator("tbody tr"), 1)
    seen.goto(stored.url)
    seen.get_by_text("Views", exact=True).click()
    seen.get_by_role("link", name="late ones").click()
    has_count(seen.locator("tbody tr"), 1)
    for _ in range(6):
        seen.locator(".chip").last.get_by_role("button", name="Remove").click()
        seen.locator("table[aria-busy=false]").wait_for(state="attached")
    seen.keyboard.type("agent:tell")
    seen.get_by_role("option", name="teller").wait_for()
    seen.keyboard.press("ArrowDown")
    seen.keyboard.press("Enter")
    has_count(seen.locator("tbody tr"), 2)
    told = agent_telemetry("traces", "--query", query, "--json", "--db", stored.path)
    assert [trace["trace_id"] for trace in json.loads(told.out)] == [trace_id(SECOND)]


@pytest.mark.timeout(_TIMEOUT)
def test_two_runs_are_compared(seen: Page) -> None:
    """Texts, arguments and attributes of two traces; and of two whole sessions."""
    _search(seen, "agent:teller")
    for place in (0, 1):
        seen.get_by_role("checkbox").nth(place).check()
    seen.get_by_role("button", name="Compare two").click()
    seen.get_by_text(re.compile(r"\d+ same, \d+ changed")).wait_for()
    seen.get_by_role("button", name="Compare what chat inner says").click()
    seen.locator(".text-diff :is(del, ins)").first.wait_for()
    _view(seen, "Sessions")
    _search(seen, "agent:teller")
    seen.get_by_role("link", name="talk-first").click()
    seen.get_by_role("link", name="compare", exact=True).click()
    seen.get_by_label("B", exact=True).fill("talk-second")
    seen.get_by_role("button", name="Compare", exact=True).click()
    seen.get_by_role("button", name="Compare what was said").click()
    seen.locator(".text-diff :is(del, ins)").first.wait_for()


@pytest.mark.timeout(_TIMEOUT)
def test_feedback_is_given_and_shown(seen: Page, stored: Serving) -> None:
    """A judgement stands at the turn, at the span and in both lists, and is exported."""
    _view(seen, "Sessions")
    _search(seen, "agent:teller")
    seen.get_by_role("link", name="talk-second").click()
    turn = seen.locator(".turn").first
    turn.get_by_role("button", name="Say that this is good").click()
    turn.get_by_text("user_feedback 1, good").wait_for()
    turn.get_by_role("link", name="gpt-5").first.click()
    seen.get_by_role("complementary", name="Span").get_by_text("user_feedback").wait_for()
    for view in ("Traces", "Sessions"):
        _view(seen, view)
        _search(seen, "agent:teller")
        seen.get_by_role("img", name="1 judgement: user_feedback 1 good").wait_for()
    assert "gen_ai.evaluation.result" in agent_telemetry("export", trace_id(SECOND), "--db", stored.path).out


@pytest.mark.timeout(_TIMEOUT)
def test_it_can_be_taken_away(seen: Page, stored: Serving) -> None:
    """Id, link, span and prompt to the clipboard; the trace as files for other tools."""
    _open_trace(seen, "session:talk-first")
    seen.get_by_role("treeitem", name="chat first").click()
    copies = {
        "Copy id": trace_id(FIRST),
        "Copy link": stored.url,
        "Copy as JSON": span_id(2),
        "Copy prompt": "where is it?",
    }
    for button, text in copies.items():
        place = seen.get_by_role("button", name=button, exact=True)
        place.click()
        seen.get_by_role("button", name="Copied").first.wait_for()
        assert text in seen.evaluate("navigator.clipboard.readText()")
        place.wait_for()
    for form, ending in (("OTLP JSON lines", ".jsonl"), ("Chrome trace", ".trace.json"), ("CSV", ".csv")):
        seen.get_by_role("button", name="Export…").click()
        seen.get_by_label(form).check()
        with seen.expect_download() as given:
            seen.get_by_role("button", name="Save", exact=True).click()
        assert given.value.suggested_filename.endswith(ending)


@pytest.mark.timeout(_TIMEOUT)
def test_a_coding_agent_and_sql_ask_the_same(stored: Serving) -> None:
    """The tools of the MCP server, and the views."""
    asked: dict[str, dict[str, Any]] = {"search": {"query": "agent:teller"}, "usage": {}, "errors": {}, "sessions": {}}
    with ThreadPoolExecutor(1) as aside:  # the browser's driver has the loop of this thread
        [listed, used, failed, conversations] = aside.submit(answers, stored.path, *asked.items()).result()
    assert {row["trace"]["trace_id"] for row in listed["matches"]} == {trace_id(FIRST), trace_id(SECOND)}
    assert (bool(used), bool(failed)) == (True, True)
    assert {"talk-first", "talk-second"} <= {row["session"] for row in conversations["sessions"]}
    for view, count in (("sessions", 2), ("model_calls", 4), ("tool_calls", 2)):
        query = f"SELECT count(*) FROM {view} WHERE agent = 'teller'"
        told = agent_telemetry("sql", query, "--json", "--db", stored.path)
        assert list(json.loads(told.out)[0].values()) == [count]


@pytest.mark.million
@pytest.mark.timeout(_TIMEOUT)
@pytest.mark.parametrize("stored", ["million"], indirect=True)
def test_a_trace_of_ten_thousand_spans(seen: Page) -> None:
    """It opens from the list, and its last row is reached."""
    seen.get_by_label("Sort").select_option("spans")
    seen.wait_for_url("**sort=spans**")
    row = seen.locator("tbody tr").first
    row.locator("[data-label=spans]").get_by_text("10,000", exact=True).wait_for()
    row.locator("td.wide a").click()
    seen.get_by_role("treeitem").first.wait_for()
    seen.evaluate("document.querySelector('.waterfall').scrollTop = 1e9")
    seen.locator("[aria-posinset='10000'][aria-setsize='10000']").wait_for()
