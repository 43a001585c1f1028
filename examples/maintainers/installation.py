"""One installation of a support agent, and its life in some weeks; ``agent-telemetry demo --maintainers`` runs ten.

``python installation.py ENDPOINT STATE_DIR SEED DAYS`` answers questions on each day, with 1.4.0 until it updates to
1.5.0. Days are simulated: spans are given the times at which they would have been. What the tools do is real, and so is
the defect of 1.5.0, which nobody told the telemetry of.
"""

from __future__ import annotations

import random
import sys
import time

from otel_agent_telemetry import Telemetry

DAY, SECOND = 86_400, 1_000_000_000
PRICES = {"teapot": 19, "umbrella": 24, "wheelbarrow": 89, "candle": 4, "screwdriver": 7, "lamp": 31}


def look_up_price(version: str, article: str) -> int:
    """The price of an article. 1.5.0 came with an index of keys that are cut off."""
    if version == "1.5.0":
        return PRICES[article[:10]]
    return PRICES[article]


def check_stock(article: str) -> bool:
    """Whether there is one; the warehouse does not answer for everything."""
    if article == "lamp":
        raise TimeoutError
    return len(article) % 2 == 0


def answer(telemetry: Telemetry, version: str, at: int, draw: random.Random) -> None:
    """One question, as a task with a session: a model call, one or two tools, a model call."""
    article, began = draw.choice(sorted(PRICES)), at * SECOND
    task = telemetry.task("answer", source=draw.choice(("slack", "api", "email"))).start(at=began)
    session = telemetry.session(agent="support", model="gpt-5-mini").start(at=began)
    error: Exception | None = None
    steps = [("look_up_price", lambda: look_up_price(version, article)), ("check_stock", lambda: check_stock(article))]
    for name, step in steps[: draw.randrange(1, 3)]:
        call = telemetry.model_call("gpt-5-mini", provider="openai").start(at=at * SECOND)
        call.record(input=draw.randrange(300, 900), output=draw.randrange(20, 90), cost_usd=0.0004)
        at += draw.randrange(1, 4)
        call.end(at=at * SECOND)
        tool = telemetry.tool(name).start(at=at * SECOND)
        try:
            step()
        except Exception as failure:  # noqa: BLE001 - an agent goes on without the tool
            error = failure
        tool.end(error, at=at * SECOND + draw.randrange(20, 400) * 1_000_000)
    gives_up = error is not None and draw.random() < 0.6
    session.end(error if gives_up else None, at=(at + 1) * SECOND)
    task.end(error if gives_up else None, at=(at + 1) * SECOND)


def live(endpoint: str, state_dir: str, seed: int, days: int) -> None:
    """Every day of it."""
    draw = random.Random(seed)  # noqa: S311 - simulated
    today = int(time.time()) // DAY
    updates_on = today - days + draw.randrange(days // 2, days - 3)
    for version, first, last in (("1.4.0", today - days, updates_on), ("1.5.0", updates_on, today)):
        telemetry = Telemetry(
            product="acme-support",
            version=version,
            source="worker",
            endpoint=endpoint,
            state_dir=state_dir,
            batch=100,
            notice=False,
            public_tools=["look_up_price", "check_stock"],
            public_agents=["support"],
        )
        for day in range(first, last):
            for _ in range(draw.randrange(9)):
                answer(telemetry, version, day * DAY + draw.randrange(DAY - 60), draw)
        for _ in range(20):  # what a busy machine did not take at once is tried again after a moment
            if telemetry.flush(10):
                break
            time.sleep(1)
        else:
            sys.exit("events are left that could not be sent")
        telemetry.shutdown()


if __name__ == "__main__":
    live(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
