"""An answer that comes after somebody went on is not drawn where they are now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.local.made import Made, agent, chat, request, trace_id

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

    from tests.local.serving import Serving


class Held:
    """Requests of a kind that the server gets only once they are let go."""

    def __init__(self, page: Page, pattern: str) -> None:
        self._page = page
        self._routes: list[Route] = []
        page.route(pattern, lambda route: self._routes.append(route))  # noqa: PLW0108 - playwright marks what it calls

    def let_go(self) -> None:
        """Return when all the answers are there, and what they led to is drawn."""
        for route in self._routes:
            with self._page.expect_event("requestfinished", lambda sent, route=route: sent == route.request):
                route.continue_()
        self._page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")


@pytest.fixture
def traces(server: Serving) -> list[str]:
    """The ids of two traces, which are named like their place."""
    for number in (1, 2):
        spans = (Made(name=f"run {number}", attributes=agent()), Made(id=2, parent=1, attributes=chat()))
        server.store.add_spans(request(*spans, trace=number))
    server.settled()
    return [trace_id(1), trace_id(2)]


def test_a_view_that_was_left_draws_no_more(page: Page, server: Serving, traces: list[str]) -> None:
    """The trace comes when the page of usage is up."""
    held = Held(page, f"**/api/traces/{traces[0]}?*")
    page.goto(f"{server.url}/?view=trace&id={traces[0]}")
    page.get_by_text("Loading the trace").wait_for()
    page.keyboard.type("gu")
    page.get_by_label("Measure").wait_for()
    held.let_go()
    assert (page.get_by_label("Measure").count(), page.get_by_role("heading", name="run 1").count()) == (1, 0)


def test_a_tab_that_was_left_draws_no_more(page: Page, server: Serving, traces: list[str]) -> None:
    """The conversation comes when the timeline is up again."""
    held = Held(page, "**/conversation?*")
    page.goto(f"{server.url}/?view=trace&id={traces[0]}")
    page.get_by_role("treeitem").first.wait_for()
    page.get_by_role("tab", name="Conversation").click()
    page.wait_for_url("**tab=conversation")
    page.get_by_role("tab", name="Timeline").click()
    held.let_go()
    assert page.get_by_role("treeitem").count() == 2


def test_going_back_from_a_trace_that_has_not_come(page: Page, server: Serving, traces: list[str]) -> None:
    """The trace of before stays, whatever comes of the other one."""
    held = Held(page, f"**/api/traces/{traces[1]}?*")
    page.goto(f"{server.url}/?view=trace&id={traces[0]}")
    page.get_by_role("heading", name="run 1").wait_for()
    _go(page, f"?view=trace&id={traces[1]}")
    page.go_back()
    page.wait_for_url(f"**{traces[0]}")
    held.let_go()
    assert (page.get_by_role("heading", name="run 1").count(), page.get_by_role("treeitem").count()) == (1, 2)


def test_an_old_address_is_rewritten_only_where_it_is(page: Page, server: Serving, traces: list[str]) -> None:
    """A list's answer does not change the address of what follows it."""
    assert traces
    held = Held(page, "**/api/traces?*")
    page.goto(f"{server.url}/?view=traces&service=shop")
    page.get_by_text("Loading…").wait_for()
    page.keyboard.type("gu")
    page.wait_for_url("**view=usage")
    held.let_go()
    assert page.url == f"{server.url}/?view=usage"


def _go(page: Page, address: str) -> None:
    """Follow a link inside the page."""
    page.evaluate(
        "(to) => { const a = document.createElement('a'); a.href = to; document.body.append(a); a.click(); }", address
    )
