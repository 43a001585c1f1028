from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from otel_agent_telemetry.cli._errors import errors as errors_command
from otel_agent_telemetry.local import Imported, Store, errors, import_line
from tests.local.browsing import Watched, chromium
from tests.local.corpus import PART, files, lines
from tests.local.made import START, Made, agent, chat, request, span_id, tool, trace_id
from tests.local.signals import pairs

if TYPE_CHECKING:
    from otel_agent_telemetry.local import ErrorShape
    from tests.local.serving import Serving

DATA = Path(__file__).parents[1] / "data"
CASES = [
    *sorted((DATA / "cases").glob("*.jsonl")),
    *(each for name in ("dialects", "harnesses") for each in files(DATA / name)),
]
RAISED = Made(name="execute_tool search", id=5, parent=4, attributes={**tool(), "error.type": "IndexGone"}, error=True)


def failing(*, trace: int = 1, message: str = "no index", service: str = "shop") -> Any:
    """A failed tool call, which four spans around it report too; the root has a plain span between."""
    made = request(
        Made(name="POST /ask", id=1, error=True),
        Made(name="run", id=2, parent=1, attributes=agent(), error=True),
        Made(name="step", id=3, parent=2),
        Made(name="chain", id=4, parent=3, attributes={"error.type": "Wrapped"}, error=True),
        RAISED,
        trace=trace,
        service=service,
        start_ns=START + trace * 10**9,
    )
    made.resource_spans[0].scope_spans[0].spans[4].status.message = message
    return made


def found_in(store: Store, **wanted: Any) -> list[ErrorShape]:
    """The groups, once all is settled."""
    while store.settle():
        pass
    with closing(store.reader()) as connection:
        return errors(connection, **wanted)["errors"]


def test_a_failure_counts_once(store: Store) -> None:
    """Of five spans that tell of it the one where it began is listed; the latest trace's message is shown."""
    store.add_spans(failing(trace=1))
    store.add_spans(failing(trace=2, message="still none"))
    assert found_in(store) == [
        {
            "type": "IndexGone",
            "category": "tool_error",
            "service": "shop",
            "name": "execute_tool search",
            "message": "still none",
            "occurrences": 2,
            "traces": 2,
            "first_seen": "2026-11-21T22:09:29.000000Z",
            "last_seen": "2026-11-21T22:09:30.000000Z",
            "trace_links": [
                {
                    "trace_id": trace_id(number),
                    "span_id": span_id(5),
                    "name": "POST /ask",
                    "start": f"2026-11-21T22:09:{28 + number}.000000Z",
                }
                for number in (2, 1)
            ],
        }
    ]


def test_groups_are_by_type_and_place(store: Store) -> None:
    """Another type, another service and another operation are other groups, the latest first."""
    store.add_spans(failing())
    store.add_spans(failing(trace=2, service="depot"))
    timeout = {**chat(), "error.type": "ReadTimeout"}
    store.add_spans(request(Made(name="chat", attributes=timeout, error=True), trace=3, start_ns=START + 3 * 10**9))
    assert [(error["type"], error["service"], error["name"]) for error in found_in(store)] == [
        ("ReadTimeout", "shop", "chat"),
        ("IndexGone", "depot", "execute_tool search"),
        ("IndexGone", "shop", "execute_tool search"),
    ]
    assert [error["service"] for error in found_in(store, service="depot")] == ["depot"]
    assert [error["type"] for error in found_in(store, since_ns=START + 3 * 10**9)] == ["ReadTimeout"]


def test_the_exception_tells_what_the_span_does_not(store: Store) -> None:
    """Where a span has neither error.type nor a message, those of its exception are shown."""
    made = request(Made(name="save", error=True))
    said = {"exception.type": "DiskFull", "exception.message": "no space left"}
    made.resource_spans[0].scope_spans[0].spans[0].events.add(name="exception").attributes.extend(pairs(said))
    store.add_spans(made)
    assert [(error["type"], error["message"]) for error in found_in(store)] == [("DiskFull", "no space left")]


def test_a_cancelled_run_is_no_failure(store: Store) -> None:
    """What was cancelled is not in the list, as it is not among a trace's failures."""
    store.add_spans(request(Made(attributes={**agent(), "error.type": "asyncio.CancelledError"}, error=True)))
    assert found_in(store) == []


@pytest.mark.parametrize("captures", [*CASES, *files(PART)], ids=lambda path: path.stem)
def test_each_trace_has_as_many_as_its_row_says(tmp_path: Path, captures: Path) -> None:
    """Failures are as many as ``traces`` has; in traces of coding agents, whose runs fail as one, as ``sessions``."""
    with closing(Store(tmp_path / "t.sqlite")) as store:
        for line in lines(captures) if captures.suffix == ".json" else captures.read_text("utf-8").splitlines():
            import_line(store, line, Imported())
        groups = found_in(store)
        with closing(store.reader()) as connection:
            of_agents = "(SELECT trace FROM steps WHERE evidence IS NOT NULL)"
            (of_traces,) = connection.execute(f"SELECT sum(errors) FROM traces WHERE id NOT IN {of_agents}").fetchone()
            query = f"SELECT sum(errors) FROM attendances WHERE trace IN {of_agents}"
            (of_sessions,) = connection.execute(query).fetchone()
    assert sum(error["occurrences"] for error in groups) == (of_traces or 0) + (of_sessions or 0)


def test_the_command_prints_them(tmp_path: Path) -> None:
    """A row for each group with its message, and the same as JSON; the service can be chosen."""
    db = tmp_path / "t.sqlite"
    with closing(Store(db)) as store:
        store.add_spans(failing())
        store.add_spans(failing(trace=2, service="depot"))
    shown = CliRunner().invoke(errors_command, ["--db", str(db), "--service", "shop"]).stdout.splitlines()
    assert [line.split("  ")[0] for line in shown] == ["ERROR", "IndexGone"]
    assert "no index" in shown[1]
    assert trace_id(1)[:16] in shown[1]
    told = json.loads(CliRunner().invoke(errors_command, ["--db", str(db), "--json"]).stdout)
    assert [(error["service"], error["occurrences"]) for error in told] == [("depot", 1), ("shop", 1)]


def test_the_page_leads_to_the_span(server: Serving) -> None:
    """The list has the message; its traces open below it, and a click shows the very span. ``g e`` opens the list."""
    server.store.add_spans(failing())
    server.settled()
    with chromium() as browser:
        page = browser.new_page()
        watched = Watched(page, server.url)
        page.goto(server.url)
        page.get_by_text("live", exact=True).wait_for()
        _press(page, "g", "e")
        page.get_by_role("cell", name="IndexGone").get_by_text("no index").wait_for()
        page.get_by_text("its trace", exact=True).click()
        page.get_by_role("link", name="POST /ask").click()
        page.wait_for_url(f"**/?view=trace&id={trace_id(1)}&span={span_id(5)}")
        page.get_by_role("complementary", name="Span").get_by_text("no index").first.wait_for()
        assert watched.wrong == []


def test_what_is_open_stays_open(server: Serving) -> None:
    """More of the same failure, and another one, come while somebody looks at the traces of it."""
    server.store.add_spans(failing())
    server.settled()
    with chromium() as browser:
        page = browser.new_page()
        page.goto(f"{server.url}/?view=errors")
        page.get_by_text("live", exact=True).wait_for()
        page.get_by_text("its trace", exact=True).click()
        page.get_by_role("link", name="POST /ask").wait_for()
        server.store.add_spans(failing(trace=2))
        server.store.add_spans(failing(trace=3, service="depot"))
        server.settled()
        page.get_by_text("its 2 traces", exact=True).wait_for()
        page.get_by_role("row").filter(has_text="depot").wait_for()
        assert page.get_by_role("link", name="POST /ask").count() == 2


def _press(page: Any, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_the_page_keeps_the_service_that_was_chosen(server: Serving) -> None:
    """A service narrows the list, stands in the address, and is still chosen after a reload."""
    for number, service in enumerate(("shop", "depot"), 1):
        server.store.add_spans(failing(trace=number, service=service))
    server.settled()
    with chromium() as browser:
        page = browser.new_page()
        page.goto(f"{server.url}/?view=errors")
        page.get_by_role("row", name="depot").wait_for()
        page.get_by_label("Service").select_option("shop")
        page.get_by_role("row", name="depot").wait_for(state="detached")
        page.reload()
        page.get_by_role("row", name="shop").wait_for()
        assert (page.get_by_label("Service").input_value(), page.get_by_role("row", name="depot").count()) == (
            "shop",
            0,
        )


def test_failures_of_one_service_are_found_behind_those_of_others(store: Store) -> None:
    """However many traces of others failed since."""
    store.add_spans(failing(trace=1, service="quiet"))
    for number in (2, 3, 4):
        store.add_spans(failing(trace=number, service="loud"))
    found = {name: found_in(store, service=name, most_traces=1) for name in ("quiet", "loud", "nobody")}
    assert [[error["service"] for error in each] for each in found.values()] == [["quiet"], ["loud"], []]
