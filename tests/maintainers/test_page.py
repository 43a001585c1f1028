"""The report's page in a real browser."""

from __future__ import annotations

from collections import Counter
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.local.browsing import Watched, chromium
from tests.maintainers.proxy import Proxy
from tests.maintainers.relay import Relay

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from tests.maintainers.synthetic import Life


@pytest.fixture(scope="module")
def proxy(lived: tuple[Life, Path]) -> Iterator[Proxy]:
    """A proxy over the book of a life."""
    with Proxy(lived[1]) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all the tests."""
    with chromium() as running:
        yield running


@pytest.fixture
def page(browser: Browser, proxy: Proxy) -> Iterator[Page]:
    """The report on all days; nothing may go wrong on it, nor be asked of another host."""
    opened = browser.new_page(viewport={"width": 1280, "height": 800})
    watched = Watched(opened, proxy.url)
    opened.goto(f"{proxy.url}/?days=0")
    yield opened
    opened.close()
    assert watched.wrong == []


def test_each_link_leads_to_its_part(page: Page) -> None:
    """By keyboard or mouse, to a heading that is there."""
    links = page.locator("nav a")
    assert links.count() == 7
    for at in range(links.count()):
        target = links.nth(at).get_attribute("href") or ""
        links.nth(at).click()
        assert page.url.endswith(target)
        assert page.locator(f"{target} h2").count() == 1


def test_the_defect_can_be_read(page: Page) -> None:
    """The comparison says that tools fail more, in the colour for worse, and which tool it is."""
    row = page.locator("#compared tr", has_text="tool failure rate")
    verdict = row.locator("td.more")
    assert verdict.inner_text() == "more"
    assert verdict.evaluate("cell => getComputedStyle(cell).color") != page.locator("body").evaluate(
        "body => getComputedStyle(body).color"
    )
    rates = [page.locator("#features tr", has_text=name).last.inner_text() for name in ("search", "read_file")]
    assert all("2.4.0" in rate for rate in rates)


def test_a_chart_has_a_bar_for_each_day_and_a_table(page: Page, lived: tuple[Life, Path]) -> None:
    """What a bar says stands in its title, and again in the table below."""
    installations = Counter(day for day, _ in {(day, name) for day, name, _ in lived[0].present})
    days = [day for day, count in installations.items() if count >= 5]
    chart = page.locator("#use svg").first
    assert chart.locator("rect.all").count() == len(days)
    page.locator("#use details summary").first.click()
    assert page.locator("#use details").first.locator("tbody tr").count() == len(days)


def test_figures_read_as_what_they_are(page: Page) -> None:
    """Rates in percent, dollars without an exponent, durations whole; words stand left, figures right, heads alike."""
    rows = page.locator("#compared tbody tr").all()
    cells = {row.locator("td").first.inner_text(): row.locator("td").all_inner_texts() for row in rows}
    assert all(text.endswith(" %") for text in cells["tool failure rate"][1:6])
    assert "e" not in "".join(cells["cost per session, USD"][1:6])
    assert not any("." in text for text in cells["task duration, ms"][1:3])
    by_harness = page.get_by_role("table").filter(has=page.get_by_role("columnheader", name="harness")).first
    aligned = "cells => cells.slice(0, 2).map(cell => getComputedStyle(cell).textAlign)"
    assert [by_harness.locator(kind).evaluate_all(aligned) for kind in ("th", "td")] == [["left", "right"]] * 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone(page: Page, scheme: str) -> None:
    """At 390 pixels no part is wider than the screen, in both themes; wide tables scroll by themselves."""
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


SIGN = b'<p class="wait" role="status">asking the book</p>'
IN_TOOLS = b"all others are custom.</p>" + SIGN


@contextmanager
def halfway(browser: Browser, proxy: Proxy, until: bytes) -> Generator[tuple[Page, Relay]]:
    """The page on a phone, as far as it has come; nothing may be wrong with it when all is there."""
    opened = browser.new_page(viewport={"width": 390, "height": 800})
    with closing(opened), Relay(proxy.url, until) as relay:
        watched = Watched(opened, relay.url)
        opened.goto(f"{relay.url}/?days=0", wait_until="commit")
        opened.locator(".wait:visible").wait_for()
        yield opened, relay
        assert watched.wrong == []


def test_it_says_at_once_that_it_asks(browser: Browser, proxy: Proxy) -> None:
    """Before anything is known there is one line, and no more than that."""
    with halfway(browser, proxy, SIGN) as (opened, _relay):
        assert opened.locator("body").inner_text() == "asking the book"


def test_each_answer_comes_when_it_is_there(browser: Browser, proxy: Proxy) -> None:
    """While a question is asked all before it stands, with a sign below its heading; at the end there is no sign."""
    with halfway(browser, proxy, IN_TOOLS) as (opened, relay):
        signs = opened.locator(".wait:visible")
        headings = "sign => [...sign.parentElement.querySelectorAll('h3')].pop().textContent"
        assert (signs.count(), signs.evaluate(headings)) == (1, "Tools")
        assert opened.locator("#use svg").count() == 3
        assert opened.evaluate("document.documentElement.scrollWidth") <= 390
        relay.go_on()
        opened.get_by_role("heading", name="What arrived").wait_for()
        assert signs.count() == 0


def test_the_form_asks_for_another_report(page: Page) -> None:
    """Its fields show what was asked for; another funnel, period and comparison are an address."""
    page.get_by_text("Another period").click()
    page.get_by_label("Funnel: first").select_option("server.started")
    page.get_by_label("and then").select_option("task.failed")
    page.get_by_label("Version before").select_option("2.4.0")
    page.get_by_label("Version after").select_option("2.3.0")
    page.get_by_label("Days").fill("30")
    with page.expect_navigation():
        page.get_by_role("button", name="Show").click()
    steps = (
        page.locator("#features h3", has_text="Funnel").locator("xpath=following-sibling::div[1]").locator("tbody tr")
    )
    assert [text.split("\t")[0] for text in steps.all_inner_texts()] == [
        "server.started",
        "task.started",
        "task.failed",
    ]
    assert page.get_by_role("heading", name="2.3.0 against 2.4.0").is_visible()
    assert page.locator("input[name=days]").input_value() == "30"
