"""Times where the reader is: the page and the terminal show the reader's own, with the zone said, in all seasons."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest

from tests.cli.command import agent_telemetry
from tests.local.made import Made, agent, chat, request

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.local.serving import Serving

WINTER = "2026-11-22T22:09:28+00:00"
SUMMER = "2026-07-01T22:09:28+00:00"
IN_KOLKATA = ["2026-11-23 03:39:28", "2026-07-02 03:39:28"]
IN_ST_JOHNS = ["2026-11-22 18:39:28", "2026-07-01 19:39:28"]
IN_BERLIN = ["2026-11-22 23:09:28", "2026-07-02 00:09:28"]
PAGES = {
    "Asia/Kolkata": ("GMT+5:30", IN_KOLKATA),
    "America/St_Johns": ("GMT-3:30, GMT-2:30", IN_ST_JOHNS),
    "Europe/Berlin": ("GMT+1, GMT+2", IN_BERLIN),
}
TERMINALS = {
    "Asia/Kolkata": ("IST", IN_KOLKATA),
    "America/St_Johns": ("NST, NDT", IN_ST_JOHNS),
    "Europe/Berlin": ("CET, CEST", IN_BERLIN),
}


def stored(server: Serving) -> None:
    """A failed call of winter and one of summer."""
    for number, when in enumerate((SUMMER, WINTER), 1):
        start = int(datetime.fromisoformat(when).astimezone(timezone.utc).timestamp()) * 10**9
        run = Made(name="run", end=0, attributes={**agent(), "gen_ai.conversation.id": f"talk-{number}"})
        call = Made(name=f"chat {number}", id=2, parent=1, end=0, error=True, attributes=chat())
        server.store.add_spans(request(run, call, trace=number, start_ns=start))
    server.settled()


@pytest.mark.parametrize("name", PAGES)
def test_the_page_says_the_zones_of_its_times(browser: Browser, server: Serving, name: str) -> None:
    """Of all lists, in which the one of each time is, not the one of today; a time that stands alone has its own."""
    stored(server)
    zones, times = PAGES[name]
    page = browser.new_page(timezone_id=name)
    for view, title in (("traces", "Start"), ("sessions", "Last"), ("errors", "Last")):
        page.goto(f"{server.url}/?view={view}")
        page.get_by_role("columnheader", name=f"{title} ({zones})").wait_for()
        assert page.locator("tbody td.short:not(.error)", has_text="2026").all_inner_texts()[-1] == times[-1]
        for time in times:
            page.get_by_role("cell", name=time, exact=True).first.wait_for()
    for number, time, zone in ((2, times[0], zones.split(", ")[0]), (1, times[1], zones.split(", ")[-1])):
        page.goto(f"{server.url}/?view=session&id=talk-{number}")
        page.get_by_text(f"{time} {zone}", exact=True).wait_for()
    page.close()


@pytest.mark.parametrize("name", TERMINALS)
def test_the_terminal_says_the_zones_of_its_times(server: Serving, name: str) -> None:
    """Of its lists in the title, of one trace beside its time."""
    stored(server)
    zones, times = TERMINALS[name]
    for command, title in (("traces", "START"), ("sessions", "LAST"), ("errors", "LAST")):
        told = agent_telemetry(command, "--db", server.path, TZ=name).out
        assert f"{title} ({zones})" in told.splitlines()[0]
        assert [time in told for time in times] == [True, True]
    told = agent_telemetry("show", "latest", "--db", server.path, TZ=name).out
    assert f"{times[0]} {zones.split(', ')[0]}" in told


def test_hours_and_days_of_usage_are_said_to_be_of_utc(browser: Browser, server: Serving) -> None:
    """They are added up so; budgets are too."""
    stored(server)
    page = browser.new_page(timezone_id="Asia/Kolkata")
    for step, words in (("hour", "Hours are in UTC."), ("day", "Days are in UTC.")):
        page.goto(f"{server.url}/?view=usage&step={step}")
        page.locator(".readout", has_text=words).wait_for()
    page.close()
