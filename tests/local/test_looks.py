"""What is looked at, not only read: nothing runs off a phone, columns stand apart, axes have plain figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.command import ROOT, agent_telemetry
from tests.local.made import Made, agent, chat, request, tool, trace_id

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.local.serving import Serving

LONG = "a-name-without-a-single-space-that-is-longer-than-any-telephone-is-wide-" * 2
TALK = {"gen_ai.conversation.id": "talk-1"}
VIEWS = (
    "traces",
    "sessions",
    "session&id=talk-1",
    "usage",
    "usage&by=session&measure=cost",
    "latency",
    "errors",
    "logs",
)
WIDER = (
    "() => [document.querySelector('main'), document.documentElement].map((box) => box.scrollWidth - box.clientWidth)"
)
HEADER = "() => document.querySelector('header').getBoundingClientRect().height"
GAPS = """() => {
  const text = (node) => {
    const range = document.createRange();
    range.selectNodeContents(node);
    return range.getBoundingClientRect();
  };
  const cells = [...document.querySelectorAll('tbody .number + :not(.number)')];
  return cells.map((cell) => Math.round(text(cell).left - text(cell.previousSibling).right));
}"""
FIELDS = """() => [...document.querySelectorAll('.filters input:not([type=checkbox]), .filters select')]
  .map((field) => field.getBoundingClientRect()).map((box) => `${Math.round(box.top)} ${box.height}`)"""


def filled(server: Serving) -> None:
    """Traces with long names, a failure, and no content."""
    server.store.add_spans(
        request(
            Made(name=LONG, id=1, end=9, attributes={**agent(LONG), **TALK}),
            Made(name=f"chat {LONG}", id=2, parent=1, attributes={**chat(LONG), "gen_ai.usage.cost": 0.75}),
            Made(name=f"execute_tool {LONG}", id=3, parent=1, attributes=tool(LONG), error=True),
            Made(name="chat", id=4, parent=1, start=20, attributes=chat()),
        )
    )
    server.settled()


@pytest.mark.parametrize("view", [*VIEWS, f"trace&id={trace_id()}", f"trace&id={trace_id()}&tab=conversation"])
def test_nothing_runs_off_a_phone(page: Page, server: Serving, view: str) -> None:
    """However long names are; the links of the views and what stands beside them take two lines."""
    filled(server)
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{server.url}/?view={view}")
    page.locator("main").get_by_text("Loading").wait_for(state="hidden")
    assert (page.evaluate(WIDER), page.evaluate(HEADER) < 80) == ([0, 0], True)


def test_what_opens_stays_on_a_phone(page: Page, server: Serving) -> None:
    """The saved views with their form."""
    filled(server)
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{server.url}/?view=traces")
    page.get_by_text("Views", exact=True).click()
    box = page.get_by_role("button", name="Save").bounding_box()
    assert box is not None
    assert box["x"] + box["width"] < 390 - 8


def test_words_for_idle_time_stay_on_the_axis(page: Page, server: Serving) -> None:
    """A gap at the very beginning, with a long figure."""
    spans = (Made(end=20), Made(id=2, parent=1, start=50_620, end=54_000))
    server.store.add_spans(request(*spans))
    server.settled()
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{server.url}/?view=trace&id={trace_id()}")
    words, lane = (page.locator(f".waterfall {place}") for place in (".fold-words", ".axis:not(.grid) .axis-lane"))
    words.wait_for()
    inner, outer = words.bounding_box(), lane.bounding_box()
    assert inner is not None
    assert outer is not None
    assert (words.inner_text(), inner["x"] >= outer["x"]) == ("50.6 s idle", True)


def test_how_content_is_recorded_is_said_once(page: Page, server: Serving) -> None:
    """Above the turns of a session, and above those of a trace; each turn says only that it has none."""
    filled(server)
    for view in ("session&id=talk-1", f"trace&id={trace_id()}&tab=conversation"):
        page.goto(f"{server.url}/?view={view}")
        page.get_by_text("Its content was not recorded.").nth(1).wait_for()
        assert page.get_by_text("CAPTURE_MESSAGE_CONTENT").count() == 1


def test_figures_and_words_stand_apart(page: Page, server: Serving) -> None:
    """A figure at the right of its column does not touch the text at the left of the next."""
    filled(server)
    page.goto(f"{server.url}/?view=errors")
    page.get_by_role("row").nth(1).wait_for()
    assert set(page.evaluate(GAPS)) == {22}


def test_fields_of_a_form_stand_in_a_line(page: Page, server: Serving) -> None:
    """Lists and texts are of one height."""
    for view in ("diff", "logs"):
        page.goto(f"{server.url}/?view={view}")
        page.locator(".filters select").first.wait_for()
        assert len(set(page.evaluate(FIELDS))) == 1


def test_what_takes_no_time_has_an_axis(page: Page, server: Serving) -> None:
    """An event's span alone is drawn on a millisecond."""
    server.store.add_spans(request(Made(name="event", end=0)))
    page.goto(f"{server.url}/?view=trace&id=latest")
    page.locator(".axis .tick").nth(1).wait_for()
    assert page.locator(".axis .tick").all_text_contents()[:2] == ["0", "0.2 ms"]


def test_dollars_on_an_axis_are_as_short_as_they_can_be(page: Page, server: Serving) -> None:
    """Not of four places here and of two there."""
    filled(server)
    page.goto(f"{server.url}/?view=usage&measure=cost")
    page.locator(".plot").wait_for()
    assert page.locator(".plot text[text-anchor=end]").all_text_contents() == ["$0", "$0.2", "$0.4", "$0.6", "$0.8"]


def test_what_only_waits_is_not_folded_away(page: Page, server: Serving) -> None:
    """A run of which nothing but moments came is drawn as long as it took, and what came at its very end too."""
    run = Made(name="run", end=2400, attributes=agent())
    server.store.add_spans(request(run, Made(name="said", id=2, parent=1, start=2400, end=2400)))
    page.goto(f"{server.url}/?view=trace&id={trace_id()}")
    page.get_by_role("treeitem", name="said").wait_for()
    assert page.locator(".axis .tick").first.inner_text() == "0"
    assert (page.locator(".fold").count(), page.locator(".span .bar").nth(1).is_visible()) == (0, True)


def test_each_part_of_a_bar_is_seen_on_a_logarithmic_scale(page: Page, server: Serving) -> None:
    """The scale begins below the smallest part, and the table has what the chart measures in its order."""
    for number, (cost, tokens) in enumerate(((0.0004, 900), (0.0007, 100)), 1):
        paid = {**chat("fake", tokens), "gen_ai.usage.cost": cost, "gen_ai.conversation.id": f"talk-{number}"}
        server.store.add_spans(request(Made(attributes=paid), trace=number))
    server.settled()
    page.goto(f"{server.url}/?view=usage&by=session&measure=cost&scale=log")
    page.locator(".plot rect").nth(1).wait_for()
    assert page.locator(".plot text[text-anchor=end]").all_text_contents()[0] == "$0.0001"
    page.get_by_role("link", name="talk-1").wait_for()
    assert page.locator("table.stacked tbody a").all_inner_texts() == ["talk-2", "talk-1"]


def test_what_is_counted_has_whole_figures_on_its_axis(page: Page, server: Serving) -> None:
    """There is no half of a call."""
    filled(server)
    page.goto(f"{server.url}/?view=latency&by=tool")
    page.locator(".plot").wait_for()
    assert page.locator(".plot text[text-anchor=end]").all_text_contents() == ["0", "1"]


def test_a_row_that_is_folded_takes_no_room_on_a_phone(page: Page, server: Serving) -> None:
    """Of what two spans say nothing is shown before it is asked for."""
    for number, end in ((1, 10), (2, 5000)):
        server.store.add_spans(request(Made(end=end), trace=number))
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{server.url}/?view=diff&a={trace_id(1)}&b={trace_id(2)}")
    page.get_by_role("button", name="Compare what work says").wait_for()
    assert [row.is_visible() for row in page.locator("tbody tr").all()] == [True, False]


def test_commands_in_what_is_said_stand_as_code(page: Page, server: Serving) -> None:
    """Not between backticks."""
    filled(server)
    page.goto(f"{server.url}/?view=session&id=talk-1")
    page.locator("code", has_text="agent-telemetry run").wait_for()
    assert "`" not in page.locator("main").inner_text()


def test_a_cancelled_trace_says_so(page: Page, server: Serving) -> None:
    """In its heading, as in the list."""
    agent_telemetry("import", ROOT / "tests" / "data" / "harnesses" / "claude__cancel.json", "--db", server.path)
    page.goto(f"{server.url}/?view=trace&id=latest")
    page.locator(".facts").get_by_text("cancelled", exact=True).wait_for()
