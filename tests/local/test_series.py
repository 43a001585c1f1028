from __future__ import annotations

import json
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from otel_agent_telemetry.cli._usage import usage as usage_command
from otel_agent_telemetry.errors import InputError
from otel_agent_telemetry.local import Budget, Imported, Store, import_line, parse_budget, spent, usage
from otel_agent_telemetry.local.read.use._series import STACKS, series
from otel_agent_telemetry.local.store._hours import add_up_hour
from tests.local.browsing import Watched, has_count
from tests.local.made import START, Made, chat, request, tool
from tests.local.serving import Serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page, Route

CASES = sorted((Path(__file__).parents[1] / "data" / "cases").glob("*.jsonl"))
HOUR = 3600 * 10**9
FIGURES = ("calls", "errors", "tool_calls", "input_tokens", "output_tokens", "unpriced_calls")
PAID = {**chat("dear"), "gen_ai.usage.cost": 2.0}
OVERLAPPING = """() => {
  const boxes = [...document.querySelectorAll('.plot .tick')].map((text) => text.getBoundingClientRect());
  return [boxes.length, boxes.filter((box, index) => index && box.left < boxes[index - 1].right)];
}"""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page 1280 pixels wide."""
    opened = browser.new_page(viewport={"width": 1280, "height": 800})
    yield opened
    opened.close()


def fill(store: Store) -> None:
    """Have it read every case."""
    for case in CASES:
        for line in case.read_text(encoding="utf-8").splitlines():
            import_line(store, line, Imported())
    while store.settle():
        pass


@pytest.mark.parametrize("stack", STACKS)
def test_the_steps_add_up_to_the_usage(store: Store, stack: str) -> None:
    """Over the cases, the points of a key together are the row that ``usage`` has of it, cost included."""
    fill(store)
    with closing(store.reader()) as connection:
        over_time = series(connection, "hour", stack, top=1000)
        rows = {row["key"]: row for row in usage(connection, stack)}
    found: dict[str | None, list[Any]] = {}
    for point in over_time["points"]:
        found.setdefault(point["key"], []).append(point)
    assert found.keys() == rows.keys()
    for key, points in found.items():
        assert {name: sum(point[name] for point in points) for name in FIGURES} == {
            name: rows[key][name] or 0 for name in FIGURES
        }
        costs = [point["cost_usd"] for point in points if point["cost_usd"] is not None]
        assert (sum(costs) if costs else None) == pytest.approx(rows[key]["cost_usd"])


@pytest.mark.parametrize("stack", STACKS)
def test_the_first_of_a_use_are_the_first_of_all(store: Store, stack: str) -> None:
    """With the same figures, what has no name among them, whether an hour is added up already or not."""
    fill(store)
    for is_added_up in (False, True):
        while is_added_up and add_up_hour(store):
            pass
        with closing(store.reader()) as connection:
            rows = usage(connection, stack)
            assert [usage(connection, stack, limit=count) for count in (1, 2, 7)] == [rows[:1], rows[:2], rows[:7]]


@pytest.mark.parametrize(("stack", "keys"), [("model", ["dear"]), ("session", ["talk-2"])])
def test_what_is_beyond_the_top_is_added_up(store: Store, stack: str, keys: list[str]) -> None:
    """The key with the most tokens stands by itself, the two others are one."""
    for number, name in enumerate(("cheap", "free", "dear"), 0):
        talk = {"gen_ai.conversation.id": f"talk-{number}"}
        store.add_spans(request(Made(attributes={**chat(name, 10 * (number + 1)), **talk}), trace=number + 1))
    store.settle()
    with closing(store.reader()) as connection:
        found = series(connection, "day", stack, top=1)
    points = [(point["key"], point["start"], point["calls"], point["input_tokens"]) for point in found["points"]]
    assert (found["keys"], found["others"]) == (keys, 2)
    assert points == [("", "2026-11-21T00:00Z", 2, 30), (keys[0], "2026-11-21T00:00Z", 1, 30)]


@given(st.integers(1, 10**9), st.sampled_from(["hour", "day", "month"]))
def test_a_budget_is_read_as_it_is_written(cents: int, per: str) -> None:
    """What a budget is called names it again, in either way to write dollars."""
    budget = Budget(cents / 100, per)
    assert parse_budget(str(budget)) == budget
    assert parse_budget(f"$ {cents / 100:.2f} / {per.upper()}") == budget


@pytest.mark.parametrize(
    "text", ["5", "5/day", "5EUR/day", "5USD", "5USD/week", "-5USD/day", "USD/day", "", "1e3USD/day"]
)
def test_what_is_no_budget(text: str) -> None:
    """The error shows what was expected."""
    with pytest.raises(InputError, match="is not a budget; expected dollars per hour, day or month, such as 5USD/day"):
        parse_budget(text)


@pytest.mark.parametrize(
    ("per", "dollars", "since"), [("hour", 2, "22:00"), ("day", 4, "00:00"), ("month", 6, "00:00")]
)
def test_a_budget_is_of_the_calendar(store: Store, per: str, dollars: float, since: str) -> None:
    """Of calls in this hour, earlier today and earlier this month, only those of the period are spent."""
    for number, earlier in enumerate((0, 3, 50), 1):
        store.add_spans(request(Made(attributes=PAID), trace=number, start_ns=START - earlier * HOUR))
    store.settle()
    with closing(store.reader()) as connection:
        found = spent(connection, Budget(3, per), START + 60 * 10**9)
    assert (found["spent_usd"], found["is_over"], found["since"][11:16]) == (dollars, dollars > 3, since)


@pytest.mark.parametrize(("budget", "code"), [("1USD/day", 5), ("9USD/day", 0)])
def test_usage_exits_with_5_over_a_budget(tmp_path: Path, budget: str, code: int) -> None:
    """The rows are printed as ever; the exit code, a line on stderr and the JSON tell whether it is over."""
    db = tmp_path / "traces.sqlite"
    with closing(Store(db)) as store:
        store.add_spans(request(Made(attributes=PAID), start_ns=time.time_ns()))
    done = CliRunner().invoke(usage_command, ["--db", str(db), "--budget", budget])
    assert (done.exit_code, "dear" in done.stdout) == (code, True)
    assert f"$2.00 of ${budget[0]} a day spent since" in done.stderr
    told = CliRunner().invoke(usage_command, ["--db", str(db), "--budget", budget, "--json"])
    assert (told.exit_code, [each["is_over"] for each in json.loads(told.stdout)["budgets"]]) == (code, [code == 5])


def test_the_chart_is_read_by_keys(page: Page, server: Serving) -> None:
    """Arrows walk the steps, also those in which nothing happened, and a table has the same figures."""
    server.store.add_spans(request(Made(attributes=chat("one", 100, 10))))
    server.store.add_spans(request(Made(attributes=chat("two", 1000, 100)), trace=2, start_ns=START + 2 * HOUR))
    server.settled()
    watched = Watched(page, server.url)
    page.goto(f"{server.url}/?view=usage")
    page.get_by_role("application", name="tokens by model, each hour").focus()
    readout = page.locator(".readout")
    shown = [readout.inner_text()]
    for key in ("ArrowLeft", "ArrowLeft", "End"):
        page.keyboard.press(key)
        shown.append(readout.inner_text())
    assert shown == [
        "2026-11-22 00:00 UTC: two 1,100",
        "2026-11-21 23:00 UTC: nothing",
        "2026-11-21 22:00 UTC: one 110",
        "2026-11-22 00:00 UTC: two 1,100",
    ]
    page.get_by_text("As a table").click()
    assert page.locator(".wide-table tbody tr").all_inner_texts() == [
        "2026-11-21 22:00 UTC\t\t110",
        "2026-11-22 00:00 UTC\t1,100\t",
    ]
    assert watched.wrong == []


def test_the_state_of_the_chart_is_in_the_address(page: Page, server: Serving) -> None:
    """Measure, step and scale stay over a reload; on a logarithmic scale a hundredth is a third as high."""
    for number, tokens in enumerate((100, 10_000), 1):
        store_at = START + number * 24 * HOUR
        server.store.add_spans(request(Made(attributes=chat("one", tokens, 0)), trace=number, start_ns=store_at))
    server.settled()
    page.goto(f"{server.url}/?view=usage")
    heights = "[...document.querySelectorAll('.plot rect.tone-0')].map((bar) => Number(bar.getAttribute('height')))"
    for label, value in (("Measure", "input"), ("Step", "day"), ("Scale", "log")):
        page.get_by_label(label).select_option(value)
        page.wait_for_url(f"**{value}**")
    page.reload()
    page.get_by_role("application", name="tokens in by model, each day").wait_for()
    has_count(page.locator(".plot rect.tone-0"), 2)
    low, high = page.evaluate(heights)
    assert (page.get_by_label("Scale").input_value(), low * 3.1 > high > low) == ("log", True)


@pytest.mark.parametrize("width", [1280, 700, 390])
def test_labels_never_overlap(page: Page, server: Serving, width: int) -> None:
    """Of two weeks of hours as many labels are shown as fit beside each other."""
    for number in range(8):
        at = START + number * 48 * HOUR
        server.store.add_spans(request(Made(attributes=chat()), trace=number + 1, start_ns=at))
    server.settled()
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{server.url}/?view=usage")
    page.locator(".plot .tick").first.wait_for()
    count, overlapping = page.evaluate(OVERLAPPING)
    assert (count >= 3, overlapping) == (True, [])


def test_a_call_without_a_price_is_marked(page: Page, server: Serving) -> None:
    """In the chart of costs, a step with such a call has a mark, and its words say how many there are."""
    server.store.add_spans(request(Made(id=1, attributes=PAID), Made(id=2, attributes=chat("nobody-knows"))))
    server.settled()
    page.goto(f"{server.url}/?view=usage&measure=cost")
    page.get_by_role("application", name="cost by model, each hour").focus()
    page.get_by_text("dear $2.00 (1 call without a price)").wait_for()
    assert page.locator(".plot .mark").all_text_contents() == ["?"]


def test_a_spent_budget_warns_on_every_view(page: Page, tmp_path: Path) -> None:
    """Once more than the budget is spent, a line stands above all views, and the chart of costs has it as a line."""
    with Serving(tmp_path / "t.sqlite", budgets=[parse_budget("1USD/day"), parse_budget("9USD/month")]) as server:
        server.store.add_spans(request(Made(attributes=PAID), start_ns=time.time_ns()))
        server.settled()
        page.goto(server.url)
        page.get_by_role("status").get_by_text("$2.00 of $1 spent today: over the budget", exact=True).wait_for()
        page.goto(f"{server.url}/?view=usage&measure=cost&step=day")
        page.get_by_role("list", name="Budgets").get_by_text("$2.00 of $9 spent this month").wait_for()
        assert page.locator(".plot .limit").all_text_contents() == ["budget $1"]
        assert page.get_by_text("$2.00 of $1 spent today").filter(visible=True).count() == 1


def test_of_overlapping_questions_the_last_counts(page: Page, server: Serving) -> None:
    """An answer that comes late does not take the place of what was asked for after it."""
    server.store.add_spans(request(Made(id=1, attributes=chat("slow")), Made(id=2, attributes=tool("quick"))))
    server.settled()
    page.goto(f"{server.url}/?view=usage")
    page.get_by_role("row", name="slow").wait_for()
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/api/series?step=day&stack=model*", hold)
    page.get_by_label("Step").select_option("day")
    page.get_by_label("Group by").select_option("tool")
    by_tool = page.get_by_role("application", name="tokens by tool, each day")
    by_tool.wait_for()
    page.get_by_role("row", name="quick").wait_for()
    with page.expect_response("**/api/series?step=day&stack=model*") as late:
        held[0].continue_()
    late.value.finished()
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert (by_tool.count(), page.get_by_role("row", name="slow").count()) == (1, 0)
