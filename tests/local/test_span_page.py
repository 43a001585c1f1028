"""A span's panel in a real browser, and what is copied and taken away from a trace's page."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from otel_agent_telemetry.local import Imported, Store, import_line
from tests.local.browsing import Watched
from tests.local.made import START, Made, agent, any_value, chat, request, span_id, tool, trace_id
from tests.local.serving import JSON

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
    from playwright.sync_api import Browser, Locator, Page, Route

    from tests.local.serving import Serving

ASKED = [{"role": "user", "parts": [{"type": "text", "content": "where is my order?"}]}]
TOLD = [{"role": "assistant", "parts": [{"type": "text", "content": "on its way"}]}]
SAID = {"gen_ai.input.messages": json.dumps(ASKED), "gen_ai.output.messages": json.dumps(TOLD)}
SPANS = (
    Made(name="run", id=1, attributes=agent()),
    Made(name="call", id=2, parent=1, start=5, end=60, attributes={**chat(), **SAID}),
    Made(name="search", id=3, parent=1, start=60, end=90, attributes=tool(), error=True),
)


@pytest.fixture
def page(browser: Browser, server: Serving) -> Iterator[Page]:
    """A page with a clipboard, on which nothing may go wrong, and that talks to the server alone."""
    opened = browser.new_page(viewport={"width": 1280, "height": 800})
    opened.context.grant_permissions(["clipboard-read", "clipboard-write"])
    watched = Watched(opened, server.url)
    yield opened
    opened.close()
    assert watched.wrong == []


def test_what_failed_comes_first(page: Page, server: Serving) -> None:
    """The message of the failure stands right below the span's name, its type and stack trace below it."""
    made = request(*SPANS)
    span = made.resource_spans[0].scope_spans[0].spans[2]
    thrown = {"exception.type": "IndexGone", "exception.message": "no index", "exception.stacktrace": "line 7"}
    event = span.events.add(name="exception", time_unix_nano=span.start_time_unix_nano + 10**7)
    event.attributes.extend(KeyValue(key=key, value=any_value(value)) for key, value in thrown.items())
    details = open_span(page, server, 3, made)
    assert details.locator("h1 + pre.failure").inner_text() == "no index"
    details.get_by_role("heading", name="Exception IndexGone, after 10.0 ms").wait_for()
    details.get_by_text("line 7", exact=True).wait_for()


def test_a_link_leads_to_what_is_stored(page: Page, server: Serving) -> None:
    """A link to another trace can be followed where the store has it; else its id is told."""
    made = request(*SPANS)
    links = made.resource_spans[0].scope_spans[0].spans[1].links
    for number in (8, 9):
        links.add(trace_id=number.to_bytes(16, "big"), span_id=(1).to_bytes(8, "big"))
    details = open_span(page, server, 2, made, request(Made(name="the other"), trace=8))
    details.get_by_text(f"{trace_id(9)}, which is not in the store").wait_for()
    details.get_by_role("link", name=trace_id(8)[:16]).click()
    page.get_by_role("treeitem", name="the other").wait_for()


def test_a_trace_that_was_left_does_not_come_back(page: Page, server: Serving) -> None:
    """Where it grows while another one is opened, the answer about it is late, and stays away."""
    for trace in (8, 9):
        server.store.add_spans(request(Made(name=f"of {trace}"), trace=trace))
    server.settled()
    page.goto(f"{server.url}/?view=trace&id={trace_id(8)}")
    page.get_by_role("treeitem", name="of 8").wait_for()
    page.get_by_text("live", exact=True).wait_for()
    held: list[Route] = []
    asked = f"**/api/traces/{trace_id(8)}?"

    def hold(route: Route) -> None:
        held.append(route)

    page.route(asked, hold)
    with page.expect_request(asked):
        server.store.add_spans(request(Made(name="more of 8", id=2), trace=8))
        server.settled()
    page.evaluate(f"history.pushState(null, '', '?view=trace&id={trace_id(9)}'); dispatchEvent(new Event('popstate'))")
    page.get_by_role("treeitem", name="of 9").wait_for()
    with page.expect_response(asked) as late:
        held[0].continue_()
    late.value.finished()
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert [page.get_by_role("treeitem", name=f"of {trace}").count() for trace in (8, 9)] == [0, 1]


def test_log_records_stand_beside_their_span(page: Page, server: Serving) -> None:
    """Severity, text, attributes and when; those of another span are not there."""
    logs = ExportLogsServiceRequest()
    for number in (2, 3):
        record = logs.resource_logs.add().scope_logs.add().log_records.add(severity_number=13)
        record.time_unix_nano, record.trace_id = START + 70 * 10**6, bytes.fromhex(trace_id())
        record.span_id, record.body.string_value = bytes.fromhex(span_id(number)), f"said by {number}"
    server.post("/v1/logs", logs.SerializeToString())
    details = open_span(page, server, 3, request(*SPANS))
    details.get_by_role("heading", name="Log record", exact=True).wait_for()
    assert details.locator(".log-text").all_inner_texts() == ["said by 3"]
    assert details.locator(".log .severity").all_inner_texts() == ["warn"]


def test_content_of_a_coding_agent_is_shown_when_asked(page: Page, server: Serving) -> None:
    """What a span and its log records may hold of prompts is hidden, counted, and there after a press."""
    logs = ExportLogsServiceRequest()
    of_resource = logs.resource_logs.add()
    of_resource.resource.attributes.append(KeyValue(key="service.name", value=any_value("qwen-code")))
    record = of_resource.scope_logs.add().log_records.add(time_unix_nano=START + 10**6)
    record.trace_id, record.span_id = bytes.fromhex(trace_id()), bytes.fromhex(span_id())
    record.body.string_value = "a secret"
    server.post("/v1/logs", logs.SerializeToString())
    said = {**agent(), "prompt": "another secret"}
    details = open_span(page, server, 1, request(Made(attributes=said), service="qwen-code"))
    details.get_by_text("2 values are hidden, as they may be content.").wait_for()
    assert "secret" not in details.inner_text()
    details.get_by_role("button", name="Show them").click()
    details.get_by_text("a secret", exact=True).wait_for()
    details.get_by_text("another secret", exact=True).wait_for()


def test_a_span_is_copied_as_otlp_json(page: Page, server: Serving) -> None:
    """What is copied is a request that any OTLP receiver takes: a store that reads it has the span."""
    details = open_span(page, server, 2, request(*SPANS))
    details.get_by_role("button", name="Copy as JSON").click()
    details.get_by_role("button", name="Copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert server.post("/v1/traces", copied.replace(trace_id(), trace_id(5)).encode(), JSON).status == 200
    server.settled()
    assert [span["name"] for span in server.get(f"/api/traces/{trace_id(5)}")["spans"]] == ["call"]


def test_a_prompt_is_copied_as_text(page: Page, server: Serving) -> None:
    """What the model was given, without its answer."""
    details = open_span(page, server, 2, request(*SPANS))
    details.get_by_role("button", name="Copy prompt").click()
    details.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == "user:\nwhere is my order?"


def test_without_a_clipboard_there_is_a_text_to_select(page: Page, server: Serving) -> None:
    """Where the browser gives none, as on a plain http address, the text stands selected in a dialog."""
    page.add_init_script("Object.defineProperty(window, 'isSecureContext', { value: false })")
    open_span(page, server, 2, request(*SPANS))
    page.get_by_role("button", name="Copy id", exact=True).click()
    dialog = page.get_by_role("dialog", name="Copy id")
    dialog.wait_for()
    assert page.evaluate("getSelection().toString() || document.activeElement.value") == trace_id()
    assert page.evaluate("[document.activeElement.selectionStart, document.activeElement.selectionEnd]") == [0, 32]
    page.keyboard.press("e")
    assert page.locator("[data-toggle=errors]").get_attribute("aria-pressed") == "false"
    page.keyboard.press("Escape")
    dialog.wait_for(state="detached")


@pytest.mark.parametrize(
    ("label", "name"),
    [("OTLP JSON lines", ".jsonl"), ("Chrome trace", ".trace.json"), ("CSV", ".csv")],
)
def test_a_trace_is_saved(page: Page, server: Serving, tmp_path: Path, label: str, name: str) -> None:
    """In each format as a file; a prompt is in it only with the tick."""
    open_span(page, server, 2, request(*SPANS))
    whole = saved(page, label, tmp_path / "whole", content=True)
    bare = saved(page, label, tmp_path / "bare", content=False)
    assert whole.suggested == bare.suggested == f"trace-{trace_id()[:16]}{name}"
    assert "where is my order" not in bare.text
    assert ("where is my order" in whole.text) == (label != "CSV")
    assert all(word in bare.text for word in ("run", "call", "search"))


def test_a_saved_trace_can_be_read_again(page: Page, server: Serving, tmp_path: Path) -> None:
    """OTLP JSON lines from the page are what `import` reads."""
    open_span(page, server, 2, request(*SPANS))
    text = saved(page, "OTLP JSON lines", tmp_path / "lines", content=True).text
    store, read = Store(tmp_path / "again.sqlite"), Imported()
    for line in text.splitlines():
        import_line(store, line, read)
    store.close()
    assert (read.spans, read.refused_spans) == (3, 0)


def test_the_keyboard_help_names_the_keys(page: Page, server: Serving) -> None:
    """Every key that the timeline knows is in the help."""
    open_span(page, server, 2, request(*SPANS))
    page.keyboard.press("?")
    listed = set(page.get_by_role("dialog", name="Keyboard").locator("kbd").all_inner_texts())
    assert {"+", "-", "0", "[", "]", "f", "p", "e", "c", "Shift", "←", "→"} <= listed


class Saved:
    """A downloaded file: the name that the page gave it, and its text."""

    def __init__(self, suggested: str, path: Path) -> None:
        self.suggested = suggested
        self.text = path.read_text("utf-8")


def saved(page: Page, label: str, path: Path, *, content: bool) -> Saved:
    """Save the trace in that format."""
    page.get_by_role("button", name="Export…").click()
    dialog = page.get_by_role("dialog", name="Export this trace")
    dialog.get_by_label(label).check()
    if content:
        dialog.get_by_label("with prompts").check()
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Save").click()
    download.value.save_as(path)
    dialog.wait_for(state="detached")
    return Saved(download.value.suggested_filename, path)


def open_span(page: Page, server: Serving, number: int, *requests: ExportTraceServiceRequest) -> Locator:
    """Send the requests, open the first trace with that span, and give back its panel."""
    for each in requests:
        assert server.post("/v1/traces", each.SerializeToString()).status == 200
    server.settled()
    page.goto(f"{server.url}/?view=trace&id={trace_id()}&span={span_id(number)}")
    details = page.get_by_role("complementary", name="Span")
    details.get_by_role("button", name="Copy as JSON").wait_for()
    return details
