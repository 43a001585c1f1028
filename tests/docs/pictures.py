"""``python -m tests.docs.pictures [NAME...]``: the pictures of the documentation, taken anew in Chromium.

Each shows the page of today over data that is made here: the demo's traces, a captured run of Claude Code, costs and a
product's life drawn from a seed. What a picture has to show is waited for, so that a page without it gives none.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from examples.scripted_model import ModelServer
from otel_agent_telemetry.cli._outbox import Ledgers
from otel_agent_telemetry.local import parse_budget
from otel_agent_telemetry.maintainers.book._arrivals import Reader
from otel_agent_telemetry.maintainers.book._book import Book
from tests.cli.command import COMMAND, environment
from tests.docs.blocks import ROOT
from tests.local.browsing import chromium
from tests.local.made import Made, chat, request
from tests.local.serving import Serving
from tests.maintainers.proxy import Proxy
from tests.maintainers.synthetic import Life
from tests.recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from playwright.sync_api import Browser, Page

_IMAGES = ROOT / "docs" / "images"
_CAPTURED = ROOT / "tests" / "data" / "harnesses" / "claude__subagent.json"
_ASSISTANT = """
from agents import Agent, Runner, function_tool
import otel_agent_telemetry as telemetry


@function_tool
def get_weather(city: str) -> str:
    return f"{city}: sunny, 21 degrees"


agent = Agent(name="assistant", model="gpt-5-mini", tools=[get_weather])
for question in ("What is the weather in Lisbon?", "Thank you. Anything else?"):
    with telemetry.session(agent="assistant", id="talk-1"):
        Runner.run_sync(agent, question)
"""
_SHOP = """
import time
import otel_agent_telemetry as telemetry

telemetry.configure(product="acme-agents", version="2.3.0")
with telemetry.session(agent="planner", id="chat-9001"), telemetry.task("answer", source="api"):
    with telemetry.agent("planner"):
        with telemetry.model_call("gpt-5-mini", provider="openai") as call:
            time.sleep(0.4)
            call.record(input=1067, output=99)
        with telemetry.tool("get_order"):
            time.sleep(0.1)
"""


@contextmanager
def page(browser: Browser, width: int, height: int) -> Generator[Page]:
    """A light page of that size, in UTC, with an extra half of a pixel for each."""
    context = browser.new_context(
        viewport={"width": width, "height": height}, device_scale_factor=1.5, color_scheme="light", timezone_id="UTC"
    )
    yield context.new_page()
    context.close()


def of_a_trace(shown: Page, folder: Path) -> None:
    """A task across two processes, idle between them, with a tool call that failed."""
    db = folder / "demo.sqlite"
    _run([*COMMAND, "demo", "--db", str(db)])
    with Serving(db) as server:
        server.settled()
        shown.goto(f"{server.url}/?view=trace&id={_first(server, 'tool:get_stock_price')}")
        shown.get_by_text("execute_tool get_stock_price").first.click()
        shown.get_by_role("heading", name="execute_tool get_stock_price").wait_for()
        _take(shown, "page-trace")


def of_a_session(shown: Page, folder: Path) -> None:
    """Two questions of one conversation, with a tool's result and what was thought of the answer."""
    (folder / "assistant.py").write_text(_ASSISTANT)
    with _scripted_model() as model, Serving(folder / "talk.sqlite") as server:
        given = {
            "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "true",
            "OTEL_EXPORTER_OTLP_ENDPOINT": server.url,
            "OPENAI_BASE_URL": model,
            "OPENAI_API_KEY": "none",
            "HTTPS_PROXY": "http://127.0.0.1:9",  # the SDK would send its own traces away
        }
        _run([*COMMAND, "run", "--", sys.executable, str(folder / "assistant.py")], **given)
        server.settled()
        turn = next(each for each in server.get("/api/sessions/talk-1?content=true")["turns"] if each["input_tokens"])
        said = {"name": "user_feedback", "score": 1, "label": "good", "explanation": "just what I asked"}
        about = {"trace_id": turn["trace_id"], "span_id": turn["span_id"], **said}
        assert server.post("/api/feedback", json.dumps(about).encode(), "application/json").status == 200
        shown.goto(f"{server.url}/?view=session&id=talk-1")
        shown.get_by_text("just what I asked").wait_for()
        _take(shown, "session")


def of_what_left(shown: Page, folder: Path) -> None:
    """Events of one trace that were sent, each field with its source, and what none of them holds."""
    (folder / "shop.py").write_text(_SHOP)
    state = folder / "state"
    with Recorder() as maintainers, Serving(folder / "left.sqlite", outbox=Ledgers(str(state))) as server:
        given = {
            "AGENT_TELEMETRY_STATE_DIR": state,
            "AGENT_TELEMETRY_ENDPOINT": f"{maintainers.url}/v1/events",
            "AGENT_TELEMETRY_SYNC": "1",
            "OTEL_EXPORTER_OTLP_ENDPOINT": server.url,
        }
        _run([*COMMAND, "run", "--", sys.executable, str(folder / "shop.py")], **given)
        server.settled()
        shown.goto(f"{server.url}/?view=trace&id={_first(server, 'agent:planner')}&tab=left")
        shown.get_by_role("heading", name="task.started sent").wait_for()
        _take(shown, "left-this-machine")


def of_costs(shown: Page, folder: Path) -> None:
    """Two days and a half of costs by model, with a budget, and a model that nobody knows the price of."""
    draw = random.Random(11)  # noqa: S311 - made up
    now = datetime.now(timezone.utc).replace(minute=30, second=0, microsecond=0)
    with Serving(folder / "usage.sqlite", budgets=[parse_budget("2USD/hour"), parse_budget("20USD/day")]) as server:
        number = 0
        for hours in range(60, 0, -1):
            at = now - timedelta(hours=hours)
            busy = 4 + 9 * max(0, 8 - abs(at.hour - 14)) // 2
            for model, share in (("gpt-5-mini", 1), ("gpt-5", 0.7), ("claude-sonnet-4-5", 0.5), ("own-model", 0.05)):
                for _ in range(int(share * busy * draw.random() + draw.random() / 3)):
                    number += 1
                    call = chat(model, draw.randrange(2_000, 40_000), draw.randrange(200, 3_000))
                    made = request(Made(attributes=call), trace=number, start_ns=int(at.timestamp() * 1e9))
                    server.store.add_spans(made)
        server.settled()
        shown.goto(f"{server.url}/?view=usage&measure=cost")
        shown.get_by_role("application", name="cost by model, each hour").wait_for()
        _take(shown, "usage")


def of_a_coding_agent(shown: Page, folder: Path) -> None:
    """A run of Claude Code with a subagent, from what it sent."""
    captured = json.loads(_CAPTURED.read_text("utf-8"))
    with Serving(folder / "agent.sqlite") as server:
        for signal in ("traces", "logs", "metrics"):
            for sent in captured[signal]:
                assert server.post(f"/v1/{signal}", json.dumps(sent).encode(), "application/json").status == 200
        server.settled()
        shown.goto(f"{server.url}/?view=trace&id=latest")
        shown.get_by_text("general-purpose").wait_for()
        _take(shown, "coding-agent")


def of_the_report(shown: Page, folder: Path) -> None:
    """The maintainers' page over the life of a made-up product."""
    path, reader, now = folder / "book.sqlite", Reader(), time.time()
    book = Book(path)
    book.add([(None, reader.read("proxy", body, now=now)) for body in Life(days=84).bodies()], {})
    book.close()
    with Proxy(path) as proxy:
        shown.goto(proxy.url)
        shown.get_by_role("heading", name="Who uses it").wait_for()
        _take(shown, "report")


PICTURES: dict[str, tuple[Callable[[Page, Path], None], int, int]] = {
    "page-trace": (of_a_trace, 1280, 630),
    "session": (of_a_session, 1000, 750),
    "left-this-machine": (of_what_left, 1280, 720),
    "usage": (of_costs, 1200, 630),
    "coding-agent": (of_a_coding_agent, 1280, 540),
    "report": (of_the_report, 1000, 900),
}


def _take(shown: Page, name: str) -> None:
    shown.wait_for_load_state("networkidle" if name == "report" else "load")
    shown.screenshot(path=str(_IMAGES / f"{name}.png"))


@contextmanager
def _scripted_model() -> Generator[str]:
    """The address of what answers instead of a model."""
    with ModelServer() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server.url
        server.shutdown()


def _run(command: list[str], **variables: Any) -> None:
    given = environment(PYTHONWARNINGS="default", **variables)
    subprocess.run(command, env=given, check=True, stdout=subprocess.DEVNULL, timeout=400)


def _first(server: Serving, query: str) -> str:
    return server.get(f"/api/traces?q={query}")["traces"][0]["trace_id"]


def main(*names: str) -> None:
    """Take the pictures of those names, or all."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        browser = stack.enter_context(chromium())
        for name in names or PICTURES:
            take, width, height = PICTURES[name]
            (folder / name).mkdir()
            with page(browser, width, height) as shown:
                take(shown, folder / name)
            sys.stdout.write(f"docs/images/{name}.png\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
