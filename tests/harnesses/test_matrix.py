"""Each real coding agent in each situation, by each way to us: what was served is what is told, but for what it hides.

``docs/how-to/coding-agents.md`` says what each of them hides.
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
import threading
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from otel_agent_telemetry.harnesses import Harness
from otel_agent_telemetry.local import TraceFilter, list_traces
from tests.agreement.stored import totals_of
from tests.harnesses.agents import left_behind
from tests.harnesses.lab import CHEAP, REPORTING, Lab, served_to, summed
from tests.lifecycle.acme import Acme

if TYPE_CHECKING:
    from tests.harnesses.agents import Agent

pytestmark = [pytest.mark.harnesses, pytest.mark.timeout(600)]

SCENARIOS = {"resumed": "ok", "SIGINT": "hang", "SIGTERM": "hang"}
"""What the model does in a situation, where it is not called so."""
WELL = ("ok", "toolerr", "500once", "subagent", "resumed")
STOPS = ("SIGINT", "SIGTERM")
SITUATIONS = (*WELL, "429", "500", "broken", *STOPS)
TELLING = ("toolerr", "subagent", "429", "SIGINT")
"""Those where most can go wrong; the cheap half has them."""
CELLS = [
    pytest.param(name, situation, id=f"{situation}-{name}{'-cheap' * (name in CHEAP and situation in TELLING)}")
    for situation in SITUATIONS
    for name in REPORTING
]
COUNTED = ("calls", "tools", "input", "output")
PRICES = {"claude": (3, 0.3, 15), "gemini": (1.25, 0.125, 10)}
PRICE = (0.25, 0.025, 2)
"""Dollars for a million tokens: of fresh input, of cached input, of output."""
PROMPTS = {("claude", "subagent"): 2}
"""Where one asks its model again by itself, as a prompt of its own, when a subagent has ended."""
HIDES_TOOL_ERRORS = ("codex", "gemini", "opencode")
SAYS_SUBAGENTS = ("claude", "gemini")
LEAVES_AT_ONCE = ("codex", "gemini")
"""Those that may have told of nothing as they fail."""
LOSES_THE_END = ("opencode",)
"""Those that leave before they have told of all, unless they tell at short intervals, as `run` has it."""


class Told(NamedTuple):
    """How the rows of the list of traces ended, how many runs they have, and the sums of all that is in the store."""

    statuses: Counter[str]
    runs: int
    sessions: int
    counted: dict[str, Any]
    cached: int
    cost: float | None
    failed_calls: int
    tool_errors: int


def told(lab: Lab) -> Told:
    """What is in the store."""
    totals = totals_of(lab.serving.store)
    with closing(lab.serving.store.reader()) as connection:
        rows = list_traces(connection, TraceFilter(), limit=100)
    by_model: dict[str, Any] = {**totals["by model"]}
    by_tool: dict[str, Any] = {**totals["by tool"]}
    return Told(
        Counter(row["status"] for row in rows),
        sum(row["agent_runs"] for row in rows),
        len(lab.sessions(totals)),
        {figure: totals["traces"][figure] or 0 for figure in COUNTED},
        by_model["cache_read"] or 0,
        by_model["cost"],
        by_model["failed_calls"],
        by_tool["tool_errors"],
    )


def priced(name: str, served: Counter[str]) -> Any:
    """What was served costs, in dollars."""
    fresh, cached, made = PRICES.get(name, PRICE)
    dollars = (served["input"] - served["cached"]) * fresh + served["cached"] * cached + served["output"] * made
    return pytest.approx(dollars / 1e6, abs=2e-6)


def is_as_served(found: Told, name: str, situation: str, served: Counter[str], *, short: bool = True) -> None:
    """End the test where that is not what was served; ``short`` where it tells at short intervals."""
    may_lose = not short and name in LOSES_THE_END
    prompts = PROMPTS.get((name, situation), 1) + (situation == "resumed")
    if situation in WELL:
        tries = found.failed_calls
        assert tries in {0, served["failed"]}
        if not may_lose:
            tokens = {figure: served[figure] for figure in COUNTED}
            assert found.counted == {**tokens, "calls": served["calls"] + tries}
            assert (found.cached, found.cost) == (served["cached"], priced(name, served))
        assert set(found.statuses) == {"ok"}, found
        runs = prompts + (situation == "subagent")
        assert (found.sessions, found.runs) in {(1, runs), (1, runs - may_lose)}, found
        if situation == "toolerr":
            assert found.tool_errors == (name not in HIDES_TOOL_ERRORS)
        return
    if name == "claude" and situation == "broken":  # it asks again without a stream
        assert (found.statuses.keys(), found.counted) == ({"ok"}, {figure: served[figure] for figure in COUNTED})
        return
    figures = found.counted["tools"], served["tools"], found.sessions <= 1, found.runs <= 1
    assert figures == (0, 0, True, True), found
    if stop_of(name, situation) is not None:
        assert set(found.statuses) <= {"cancelled", *(("ok",) if name == "opencode" else ())}, found
    elif name in LEAVES_AT_ONCE:
        # Metrics alone tell no outcome, and Gemini exits with 0 where streams break: then the task of `run` went well.
        unknown = {"ok"} if found.counted["calls"] == 0 or (name, situation) == ("gemini", "broken") else set[str]()
        assert set(found.statuses) - unknown <= {"error", "cancelled"}, found
    else:
        assert "error" in found.statuses, found
        assert found.counted["calls"] >= 1
    if situation in {"429", "500"}:
        assert found.failed_calls == found.counted["calls"] <= served["failed"], found


def times(situation: str) -> tuple[bool, ...]:
    """Whether each start goes on with the session before."""
    return (False, True) if situation == "resumed" else (False,)


def stop_of(name: str, situation: str) -> signal.Signals | None:
    """The signal that ends it: opencode tries endlessly where streams break."""
    if (name, situation) == ("opencode", "broken"):
        return signal.SIGTERM
    return signal.Signals[situation] if situation in STOPS else None


@pytest.mark.parametrize(("name", "situation"), CELLS)
def test_below_run(name: str, situation: str, lab: Lab) -> None:
    """Below `run`: the store has what was served, exit code and signal are told, and nothing stays behind."""
    scenario = SCENARIOS.get(situation, situation)
    agent, served = lab.agent(name, scenario)
    stop = stop_of(name, situation)
    codes = [lab.run(agent, again=again, stop=stop).code for again in times(situation)]
    events = lab.events
    ended = [event for event, _ in events if event in {"task.completed", "task.failed", "task.cancelled"}]
    how = "cancelled" if stop is not None else "failed" if any(codes) else "completed"
    assert ended == [f"task.{how}"] * len(codes)
    exits = [given["exitCode"] for event, given in events if event == "task.session_completed"]
    assert exits == [code if code >= 0 else 128 - code for code in codes]
    if situation in {"429", "500"} or situation in WELL:
        assert all(codes) == (situation not in WELL)
    found = told(lab)
    if stop is not None:
        assert found.statuses["cancelled"] >= 1, found
        assert left_behind(lab.folder) == []
    is_as_served(found, name, situation, served)


@pytest.mark.parametrize(("name", "situation"), CELLS)
def test_serve_alone(name: str, situation: str, lab: Lab) -> None:
    """Pointed at `serve` as its documentation says, the store has what was served."""
    scenario = SCENARIOS.get(situation, situation)
    agent, served = lab.agent(name, scenario)
    environment, stop = agent.pointed_at(lab.serving.url), stop_of(name, situation)
    for again in times(situation):
        with subprocess.Popen(
            agent.command(again=again), env=environment, cwd=agent.folder, stdin=-3, stdout=-3, stderr=-3
        ) as process:
            if stop is not None:
                assert lab.server.hanging.wait(240)
                process.send_signal(stop)
            process.wait(240)
    is_as_served(told(lab), name, situation, served, short=False)


class Service(NamedTuple):
    """A service that starts a coding agent, with subprocess or with asyncio."""

    lab: Lab
    agent: Agent
    stop: signal.Signals | None
    is_async: bool

    def run(self, *, again: bool) -> tuple[Acme, int | None]:
        """One run of it, to its end or until the model hangs and it is stopped; its telemetry and exit code."""
        acme = Acme(self.lab.folder / f"service-{self.is_async}-{again}")
        environment = {**self.agent.environment, "OTEL_EXPORTER_OTLP_ENDPOINT": self.lab.serving.url}
        command = self.agent.command(lines=True, again=again)
        harness = Harness(
            acme.telemetry, command, task="job", read=True, env=environment, cwd=self.agent.folder, stdin=-3
        )
        code = asyncio.run(self._await(harness)) if self.is_async else self._wait(harness)
        return acme, code

    def _wait(self, harness: Harness) -> int | None:
        with harness as process:
            assert process.stdout is not None
            reading = threading.Thread(target=process.stdout.read)
            reading.start()
            if self.stop is not None:
                assert self.lab.server.hanging.wait(240)
                process.send_signal(self.stop)
            reading.join()
        return process.returncode

    async def _await(self, harness: Harness) -> int | None:
        async with harness as process:
            assert process.stdout is not None
            reading = asyncio.ensure_future(process.stdout.read())
            if self.stop is not None:
                assert await asyncio.to_thread(self.lab.server.hanging.wait, 240)
                process.send_signal(self.stop)
            await reading
        return process.returncode


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize(("name", "situation"), CELLS)
def test_a_service(name: str, situation: str, lab: Lab, monkeypatch: pytest.MonkeyPatch, *, is_async: bool) -> None:
    """In a service: its events have what was served, as far as the output says it, and the store has all of it."""
    monkeypatch.setenv("AGENT_TELEMETRY_ALLOW_IN_TESTS", "1")
    agent, served = lab.agent(name, SCENARIOS.get(situation, situation))
    stop = stop_of(name, situation)
    used: Counter[str] = Counter()
    for again in times(situation):
        acme, code = Service(lab, agent, stop, is_async).run(again=again)
        used.update(summed(acme))
        facts = {event: given for event, given in acme.told if event.startswith(("task.", "session."))}
        ended = facts.keys() & {"task.completed", "task.failed", "task.cancelled"}
        has_failed = bool(code) or (name, situation) == ("gemini", "broken")
        assert ended == {"task.cancelled" if stop else "task.failed" if has_failed else "task.completed"}, acme.names
        assert code is not None
        assert facts["task.session_completed"]["exitCode"] == (code if code >= 0 else 128 - code)
        assert ("session.failure" in facts) == (stop is None and has_failed)
    if situation in WELL and name != "copilot" and (situation != "subagent" or name in SAYS_SUBAGENTS):
        assert used == Counter(served_to(name, served))
    if stop is not None:
        assert left_behind(lab.folder) == []
    is_as_served(told(lab), name, situation, served, short=name != "copilot")
