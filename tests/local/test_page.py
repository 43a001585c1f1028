from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from tests.local.browsing import has_count
from tests.local.made import Made, agent, any_value, chat, recent, request, span_id, tool, trace_id
from tests.local.serving import JSON, Serving

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page

SCREENS = ["?view=latency", "?view=errors", "?view=logs", "?view=metrics", "?view=events"]
VIEWS = ["?view=traces", "?view=sessions", "?view=usage", "?view=diff", *SCREENS]
TABS = ["", "conversation", "left"]
RUN = (
    Made(name="run the shop", id=1, attributes={**agent(), "gen_ai.conversation.id": "talk-1"}),
    Made(name="chat gpt-fake", id=2, parent=1, start=5, end=60, attributes=chat()),
    Made(name="execute_tool search", id=3, parent=1, start=60, end=90, attributes=tool(), error=True),
)


def test_an_empty_store_says_how_to_fill_it(page: Page, server: Serving) -> None:
    """The first thing that a new user sees is what to do, with this server's own address."""
    page.goto(server.url)
    page.get_by_text(f"export OTEL_EXPORTER_OTLP_ENDPOINT={server.url}").wait_for()


def test_traces_are_listed(page: Page, server: Serving) -> None:
    """A row says when, what, where, which model, how much and how long."""
    fill(server, request(*RUN))
    page.goto(server.url)
    row = page.locator("tbody tr")
    row.wait_for()
    assert row.locator("td").all_inner_texts()[2:] == [
        "run the shop",
        "shop",
        "gpt-fake",
        "3",
        "100",
        "10",
        "",
        "1 failed",
        "100.0 ms",
    ]


def test_a_filter_that_matches_nothing_says_so(page: Page, server: Serving) -> None:
    """There is a way back to all traces."""
    fill(server, request(*RUN))
    page.goto(f"{server.url}/?view=traces&attribute=gen_ai.tool.name%3Dnone")
    page.get_by_role("link", name="Show all").click()
    page.get_by_role("link", name="run the shop").wait_for()


def test_a_new_trace_appears_by_itself(page: Page, server: Serving) -> None:
    """While the list is open, what arrives is shown without a reload."""
    page.goto(server.url)
    page.get_by_text("live", exact=True).wait_for()
    fill(server, recent(Made(name="just now")))
    page.get_by_role("link", name="just now").wait_for(timeout=5000)


def test_an_open_trace_grows(page: Page, server: Serving) -> None:
    """While a trace is open, spans that arrive join its waterfall."""
    fill(server, request(*RUN[1:]))
    page.goto(f"{server.url}/?view=trace&id={trace_id()}")
    page.get_by_text("live", exact=True).wait_for()
    fill(server, request(RUN[0]))
    page.get_by_role("treeitem", name="run the shop").wait_for(timeout=5000)
    assert page.get_by_role("treeitem").first.get_attribute("aria-expanded") == "true"


def test_two_traces_are_compared_by_keys_alone(page: Page, server: Serving) -> None:
    """Rows are marked by x; Enter on the button is the button's, and on a row the row's."""
    fill(server, request(*RUN), request(*RUN, trace=2, start_ns=10**18))
    page.goto(server.url)
    page.locator("tbody tr").nth(1).wait_for()
    page.keyboard.type("jxjx")
    page.get_by_role("checkbox", checked=True).nth(1).wait_for()
    while page.evaluate("document.activeElement.textContent") != "Compare two":
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**view=diff**")
    page.go_back()
    page.locator("tbody tr").nth(1).wait_for()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**view=trace**")


WITHOUT_FOCUS = """() => {
  const at = document.activeElement;
  const place = at.getBoundingClientRect();
  const isBeside = place.left < 0 || place.right > innerWidth || place.bottom <= 0 || place.top >= innerHeight;
  return at === document.body ? "nowhere" : isBeside || !place.width ? at.outerHTML.slice(0, 80) : "";
}"""


@pytest.mark.parametrize("view", VIEWS)
def test_the_focus_is_always_seen(page: Page, server: Serving, view: str) -> None:
    """Forty times Tab, on a phone: it never stands on what is hidden, nor gets lost before the end of the page."""
    fill(server, *(request(*RUN, trace=number, start_ns=10**18 + number) for number in range(1, 30)))
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{server.url}/{view}")
    page.locator("main").get_by_text("Loading").wait_for(state="hidden")
    lost: list[str] = []
    while len(lost) < 40 and "nowhere" not in lost:
        page.keyboard.press("Tab")
        lost.append(page.evaluate(WITHOUT_FOCUS))
        if page.locator("[role=combobox]:focus").count():
            page.get_by_role("option").first.wait_for()
    links = page.locator("header :is(a, button), .skip").count()
    beyond = links + 2 if view in {"?view=traces", "?view=sessions"} else links
    assert (set(lost) <= {"", "nowhere"}, len(lost) > beyond) == (True, True), lost


def test_ten_thousand_spans_scroll(page: Page, server: Serving) -> None:
    """Only the rows in view exist, and the last of 10,000 is reached."""
    fill(server, request(*(Made(name=f"step {n}", id=n, parent=n // 9, start=n, end=n + 5) for n in range(1, 10_001))))
    page.goto(f"{server.url}/?view=trace&id={trace_id()}")
    page.get_by_role("treeitem").first.wait_for()
    assert page.get_by_role("treeitem").count() < 100
    page.evaluate(SCROLL)
    page.locator("[aria-posinset='10000'][aria-setsize='10000']").wait_for()


def test_a_span_shows_all_that_it_carries(page: Page, server: Serving) -> None:
    """Attributes, events, an exception, a link, the status message, resource and scope are shown."""
    made = request(*RUN)
    span = made.resource_spans[0].scope_spans[0].spans[2]
    span.status.message = "the index is gone"
    span.events.add(name="retry").attributes.append(KeyValue(key="attempt", value=any_value(2)))
    stack = {"exception.type": "IndexGone", "exception.message": "no index", "exception.stacktrace": "line 7"}
    span.events.add(name="exception").attributes.extend(KeyValue(key=k, value=any_value(v)) for k, v in stack.items())
    span.links.add(trace_id=(9).to_bytes(16, "big"), span_id=(9).to_bytes(8, "big"))
    fill(server, made, request(Made(id=9), trace=9))
    page.goto(f"{server.url}/?view=trace&id={trace_id()}")
    page.get_by_role("treeitem", name="execute_tool search").click()
    details = page.get_by_role("complementary", name="Span")
    for text in (
        "the index is gone",
        "Event retry",
        "attempt",
        "Exception IndexGone",
        "no index",
        "line 7",
        "shop",
        "gen_ai.tool.name",
    ):
        details.get_by_text(text, exact=False).first.wait_for()
    assert f"span={span_id(3)}" in page.url
    assert trace_id(9) in (details.get_by_role("link").get_attribute("href") or "")


def test_search_inside_a_trace(page: Page, server: Serving) -> None:
    """What contains the words stands out, also where they are in an attribute's value."""
    fill(server, request(*RUN, Made(name="plain", id=4, parent=1, attributes={"note": "needle here"})))
    page.goto(f"{server.url}/?view=trace&id={trace_id()}")
    page.get_by_label("Search inside the trace").fill("NEEDLE")
    page.get_by_text("1 match").wait_for()
    assert page.locator(".span:not(.dim)").all_inner_texts()[0].startswith("plain")


def test_the_conversation_is_shown(page: Page, server: Serving) -> None:
    """Prompts, answers, tool calls with arguments and results stand in order, each said once."""
    asked = [{"role": "user", "parts": [{"type": "text", "content": "where is my order?"}]}]
    called = [{"role": "assistant", "parts": [{"type": "tool_call", "name": "search", "arguments": {"order": 7}}]}]
    told = [{"role": "assistant", "parts": [{"type": "text", "content": "on its way"}]}]
    first = {"gen_ai.input.messages": json.dumps(asked), "gen_ai.output.messages": json.dumps(called)}
    second = {"gen_ai.input.messages": json.dumps(asked + called), "gen_ai.output.messages": json.dumps(told)}
    found = {**tool(), "gen_ai.tool.call.arguments": '{"order": 7}', "gen_ai.tool.call.result": "in the van"}
    fill(
        server,
        request(
            Made(id=1, attributes=agent()),
            Made(id=2, parent=1, start=1, attributes={**chat(), **first}),
            Made(id=3, parent=1, start=2, attributes=found),
            Made(id=4, parent=1, start=3, attributes={**chat(), **second}),
        ),
    )
    page.goto(f"{server.url}/?view=trace&id={trace_id()}&tab=conversation")
    page.get_by_text("on its way").wait_for()
    assert page.locator(".message .who").all_inner_texts() == [
        "user",
        "assistant calls search",
        "↳ gives back · 98.0 ms",
        "assistant",
    ]


def test_what_left_this_machine(page: Page, server: Serving) -> None:
    """An event of the trace's time stands with its fields' kinds and sources, beside what was left out."""
    fill(server, request(*RUN))
    event = {
        "product": "acme",
        "event": "tool.called",
        "occurred_at": "2026-11-21T22:09:28.000Z",
        "properties": {"toolName": "custom", "isSuccess": False, "durationMs": 30},
    }
    server.post("/v1/events", json.dumps(event).encode(), JSON)
    move_event_to_the_trace(server)
    page.goto(f"{server.url}/?view=trace&id={trace_id()}&tab=left")
    page.get_by_text("1 anonymous event").wait_for()
    rows = page.locator(".card tbody tr").all_inner_texts()
    assert rows == [
        "toolName\tcustom\tPublicName\tgen_ai.tool.name",
        "isSuccess\tfalse\tFlag\tagent.outcome, the span's status code",
        "durationMs\t30\tMilliseconds\tthe span's start and end",
    ]
    page.get_by_role("row", name="span names 3").wait_for()


def test_two_marked_traces_are_compared(page: Page, server: Serving) -> None:
    """Marking two rows and pressing the button shows what appeared, vanished and changed."""
    fill(server, request(*RUN), request(*RUN[:2], Made(name="new", id=4, parent=1, start=95), trace=2))
    page.goto(server.url)
    page.get_by_role("checkbox").nth(0).check()
    page.get_by_role("checkbox").nth(1).check()
    page.get_by_role("button", name="Compare two").click()
    page.get_by_text("2 same, 0 changed, 1 added, 1 removed").wait_for()
    assert sorted(page.locator("tbody tr").evaluate_all("rows => rows.map((row) => row.className)")) == [
        "added",
        "removed",
    ]


def test_usage_is_charted(page: Page, server: Serving) -> None:
    """A bar for each model, whose words a screen reader can read, and a table with the figures."""
    fill(server, request(*RUN))
    page.goto(f"{server.url}/?view=usage")
    page.get_by_role("application", name="tokens by model, each hour").focus()
    page.get_by_text("2026-11-21 22:00 UTC: gpt-fake 110").wait_for()
    page.get_by_label("Group by").select_option("tool")
    page.wait_for_url("**by=tool**")
    page.get_by_role("row", name="search 0 1 1").wait_for()


def test_a_session_leads_to_its_traces(page: Page, server: Serving) -> None:
    """The sessions' list leads to each session, and that to its traces."""
    fill(server, request(*RUN), request(Made(name="no session"), trace=2))
    page.goto(f"{server.url}/?view=sessions")
    page.get_by_role("link", name="talk-1").click()
    page.get_by_role("link", name="its traces").click()
    page.get_by_role("link", name="run the shop").wait_for()
    assert page.locator("tbody tr").count() == 1


def test_the_keyboard_reaches_everything(page: Page, server: Serving) -> None:
    """Rows, a trace, its tree, its details, the search, the views and the help, without a mouse."""
    fill(server, request(*RUN))
    page.goto(server.url)
    page.get_by_role("link", name="run the shop").wait_for()
    press(page, "j", "Enter")
    page.get_by_role("treeitem").nth(2).wait_for()
    press(page, "j", "ArrowLeft")
    has_count(page.get_by_role("treeitem"), 1)
    press(page, "ArrowRight", "j")
    page.get_by_role("complementary", name="Span").get_by_text("chat gpt-fake", exact=True).wait_for()
    press(page, "Escape")
    page.get_by_role("complementary", name="Span").wait_for(state="hidden")
    press(page, "/")
    assert page.evaluate("document.activeElement.type") == "search"
    press(page, "Escape", "g", "u")
    page.get_by_label("Group by").wait_for()
    press(page, "?")
    page.get_by_role("dialog", name="Keyboard").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_themes_can_be_read(page: Page, server: Serving, scheme: Any) -> None:
    """Text, quiet text, links and errors have a contrast of 4.5 or more (WCAG 2.2, 1.4.3), and the choice is kept."""
    fill(server, request(*RUN))
    page.emulate_media(color_scheme=scheme)
    page.goto(server.url)
    page.get_by_role("link", name="run the shop").wait_for()
    contrasts: dict[str, float] = page.evaluate(CONTRASTS)
    assert {name: contrast for name, contrast in contrasts.items() if contrast < 4.5} == {}
    page.get_by_role("button", name="Switch between dark and light").click()
    page.reload()
    assert (
        page.evaluate("getComputedStyle(document.documentElement).colorScheme")
        == {"light": "dark", "dark": "light"}[scheme]
    )


def test_nothing_is_wider_than_a_phone(page: Page, server: Serving) -> None:
    """At 390 pixels no view scrolls sideways."""
    fill(server, request(*RUN), request(*RUN, trace=2))
    page.set_viewport_size({"width": 390, "height": 800})
    trace = f"?view=trace&id={trace_id()}"
    for view in (
        *VIEWS,
        f"?view=diff&all=on&a={trace_id()}&b={trace_id(2)}",
        *(f"{trace}&tab={tab}" for tab in TABS),
        f"{trace}&span={span_id(2)}",
    ):
        page.goto(f"{server.url}/{view}")
        page.locator("main", has_text=re.compile(r"\S")).wait_for()
        assert (
            view,
            page.evaluate("Math.max(document.documentElement.scrollWidth, document.querySelector('main').scrollWidth)")
            <= 390,
        ) == (view, True)


def test_everything_that_can_be_operated_has_a_name(page: Page, server: Serving) -> None:
    """Screen readers find a label on every field, button, link and row."""
    fill(server, request(*RUN))
    for view in (*VIEWS, *(f"?view=trace&id={trace_id()}&span={span_id(2)}&tab={tab}" for tab in TABS)):
        page.goto(f"{server.url}/{view}")
        page.locator("main", has_text=re.compile(r"\S")).wait_for()
        assert (view, page.evaluate(NAMELESS)) == (view, [])


def test_stored_markup_stays_text(page: Page, server: Serving) -> None:
    """Markup in any text that a span, a resource, a scope, an event or an anonymous event carries is shown as text."""
    fill(server, poisoned())
    server.post("/v1/events", json.dumps({"product": EVIL, "event": EVIL, "properties": {EVIL: EVIL}}).encode(), JSON)
    trace = f"?view=trace&id={trace_id()}"
    views = [
        *VIEWS,
        *(f"?view=usage&by={by}" for by in ("agent", "tool", "session")),
        *(f"{trace}&tab={tab}" for tab in TABS),
        f"?view=diff&all=on&a={trace_id()}&b={trace_id()}",
        f"?view=traces&name={EVIL}",
    ]
    shown = ""
    for view in [*views, *(f"{trace}&span={span_id(number)}" for number in (1, 2, 3))]:
        page.goto(f"{server.url}/{view}")
        page.locator("main", has_text=re.compile(r"\S")).wait_for()
        page.wait_for_timeout(150)
        shown += page.locator("body").inner_text()
        assert page.evaluate("[window.hacked, document.querySelectorAll('img, iframe, script:not([src])').length]") == [
            None,
            0,
        ]
    assert shown.count("<img src=x") > 40


def test_markup_in_the_address_stays_text(browser: Browser, server: Serving) -> None:
    """A link that someone else made shows what it could not find as text."""
    opened = browser.new_page()
    opened.goto(f"{server.url}/?view=trace&id={EVIL}&tab={EVIL}")
    opened.get_by_role("alert").get_by_text("<img src=x").wait_for()
    assert opened.evaluate("[window.hacked, document.querySelectorAll('img').length]") == [None, 0]
    opened.close()


def test_a_token_is_taken_from_the_address_and_hidden(browser: Browser, tmp_path: Path) -> None:
    """Behind a token the page is empty without it; with it after # it works, and the token leaves the address."""
    token = "a-token-of-some-length"  # noqa: S105 - a test's own
    with Serving(tmp_path / "guarded.sqlite", token=token) as guarded:
        opened = browser.new_page()
        opened.goto(guarded.url)
        opened.get_by_role("alert").get_by_text("Authorization: Bearer TOKEN").wait_for()
        opened.goto(f"{guarded.url}/?view=usage#token={token}")
        opened.reload()
        opened.get_by_text("No model calls, tools or agent runs").wait_for()
        assert opened.evaluate("location.hash") == ""
        opened.close()


EVIL = "<img src=x onerror=window.hacked=1><script>window.hacked=1</script>\"'>javascript:hacked=1"
SCROLL = """async () => {
  const box = document.querySelector('.waterfall');
  for (let step = 1; step <= 60; step++) {
    box.scrollTop = (box.scrollHeight * step) / 60;
    await new Promise(requestAnimationFrame);
  }
}"""
CONTRASTS = """() => {
  const style = getComputedStyle(document.documentElement);
  const light = (name) => {
    const probe = document.createElement('i');
    probe.style.color = style.getPropertyValue(name);
    document.body.append(probe);
    const channels = getComputedStyle(probe).color.match(/\\d+/g).slice(0, 3).map((value) => value / 255);
    probe.remove();
    const [r, g, b] = channels.map((value) => (value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
  };
  const found = {};
  for (const ground of ['--ground', '--raised', '--mark'])
    for (const text of ['--text', '--quiet', '--link', '--error'])
      found[text + ' on ' + ground] = Math.max(light(text), light(ground)) / Math.min(light(text), light(ground));
  return found;
}"""
NAMELESS = """() => [...document.querySelectorAll('a, button, input, select, table, svg, [role]')]
  .filter((node) => !(node.getAttribute('aria-label') || node.textContent.trim() || node.caption))
  .filter((node) => !document.getElementById(node.getAttribute('aria-labelledby'))?.textContent)
  .filter((node) => !node.labels?.[0]?.textContent && !['alert', 'status'].includes(node.getAttribute('role')))
  .filter((node) => !node.closest('.details table'))
  .map((node) => node.outerHTML.slice(0, 120))"""


def poisoned() -> Any:
    """A trace in which every text is markup."""
    said = json.dumps(
        [
            {
                "role": EVIL,
                "parts": [{"type": "text", "content": EVIL}, {"type": "tool_call", "name": EVIL, "arguments": EVIL}],
            }
        ]
    )
    texts: dict[str, object] = {
        "gen_ai.conversation.id": EVIL,
        "gen_ai.input.messages": said,
        EVIL: EVIL,
        "json": json.dumps({EVIL: EVIL}),
    }
    made = request(
        Made(name=EVIL, id=1, attributes={**agent(EVIL), **texts}, error=True),
        Made(name=EVIL, id=2, parent=1, attributes={**chat(EVIL), **texts, "error.type": EVIL}, error=True),
        Made(name=EVIL, id=3, parent=1, attributes={**tool(EVIL), **texts, "gen_ai.tool.call.result": EVIL}),
        service=EVIL,
    )
    of_scope = made.resource_spans[0].scope_spans[0]
    of_scope.scope.name = of_scope.scope.version = EVIL
    for span in of_scope.spans:
        span.status.message = EVIL
        for name in (EVIL, "exception"):
            keys = (EVIL, "exception.type", "exception.message", "exception.stacktrace")
            span.events.add(name=name).attributes.extend(KeyValue(key=key, value=any_value(EVIL)) for key in keys)
    return made


def fill(server: Serving, *requests: Any) -> None:
    """Send the requests, and wait for their totals."""
    for each in requests:
        assert server.post("/v1/traces", each.SerializeToString()).status == 200
    server.settled()


def move_event_to_the_trace(server: Serving) -> None:
    """An event counts for a trace only if it was received after the trace began."""
    with server.store.writing() as connection:
        connection.execute("UPDATE events SET received_ns = (SELECT end_ns FROM traces)")


def press(page: Page, *keys: str) -> None:
    """Press the keys, one after the other."""
    for key in keys:
        page.keyboard.press(key)
