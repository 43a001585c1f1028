"""The trace page's timeline in a real browser: what is drawn, and what can be done with it by mouse and keyboard."""

from __future__ import annotations

import math
import re
from itertools import combinations, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.local.browsing import has_count
from tests.local.made import Made, agent, chat, request, span_id, tool, trace_id

if TYPE_CHECKING:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
    from playwright.sync_api import Browser, Locator, Page

    from tests.local.serving import Serving

ROUND = {"gen_ai.response.id": "r1"}
SPANS = (
    Made(name="session", id=1, end=95_000, attributes={"gen_ai.conversation.id": "talk-7"}),
    Made(name="planner", id=2, parent=1, start=0, end=9_000, attributes=agent("planner")),
    Made(name="wrapper", id=3, parent=2, start=100, end=3_000, attributes={**chat("fake"), **ROUND}),
    Made(name="call", id=4, parent=3, start=120, end=2_950, attributes={**chat("fake"), **ROUND}),
    Made(name="search", id=5, parent=2, start=3_000, end=5_000, attributes=tool()),
    Made(name="fetch", id=6, parent=2, start=3_000, end=6_000, attributes=tool("fetch"), error=True),
    Made(name="writer", id=7, parent=1, start=70_000, end=95_000, attributes=agent("writer")),
    Made(name="answer", id=8, parent=7, start=70_000, end=95_000, attributes=chat("other-fake")),
)
PAGE = Path(__file__).parents[2] / "otel_agent_telemetry" / "local" / "page"


def test_idle_time_is_folded_and_says_how_long(page: Page, server: Serving) -> None:
    """A minute in which nobody worked takes little room and is named; it can be had in full."""
    opened(page, server)
    page.locator(".fold-words", has_text="1m04s idle").wait_for()
    assert width(row(page, "answer"), ".bar") > 0.6 * width(page, ".waterfall > .axis:not(.grid) .axis-lane")
    page.get_by_role("button", name="Fold idle time").click()
    page.locator(".fold").wait_for(state="detached")
    assert width(row(page, "answer"), ".bar") < 0.3 * width(page, ".waterfall > .axis:not(.grid) .axis-lane")


def test_the_axis_has_round_times(page: Page, server: Serving) -> None:
    """Ticks stand at round times after the start, at least as far apart as their words are long."""
    opened(page, server, "&gaps=no")
    ticks = page.locator(".tick")
    assert ticks.all_inner_texts() == ["0", "15 s", "30 s", "45 s", "1m", "1m15s", "1m30s"]
    places = [box["x"] for tick in ticks.all() if (box := tick.bounding_box())]
    assert min(later - earlier for earlier, later in pairwise(places)) > 56


def test_zoom_by_keys_and_wheel(page: Page, server: Serving) -> None:
    """+ and - and the wheel with Ctrl change the window, Shift and arrows move it, 0 shows all; the address has it."""
    opened(page, server, "&gaps=no")
    whole = width(row(page, "planner"), ".bar")
    page.keyboard.press("+")
    page.wait_for_url(re.compile("zoom=17812.5-77187.5"))
    page.keyboard.press("Shift+ArrowRight")
    page.wait_for_url(re.compile("zoom=32656.25-92031.25"))
    page.keyboard.press("0")
    page.wait_for_url(lambda url: "zoom=" not in url)
    lane = box_of(page.locator(".waterfall > .axis:not(.grid) .axis-lane"))
    page.mouse.move(lane["x"] + 1, lane["y"] + 100)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -100)
    page.keyboard.up("Control")
    page.wait_for_url(re.compile("zoom="))
    assert width(row(page, "planner"), ".bar") == pytest.approx(1.6 * whole, rel=0.05)


def test_dragging_on_the_overview_shows_a_part(page: Page, server: Serving) -> None:
    """What is dragged over is what is seen; an edge can be moved, a double click shows all."""
    opened(page, server, "&gaps=no")
    drag(page, 0.25, 0.5)
    page.wait_for_url(re.compile(r"-47\d\d\d"))
    assert window(page) == pytest.approx((0.25 * 95_000, 0.5 * 95_000), abs=500)
    drag(page, 0.5, 0.75)
    page.wait_for_url(re.compile(r"-71\d\d\d"))
    assert window(page) == pytest.approx((0.25 * 95_000, 0.75 * 95_000), abs=500)
    page.locator(".minimap").dblclick(position={"x": 600, "y": 20})
    page.wait_for_url(lambda url: "zoom=" not in url)
    assert page.get_by_role("img", name="Overview, 1m35s", exact=True).count() == 1


def test_a_link_to_a_state_shows_the_same(page: Page, server: Serving) -> None:
    """Zoom, folds, colours, filters, the span and the search stand in the link that can be copied."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    opened(page, server)
    for key in ("f", "p", "e", "c", "+"):
        page.keyboard.press(key)
    row(page, "fetch").click()
    page.get_by_label("Search inside the trace").fill("fetch")
    page.get_by_text("1 match", exact=True).wait_for()
    page.get_by_role("button", name="Copy link").click()
    page.get_by_role("button", name="Copied").wait_for()
    link = page.evaluate("navigator.clipboard.readText()")
    page.goto("about:blank")
    page.goto(link)
    page.get_by_text("1 match", exact=True).wait_for()
    pressed = page.locator(".toggle").evaluate_all("nodes => nodes.map((node) => node.getAttribute('aria-pressed'))")
    assert pressed == ["false", "false", "true"]
    assert page.get_by_label("Colour by").input_value() == "service"
    assert window(page) == pytest.approx((17_812, 77_187), abs=2)
    page.get_by_role("complementary", name="Span").get_by_role("heading", name="fetch").wait_for()


def test_the_critical_path_is_drawn(page: Page, server: Serving) -> None:
    """The spans that the end waited for are marked, for the eye and for a screen reader; a key hides it."""
    opened(page, server)
    marked = page.locator(".span:has(.stretch)").evaluate_all("nodes => nodes.map((node) => node.id)")
    assert marked == [f"span-{span_id(number)}" for number in (1, 2, 3, 4, 6, 8)]
    assert page.get_by_role("treeitem", name="on the critical path").count() == 6
    page.keyboard.press("p")
    page.locator(".stretch").first.wait_for(state="detached")


def test_a_repeated_span_is_dim_and_says_why(page: Page, server: Serving) -> None:
    """The span that counts is named, and a link leads to it."""
    opened(page, server)
    assert page.locator(".span.repeats").evaluate_all(LABELS) == [
        "model, wrapper, fake · 100→10 · repeats call, ok, 2.90 s, on the critical path"
    ]
    row(page, "wrapper").click()
    details = page.get_by_role("complementary", name="Span")
    details.get_by_text("It repeats call, which is the one that counts.").wait_for()
    details.get_by_role("link", name="call").click()
    details.get_by_role("heading", name="call", exact=True).wait_for()


def test_errors_only(page: Page, server: Serving) -> None:
    """What failed stays, with what is above it."""
    opened(page, server)
    page.get_by_role("button", name="Errors only").click()
    has_count(page.get_by_role("treeitem"), 3)
    assert page.locator(".span .name").all_inner_texts() == ["▾session", "▾planner", "fetch"]


def test_branches_close_and_open(page: Page, server: Serving) -> None:
    """Keys close one branch, all of them, and open them again; what is closed says how much is in it."""
    opened(page, server)
    row(page, "planner").click()
    page.keyboard.press("ArrowLeft")
    page.locator(".span", has_text="planner").get_by_text("+4").wait_for()
    assert page.get_by_role("treeitem").count() == 4
    page.keyboard.press("[")
    assert page.get_by_role("treeitem").count() == 1
    page.keyboard.press("]")
    assert page.get_by_role("treeitem").count() == 8
    row(page, "call").click()
    page.keyboard.press("ArrowLeft")
    page.get_by_role("complementary", name="Span").get_by_role("heading", name="wrapper").wait_for()


def test_a_legend_names_colours_and_letters(page: Page, server: Serving) -> None:
    """By kind, or by service; how many spans each has."""
    opened(page, server)
    server.post("/v1/traces", request(Made(name="GET", id=20, parent=6), service="crawler").SerializeToString())
    row(page, "GET").wait_for()
    assert legend(page) == [["·", "other 2"], ["A", "agent 2"], ["M", "model 3"], ["T", "tool 2"]]
    page.get_by_label("Colour by").select_option("service")
    assert legend(page) == [["A", "shop 8"], ["B", "crawler 1"]]
    assert row(page, "GET").locator(".letter").get_attribute("data-letter") == "B"


def test_inner_spans_of_a_coding_agent_are_counted(page: Page, server: Serving) -> None:
    """What is left out of the rows is told; a span whose parent did not come says so."""
    inner = [Made(name=f"inner {n}", id=n, parent=1) for n in (2, 3)]
    run = Made(name="qwen-code.interaction", id=1, attributes=agent("qwen-code"))
    send(server, request(run, *inner, service="qwen-code"), request(Made(name="late", parent=7), trace=2))
    page.goto(f"{server.url}/?view=trace&id={trace_id()}")
    page.get_by_text("2 inner spans of the program left out").wait_for()
    assert page.get_by_role("treeitem").count() == 1
    page.goto(f"{server.url}/?view=trace&id={trace_id(2)}")
    page.get_by_text("its parent has not arrived").wait_for()


def test_a_live_trace_grows_where_it_is_looked_at(page: Page, server: Serving) -> None:
    """A span that has not ended is drawn open-ended; what comes changes neither scroll, nor window, nor selection."""
    many = [Made(name=f"step {n}", id=n, parent=1, start=n, end=n + 5) for n in range(2, 300)]
    running = request(Made(name="run", id=1, attributes=agent()), *many)
    running.resource_spans[0].scope_spans[0].spans[0].end_time_unix_nano = 0
    server.post("/v1/traces", running.SerializeToString())
    server.settled()
    page.goto(f"{server.url}/?view=trace&id={trace_id()}")
    page.get_by_text("live", exact=True).wait_for()
    row(page, "run").locator(".bar.unfinished").wait_for()
    page.keyboard.press("+")
    page.wait_for_url(re.compile(r"zoom="))  # the address follows a moment later
    page.locator(".waterfall").evaluate("box => { box.scrollTop = 3333; }")
    row(page, "step 135").click()
    # its details take room, and the row is brought into what is left: only then it rests
    page.get_by_role("complementary", name="Span").get_by_role("heading", name="step 135", exact=True).wait_for()
    scrolled, seen_before = page.locator(".waterfall").evaluate("box => box.scrollTop"), window(page)
    early = [Made(name=f"early {n}", id=1000 + n, parent=1, start=1, end=2) for n in range(50)]
    server.post("/v1/traces", request(*early).SerializeToString())
    page.get_by_text("349 spans").wait_for()
    page.locator("[aria-setsize='349']").first.wait_for()
    assert page.locator(".waterfall").evaluate("box => box.scrollTop") == scrolled + 50 * 26
    assert window(page) == seen_before
    assert row(page, "step 135").get_attribute("aria-selected") == "true"
    ended = request(Made(name="run", id=1, end=500, attributes=agent()))
    server.post("/v1/traces", ended.SerializeToString())
    page.locator(".waterfall").evaluate("box => { box.scrollTop = 0; }")
    row(page, "run").get_by_text("500.0 ms").wait_for()


def test_an_unknown_trace_has_a_way_back(browser: Browser, server: Serving) -> None:
    """The page says that it is not there, and links to those that are, also to the nearest by their ids."""
    send(server, request(*SPANS))
    page = browser.new_page()
    page.goto(f"{server.url}/?view=trace&id={'ab' * 16}")
    page.get_by_role("heading", name="This trace is not in the store").wait_for()
    page.get_by_role("alert").get_by_text("no trace").wait_for()
    page.get_by_role("link", name="The latest trace").click()
    row(page, "planner").wait_for()
    page.go_back()
    page.get_by_role("alert").get_by_role("link", name=trace_id()).click()
    row(page, "planner").wait_for()
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_names_stand_above_bars_on_a_phone(page: Page, server: Serving, scheme: Any) -> None:
    """At 390 pixels a row has its name and time above a bar of the whole width, and details do not hide the rows."""
    page.set_viewport_size({"width": 390, "height": 800})
    page.emulate_media(color_scheme=scheme)
    opened(page, server)
    name, lane = box_of(row(page, "planner").locator(".name")), box_of(row(page, "planner").locator(".lane"))
    assert lane["y"] >= name["y"] + name["height"] - 4
    assert lane["width"] > 340
    row(page, "fetch").click()
    details = page.get_by_role("complementary", name="Span")
    details.get_by_role("heading", name="fetch").wait_for()
    chosen, sheet = box_of(row(page, "fetch")), box_of(details)
    assert 0 < chosen["y"] < chosen["y"] + chosen["height"] <= sheet["y"]


@pytest.mark.parametrize("theme", [0, 2])
def test_colours_are_told_apart(theme: int) -> None:
    """Any two hues differ to eyes without red, green or blue receptors, and each has a contrast of 3 (WCAG 1.4.11)."""
    style = (PAGE / "style.css").read_text("utf-8")
    hues = [
        list(map(rgb, re.findall(r"--hue-\d: (#\w{6})", line))) for line in style.splitlines() if "--hue-0:" in line
    ]
    grounds = [
        list(map(rgb, re.findall(r"--(?:ground|raised): #(\w+)", line)))
        for line in style.splitlines()
        if "--ground:" in line
    ]
    assert min(contrast(hue, ground) for hue in hues[theme] for ground in grounds[theme]) >= 3
    coloured = hues[theme][1:]
    assert min(difference(one, other, eye) for one, other in combinations(coloured, 2) for eye in EYES) > 0.1


LABELS = "nodes => nodes.map((node) => node.getAttribute('aria-label'))"
# Machado, Oliveira, Fernandes: A Physiologically-based Model for Simulation of Color Vision Deficiency, 2009
EYES = (
    ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
)
# Ottosson: A perceptual color space for image processing, 2020
CONES = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
OKLAB = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)


def rgb(text: str) -> list[float]:
    """A colour in hex as linear light."""
    digits = text.lstrip("#")
    digits = "".join(each * 2 for each in digits) if len(digits) == 3 else digits
    channels = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    return [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]


def contrast(one: list[float], other: list[float]) -> float:
    """WCAG's contrast of two colours in linear light."""
    low, high = sorted(sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), each, strict=True)) for each in (one, other))
    return (high + 0.05) / (low + 0.05)


def difference(one: list[float], other: list[float], eye: Any) -> float:
    """How far two colours are apart in OKLab, as that eye sees them."""
    return math.dist(seen(one, eye), seen(other, eye))


def seen(colour: list[float], eye: Any) -> list[float]:
    """A colour in OKLab, as that eye sees it."""
    light = [min(1.0, max(0.0, value)) for value in times(eye, colour)]
    return times(OKLAB, [value ** (1 / 3) for value in times(CONES, light)])


def times(matrix: Any, vector: list[float]) -> list[float]:
    """Their product."""
    return [sum(a * b for a, b in zip(line, vector, strict=True)) for line in matrix]


def send(server: Serving, *requests: ExportTraceServiceRequest) -> None:
    """Send the requests, and wait for their totals."""
    for each in requests:
        assert server.post("/v1/traces", each.SerializeToString()).status == 200
    server.settled()


def opened(page: Page, server: Serving, more: str = "") -> None:
    """Send the trace and open its page."""
    send(server, request(*SPANS))
    page.goto(f"{server.url}/?view=trace&id={trace_id()}{more}")
    page.get_by_text("live", exact=True).wait_for()
    page.locator(f"#span-{span_id(8)}").wait_for()


def row(page: Page, name: str) -> Locator:
    """The row of the span with that name."""
    return page.get_by_role("treeitem", name=re.compile(f"(^|, ){name},"))


def box_of(node: Locator) -> Any:
    """Where it is, in pixels."""
    found = node.bounding_box()
    assert found is not None
    return found


def width(inside: Page | Locator, selector: str) -> float:
    """How wide it is, in pixels."""
    return float(box_of(inside.locator(selector))["width"])


def window(page: Page) -> tuple[float, float]:
    """From when to when the timeline shows, in milliseconds, as the address has it."""
    found = re.search(r"zoom=([\d.]+)-([\d.]+)", page.url)
    return (float(found[1]), float(found[2])) if found else (0.0, 0.0)


def drag(page: Page, start: float, end: float) -> None:
    """Drag over the overview between two shares of its width."""
    box = box_of(page.locator(".minimap"))
    page.mouse.move(box["x"] + start * box["width"], box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + end * box["width"], box["y"] + 20, steps=4)
    page.mouse.up()


def legend(page: Page) -> list[list[str | None]]:
    """Letter and words of each entry."""
    return [
        [item.locator(".letter").get_attribute("data-letter"), item.inner_text()]
        for item in page.locator(".legend li").all()
    ]
