"""The ten questions of docs/how-to/ten-questions.md, answered on the page from the traces of the demo, by clicks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.local.browsing import Watched
from tests.local.serving import Serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Locator, Page

pytestmark = pytest.mark.docs

_DOCUMENT = Path(__file__).parents[2] / "docs" / "how-to" / "ten-questions.md"
_ROW = re.compile(r"^\| (\d+) \|.*?\((\d+)\) \|", re.MULTILINE)


@pytest.fixture(scope="module")
def demo(demo_db: Path) -> Iterator[Serving]:
    """A server over the traces that the demo kept."""
    with Serving(demo_db) as serving:
        serving.settled()
        yield serving


class _Visitor:
    """Somebody at the page, who counts clicks, keys and queries."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.clicks = 0
        page.goto(url)
        page.locator("table.stacked tbody tr").first.wait_for()

    def click(self, what: Locator) -> None:
        what.click()
        self.clicks += 1

    def view(self, name: str) -> None:
        self.click(self.page.get_by_role("navigation").get_by_role("link", name=name))

    def choose(self, label: str, value: str) -> None:
        self.page.get_by_label(label).select_option(value)
        self.clicks += 1

    def search(self, query: str) -> None:
        self.page.keyboard.press("/")
        self.page.keyboard.type(query)
        self.page.keyboard.press("Enter")
        self.page.get_by_role("button", name=f"Change {query}").wait_for()
        self.clicks += 2

    def row(self, text: str) -> Locator:
        return self.page.get_by_role("row").filter(has_text=text)


def _what_failed(seen: _Visitor) -> None:
    seen.view("Errors")
    seen.row("openai.RateLimitError").get_by_text("429").wait_for()
    seen.row("get_stock_price").get_by_text("tool_error").wait_for()


def _which_step(seen: _Visitor) -> None:
    seen.view("Errors")
    seen.click(seen.row("openai.RateLimitError").get_by_text("its trace"))
    seen.click(seen.row("openai.RateLimitError").get_by_role("link").first)
    seen.page.locator(".span[aria-selected=true]").get_by_text("chat gpt-5-mini").wait_for()


def _where_the_time_went(seen: _Visitor) -> None:
    seen.choose("Sort", "duration")
    seen.page.wait_for_url("**sort=duration**")
    seen.click(seen.page.locator("tbody tr td.wide a").first)
    seen.page.locator(".waterfall .stretch").first.wait_for()


def _tokens_and_dollars(seen: _Visitor) -> None:
    seen.view("Usage")
    seen.page.get_by_role("link", name="gpt-5-mini", exact=True).wait_for()
    cells = {name: seen.page.get_by_role("row", name=name).last.inner_text() for name in ("gpt-5-mini", "gpt-5 ")}
    assert ("600\t190" in cells["gpt-5-mini"], "120\t50" in cells["gpt-5 "]) == (True, True)


def _dearest_conversation(seen: _Visitor) -> None:
    seen.view("Sessions")
    seen.choose("Sort", "cost")
    seen.page.wait_for_url("**sort=cost**")
    seen.page.locator("tbody tr").first.get_by_text("c2", exact=True).wait_for()


def _failing_tool(seen: _Visitor) -> None:
    seen.view("Usage")
    seen.choose("Group by", "tool")
    seen.page.get_by_role("row", name="get_stock_price").last.wait_for()
    failed = [seen.page.get_by_role("row", name=name).last.inner_text().split("\t")[2] for name in _TOOLS]
    assert failed == ["1", "0"]


def _tasks_of_the_specialist(seen: _Visitor) -> None:
    seen.search("agent:specialist")
    seen.page.get_by_text("Loading").wait_for(state="hidden")
    assert seen.page.locator("table.stacked tbody tr").count() == 1


def _slowest_answers(seen: _Visitor) -> None:
    seen.view("Latency")
    for model in ("gpt-5-mini", "gpt-5"):
        seen.page.get_by_role("link", name=model, exact=True).wait_for()


def _what_differs(seen: _Visitor) -> None:
    seen.search("agent:assistant")
    for at in (0, 1):
        seen.click(seen.page.get_by_role("checkbox").nth(at))
    seen.click(seen.page.get_by_role("button", name="Compare two"))
    seen.page.get_by_text(re.compile(r"\d+ same, \d+ changed, \d+ added, \d+ removed")).wait_for()


def _what_left(seen: _Visitor) -> None:
    seen.search("agent:specialist")
    seen.click(seen.page.locator("tbody tr td.wide a").first)
    seen.click(seen.page.get_by_role("tab", name="What left this machine"))
    seen.page.get_by_text("attribute gen_ai.agent.name").wait_for()


_TOOLS = ("get_stock_price", "get_weather")
_ANSWERS = (
    *(_what_failed, _which_step, _where_the_time_went, _tokens_and_dollars, _dearest_conversation),
    *(_failing_tool, _tasks_of_the_specialist, _slowest_answers, _what_differs, _what_left),
)


@pytest.mark.parametrize("number", range(1, 11))
def test_a_question_takes_the_clicks_that_are_written_down(browser: Browser, demo: Serving, number: int) -> None:
    """Each is answered as the document says, in as many clicks, keys that the help names, and queries."""
    written = {int(at): int(clicks) for at, clicks in _ROW.findall(_DOCUMENT.read_text("utf-8"))}
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    watched = Watched(page, demo.url)
    seen = _Visitor(page, demo.url)
    _ANSWERS[number - 1](seen)
    assert (seen.clicks, watched.wrong) == (written[number], [])
    page.close()
