"""The search box of the lists, in a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.local.browsing import Watched, has_texts
from tests.local.made import Made, agent, chat, request, tool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page, Route

    from tests.local.serving import Serving


@pytest.fixture
def page(browser: Browser, server: Serving) -> Iterator[Page]:
    """A page over three traces of two services, on which nothing may go wrong."""
    talk = {"gen_ai.conversation.id": "talk 1"}
    spans = {
        "shop": (Made(attributes={**agent(), **talk}), Made(id=2, parent=1, attributes=chat("gpt-5", 200))),
        "depot": (Made(attributes={"note": "a refund"}), Made(id=2, parent=1, attributes=tool(), error=True)),
        "third": (Made(end=5000, attributes={**chat("o3"), "http.route": "/x"}),),
    }
    for number, (name, made) in enumerate(spans.items(), 1):
        named = (Made(name=name, end=made[0].end, attributes=made[0].attributes), *made[1:])
        server.store.add_spans(request(*named, trace=number, service=name, start_ns=10**18 + number))
    server.settled()
    opened = browser.new_page(viewport={"width": 1280, "height": 800})
    watched = Watched(opened, server.url)
    yield opened
    opened.close()
    assert watched.wrong == []


def rows(page: Page) -> list[str]:
    """The names in the list, once it is drawn."""
    page.locator("table[aria-busy=false]").wait_for(state="attached")
    return page.locator("tbody td.wide").all_inner_texts()


def shows(page: Page, *names: str) -> None:
    """Wait until the list has these rows."""
    has_texts(page.locator("tbody td.wide"), *names)


def asked(page: Page) -> str:
    """The query in the address."""
    return parse_qs(urlsplit(page.url).query).get("q", [""])[0]


def chips(page: Page) -> list[str]:
    """The terms that have to hold."""
    return page.locator(".chip .term").all_inner_texts()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("model:gpt-5", "shop"),
        ("model:gpt*,o3", "third,shop"),
        ("error", "depot"),
        ('"A REFUND"', "depot"),
        ("-refund", "third,shop"),
        ("dur:>2s", "third"),
        ("tokens:>150", "shop"),
        ("http.route=/x", "third"),
        ('session:"talk 1"', "shop"),
        ("service:depot,third -error", "third"),
    ],
)
def test_a_query_is_typed(page: Page, server: Serving, query: str, expected: str) -> None:
    """Enter makes chips of what is typed; the address has it, and a reload shows the same."""
    page.goto(server.url)
    box = page.get_by_role("combobox", name="Search")
    box.fill(query)
    box.press("Enter")
    page.locator(".chip").first.wait_for()
    shows(page, *expected.split(","))
    assert box.input_value() == ""
    page.reload()
    shows(page, *expected.split(","))
    assert " ".join(chips(page)) == query.replace("error", "status:error")


def test_typing_filters_and_the_address_follows(page: Page, server: Serving) -> None:
    """What is being typed counts at once."""
    page.goto(server.url)
    page.get_by_role("combobox", name="Search").type("refu")
    shows(page, "depot")
    assert asked(page) == "refu"


def test_completion_by_keyboard(page: Page, server: Serving) -> None:
    """Keys first, then the values that occur; a screen reader is told which one is marked."""
    page.goto(server.url)
    box = page.get_by_role("combobox", name="Search")
    box.type("mod")
    page.get_by_role("option", name="model:").wait_for()
    box.press("ArrowDown")
    assert box.get_attribute("aria-activedescendant") == "option-0"
    box.press("Enter")
    assert (box.input_value(), box.get_attribute("aria-expanded")) == ("model:", "true")
    assert page.get_by_role("listbox", name="Suggestions").get_by_role("option").all_inner_texts() == ["gpt-5", "o3"]
    box.press("ArrowUp")
    box.press("Tab")
    shows(page, "third")
    assert (asked(page), chips(page)) == ("model:o3", ["model:o3"])


def test_completion_by_mouse_knows_attributes_and_quotes(page: Page, server: Serving) -> None:
    """A value with spaces is put in quotes; attributes of stored spans are offered."""
    page.goto(server.url)
    box = page.get_by_role("combobox", name="Search")
    box.type("route")
    page.get_by_role("option", name="http.route=").wait_for()
    box.fill("session:")
    page.get_by_role("option", name="talk 1").click()
    shows(page, "shop")
    assert asked(page) == 'session:"talk 1"'


def test_a_chip_can_be_removed_and_changed(page: Page, server: Serving) -> None:
    """Its cross takes it away, a click on it or the backspace key puts it back into the field."""
    page.goto(f"{server.url}/?view=traces&q=service:shop,third+model:o3")
    shows(page, "third")
    page.get_by_role("button", name="Remove model:o3").click()
    shows(page, "third", "shop")
    box = page.get_by_role("combobox", name="Search")
    box.press("Backspace")
    assert box.input_value() == "service:shop,third"
    box.fill("service:shop")
    box.press("Enter")
    shows(page, "shop")
    page.go_back()
    shows(page, "third", "shop")


def test_going_back_leads_to_before_what_was_typed(page: Page, server: Serving) -> None:
    """All that is typed until Enter is one entry of the history, however slowly it is typed."""
    page.goto(f"{server.url}/?view=traces&q=service:shop,third")
    shows(page, "third", "shop")
    box = page.get_by_role("combobox", name="Search")
    box.type("o3")
    shows(page, "third")
    box.press("Backspace")
    box.press("Backspace")
    shows(page, "third", "shop")
    box.type("model:gpt-5")
    shows(page, "shop")
    box.press("Enter")
    page.get_by_role("button", name="Change model:gpt-5").wait_for()
    page.go_back()
    shows(page, "third", "shop")
    assert (asked(page), chips(page), box.input_value()) == ("service:shop,third", ["service:shop,third"], "")
    page.go_forward()
    shows(page, "shop")
    assert chips(page) == ["service:shop,third", "model:gpt-5"]


def test_what_is_half_typed_does_not_outlive_its_page_of_the_history(page: Page, server: Serving) -> None:
    """Going back empties the field, which has the focus; a link, too."""
    page.goto(server.url)
    shows(page, "third", "depot", "shop")
    box = page.get_by_role("combobox", name="Search")
    box.type("refu")
    shows(page, "depot")
    page.go_back()
    shows(page, "third", "depot", "shop")
    assert (asked(page), box.input_value()) == ("", "")
    box.type("model:")
    page.get_by_role("navigation").get_by_role("link", name="Traces").click()
    page.locator(".combo input:placeholder-shown").wait_for()


def test_addresses_of_before_go_on_working(page: Page, server: Serving) -> None:
    """Parameters of the twelve fields become terms."""
    page.goto(
        f"{server.url}/?view=traces&service=third&attribute=http.route%3D%2Fx&min_duration=1s&status=ok&sort=cost"
    )
    shows(page, "third")
    assert chips(page) == ["service:third", "status:ok", "http.route=/x", "dur:>=1s"]
    assert page.url.endswith("?view=traces&sort=cost&q=service%3Athird+status%3Aok+http.route%3D%2Fx+dur%3A%3E%3D1s")


@pytest.mark.usefixtures("page")
def test_what_cannot_be_read_is_said_below_the_field(browser: Browser, server: Serving) -> None:
    """The list stays, the message says where and what was expected; a link with such a query can be mended."""
    unwatched = browser.new_page()
    unwatched.goto(server.url)
    shows(unwatched, "third", "depot", "shop")
    box = unwatched.get_by_role("combobox", name="Search")
    box.fill("modle:x")
    unwatched.get_by_text("character 1: there is no key 'modle'; did you mean model:?").wait_for()
    assert rows(unwatched) == ["third", "depot", "shop"]
    unwatched.reload()
    unwatched.get_by_text("there is no key 'modle'").wait_for()
    box.fill("model:o3")
    shows(unwatched, "third")
    assert unwatched.locator(".problem").inner_text() == ""
    unwatched.close()


def test_a_view_is_saved_and_opened(page: Page, server: Serving) -> None:
    """A name for a query and its order, kept by the browser."""
    page.goto(f"{server.url}/?view=traces&q=service:shop,depot&sort=tokens")
    shows(page, "shop", "depot")
    page.get_by_text("Views", exact=True).click()
    page.get_by_label("Name of this view").fill("mine")
    page.get_by_role("button", name="Save").click()
    page.goto(server.url)
    page.get_by_text("Views", exact=True).click()
    page.get_by_role("link", name="mine").click()
    shows(page, "shop", "depot")
    assert page.get_by_label("Sort").input_value() == "tokens"
    page.get_by_text("Views", exact=True).click()
    page.get_by_role("button", name="Remove the view mine").click()
    page.reload()
    page.get_by_text("Views", exact=True).click()
    assert page.get_by_role("link", name="mine").count() == 0


def test_sessions_have_the_same_box_and_say_their_order(page: Page, server: Serving) -> None:
    """A query narrows sessions down; a column's head sorts by it and says so."""
    more = Made(attributes={**chat("o3", 5000), "gen_ai.conversation.id": "talk 2"}, name="more")
    server.store.add_spans(request(more, trace=9, start_ns=10**17))
    server.settled()
    page.goto(f"{server.url}/?view=sessions")
    shows(page, "talk 1", "talk 2")
    assert page.locator("th[aria-sort]").all_inner_texts() == ["Last (UTC)"]
    page.get_by_role("button", name="In", exact=True).click()
    shows(page, "talk 2", "talk 1")
    assert page.locator("th[aria-sort=descending]").all_inner_texts() == ["In"]
    page.goto(f"{server.url}/?view=sessions&q=model:gpt-5")
    shows(page, "talk 1")
    page.get_by_role("link", name="talk 1").click()
    page.wait_for_url("**view=session&id=talk+1")


def test_a_slow_answer_is_waited_for(page: Page, server: Serving) -> None:
    """Until the first answer the page says that it loads, not that there is nothing."""
    held: list[Route] = []
    is_slow = True
    page.route("**/api/traces?**", lambda route: held.append(route) if is_slow else route.continue_())
    page.goto(server.url)
    page.get_by_text("Loading…").wait_for()
    assert page.get_by_text("Nothing here yet").count() == 0
    is_slow = False
    for route in held:
        route.continue_()
    shows(page, "third", "depot", "shop")


def test_suggestions_that_come_late_do_not_cover_the_answer(page: Page, server: Serving) -> None:
    """What is known of the store comes after Enter: the list stays closed until somebody types again."""
    held: list[Route] = []
    page.route("**/api/facets?*", lambda route: held.append(route))  # noqa: PLW0108 - playwright marks what it calls
    page.goto(server.url)
    box = page.get_by_role("combobox", name="Search")
    box.type("model:o3")
    box.press("Enter")
    shows(page, "third")
    with page.expect_event("requestfinished", lambda sent: "facets" in sent.url):
        held[0].continue_()
    page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    assert box.get_attribute("aria-expanded") == "false"
    box.type("model:")
    page.get_by_role("option", name="gpt-5").wait_for()


@pytest.mark.parametrize("view", ["traces", "sessions"])
def test_the_box_fits_a_phone(page: Page, server: Serving, view: str) -> None:
    """At 390 pixels the box, its order and its views take less than a sixth of the first screen."""
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(f"{server.url}/?view={view}")
    page.locator("tbody tr").first.wait_for()
    box = page.locator(".search-box").bounding_box()
    assert box is not None
    assert (box["height"] < 800 / 6, box["width"] <= 390) == (True, True)
    page.get_by_text("times in UTC").wait_for()
