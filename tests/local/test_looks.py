"""What is looked at, not only read: nothing runs off a phone, columns stand apart, axes have plain figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

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
