from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from otel_agent_telemetry.cli._logs import logs as logs_command
from otel_agent_telemetry.errors import InputError
from otel_agent_telemetry.local import SEVERITIES, LogFilter, Store, list_logs
from tests.local.browsing import Watched, chromium
from tests.local.made import START, Made, request, span_id, trace_id
from tests.local.signals import SECOND, log, logs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.local.serving import Serving


def fill(store: Store) -> None:
    """Four records of two services, two of them in a span that is stored."""
    store.add_spans(request(Made(name="ask", id=1), Made(name="look up", id=2, parent=1)))
    store.add_logs(
        logs(
            log("starting", at=0, severity=5),
            log("Order 7 is late", at=2, severity=13, trace=1, span=2, order=7),
            log("no index", at=3, severity=17, trace=1, span=1),
        )
    )
    store.add_logs(logs(log("the van left", at=1, trace=9, span=1), service="depot"))
    store.settle()


def bodies(store: Store, **wanted: Any) -> list[str | None]:
    """The texts of the records that match."""
    with closing(store.reader()) as connection:
        return [each["body"] for each in list_logs(connection, LogFilter(**wanted))]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, ["no index", "Order 7 is late", "the van left", "starting"]),
        ({"severity": "warn"}, ["no index", "Order 7 is late"]),
        ({"severity": "fatal"}, []),
        ({"text": "ORDER 7"}, ["Order 7 is late"]),
        ({"text": "order"}, ["Order 7 is late"]),
        ({"service": "depot"}, ["the van left"]),
        ({"trace": "latest"}, ["no index", "Order 7 is late"]),
        ({"trace": trace_id(1), "span": span_id(2)}, ["Order 7 is late"]),
        ({"span": span_id(1)}, ["no index", "the van left"]),
        ({"since_ns": START + SECOND, "until_ns": START + 2 * SECOND}, ["Order 7 is late", "the van left"]),
    ],
)
def test_records_are_found(store: Store, wanted: dict[str, Any], expected: list[str]) -> None:
    """By severity and above, any text, service, trace, span and time; the latest first."""
    fill(store)
    assert bodies(store, **wanted) == expected


@pytest.mark.parametrize("has_time", [True, False], ids=["with a time", "without"])
@pytest.mark.parametrize("number", [0, 1, 4, 5, 9, 12, 13, 16, 17, 21, 24])
def test_each_severity_is_found_by_its_bytes(store: Store, number: int, has_time: Any) -> None:
    """A record is listed from its own severity down, whatever fields stand around the severity."""
    made = log("x", severity=number)
    made.observed_time_unix_nano, made.severity_text, made.flags = START, "TEXT", 1
    if not has_time:
        made.ClearField("time_unix_nano")
    store.add_logs(logs(made))
    found = [name for name in SEVERITIES if bodies(store, severity=name)]
    assert found == [name for name, least in SEVERITIES.items() if least <= number]


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({"severity": "loud"}, "'loud' is not a severity; expected one of trace, debug, info, warn, error, fatal"),
        ({"span": "xyz"}, "'xyz' is no span's id; expected 16 hexadecimal digits"),
        ({"trace": "ff"}, "ff"),
    ],
)
def test_what_cannot_be_looked_for(store: Store, wanted: dict[str, str], says: str) -> None:
    """The error names the value and what was expected."""
    fill(store)
    with pytest.raises(InputError, match=says):
        bodies(store, **wanted)


def test_a_record_says_whether_its_trace_is_there(store: Store) -> None:
    """Of a record without a trace, one whose trace is stored, and one whose is not."""
    fill(store)
    with closing(store.reader()) as connection:
        found = list_logs(connection, LogFilter())
    assert [(each["trace_id"], each["trace_known"], each["span_id"]) for each in found] == [
        (trace_id(1), True, span_id(1)),
        (trace_id(1), True, span_id(2)),
        (trace_id(9), False, span_id(1)),
        (None, False, None),
    ]


@pytest.mark.parametrize("service", ["claude-code", "shop"])
def test_content_is_hidden_unless_asked_for(store: Store, service: str) -> None:
    """What a coding agent was asked, and messages of the conventions' events, are counted but not shown."""
    event = "claude_code.user_prompt" if service == "claude-code" else "gen_ai.client.inference.operation.details"
    store.add_logs(logs(log("my secret", event=event, prompt="where is it?", model="opus"), service=service))
    with closing(store.reader()) as connection:
        (shown,) = list_logs(connection, LogFilter())
        (asked,) = list_logs(connection, LogFilter(), content=True)
    assert (shown["attributes"], shown["body"], shown["hidden"]) == ({"model": "opus"}, None, 2)
    assert (asked["attributes"], asked["body"], asked["hidden"]) == (
        {"prompt": "where is it?", "model": "opus"},
        "my secret",
        0,
    )


def test_pages_do_not_overlap(store: Store) -> None:
    """Records of one moment keep their order over pages."""
    store.add_logs(logs(*(log(f"number {number}") for number in range(5))))
    with closing(store.reader()) as connection:
        pages = [list_logs(connection, LogFilter(), limit=2, offset=offset) for offset in (0, 2, 4)]
    assert [each["body"] for page in pages for each in page] == [f"number {number}" for number in (4, 3, 2, 1, 0)]


def test_an_empty_record_is_shown(store: Store) -> None:
    """A record with nothing in it has no severity, no event and no text."""
    store.add_logs(logs(LogRecord()))
    with closing(store.reader()) as connection:
        (found,) = list_logs(connection, LogFilter())
    assert (found["severity"], found["event"], found["body"], found["attributes"]) == ("", None, None, {})


def test_the_command_prints_the_latest_last(tmp_path: Path) -> None:
    """Rows as a log file has them, narrowed by the options; JSON keeps UTC."""
    db = tmp_path / "t.sqlite"
    with closing(Store(db)) as store:
        fill(store)
    shown = CliRunner().invoke(logs_command, ["--db", str(db), "--trace", "latest"]).stdout.splitlines()[1:]
    assert [line.rpartition("  ")[2] for line in shown] == ["Order 7 is late", "no index"]
    told = json.loads(CliRunner().invoke(logs_command, ["--db", str(db), "--severity", "error", "--json"]).stdout)
    assert [(each["time"], each["body"]) for each in told] == [("2026-11-21T22:09:31.000000Z", "no index")]
    none = CliRunner().invoke(logs_command, ["--db", str(db), "--text", "nowhere"])
    assert (none.exit_code, none.stdout, none.stderr) == (0, "", "No log record matches; leave out a filter.\n")


@pytest.fixture
def page(server: Serving) -> Iterator[Page]:
    """The page of logs on which nothing may go wrong."""
    fill(server.store)
    with chromium() as browser:
        opened = browser.new_page()
        watched = Watched(opened, server.url)
        opened.goto(server.url)
        opened.get_by_text("live", exact=True).wait_for()
        opened.keyboard.press("g")
        opened.keyboard.press("o")
        opened.get_by_text("starting").wait_for()
        yield opened
        assert watched.wrong == []


def test_the_page_searches_and_leads_to_the_span(page: Page) -> None:
    """A search stands in the address; a record opens to its attributes, and its trace opens at its span."""
    page.get_by_label("Text").fill("late")
    page.keyboard.press("Enter")
    page.wait_for_url("**/?view=logs&text=late")
    page.get_by_text("starting").wait_for(state="detached")
    page.get_by_text("1 attribute", exact=True).click()
    page.get_by_role("cell", name="order").wait_for()
    page.get_by_role("link", name="trace 00000000").click()
    page.get_by_role("treeitem", name="look up", selected=True).wait_for()


def test_the_page_shows_what_arrives(page: Page, server: Serving) -> None:
    """A new record appears by itself, above the others."""
    server.store.add_logs(logs(log("just now", at=60)))
    page.get_by_text("just now").wait_for()
    assert page.locator(".log-text").all_inner_texts()[0] == "just now"


def test_the_page_has_older_records(page: Page, server: Serving) -> None:
    """Fifty at a time: the earliest is on the second page."""
    server.store.add_logs(logs(*(log(f"number {number}", at=10) for number in range(50))))
    page.get_by_text("number 0", exact=True).wait_for()
    page.get_by_role("button", name="Older").click()
    page.get_by_text("starting").wait_for()
    assert page.locator(".log-text").all_inner_texts() == ["no index", "Order 7 is late", "the van left", "starting"]


def test_the_page_shows_anonymous_events(page: Page, server: Serving) -> None:
    """What came to the doors for events is listed byte for byte."""
    body = b'{"product": "acme", "event": "tool.called", "properties": {}}'
    assert server.post("/v1/events", body, "application/json").status == 200
    page.get_by_role("link", name="Anonymous events received here").click()
    page.get_by_text("tool.called", exact=True).wait_for()
    page.get_by_text("the body, as it is").click()
    assert page.locator("pre").inner_text() == body.decode()
