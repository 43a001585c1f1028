"""Calls and runs below what is still open: in the ledger at once, and told once, however the program ends."""

from __future__ import annotations

import json
import sqlite3
import time
from collections import Counter
from typing import TYPE_CHECKING

from otel_agent_telemetry._folder import ledger_file
from otel_agent_telemetry.pipeline.sending.ledger import Ledger
from tests.lifecycle.acme import PRODUCT
from tests.lifecycle.programs import allowed, start

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from tests.recorder import Recorder

RUN = """
    import sys
    import otel_agent_telemetry as telemetry
    from opentelemetry import trace

    CHAT = {"gen_ai.request.model": "gpt-5.2", "gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 5}

    def span(operation, **more):
        return tracer.start_as_current_span("s", attributes={"gen_ai.operation.name": operation, **more})

    telemetry.configure(public_tools=["web"], public_models=["gpt-5.2"], public_agents=["planner"])
    tracer = trace.get_tracer("acme")
    with span("invoke_agent", **{"gen_ai.agent.name": "planner", "gen_ai.conversation.id": "c"}):
        for _ in range(3):
            with span("chat", **CHAT), span("execute_tool", **{"gen_ai.tool.name": "web"}):
                pass
        print("called", flush=True)
        input()
"""
CALLS = ["token.usage"] * 3 + ["tool.called"] * 3


def noted(process: subprocess.Popen[str], folder: Path) -> Ledger:
    """The ledger of a program whose six calls are in it, while their run is open."""
    assert process.stdout is not None
    assert process.stdout.readline() == "called\n"
    ledger = Ledger(ledger_file(str(folder), PRODUCT))
    while sorted(entry.name for entry in ledger.events() if entry.state == "counting") != CALLS:
        assert process.poll() is None
        time.sleep(0.01)
    return ledger


def totals(bodies: list[bytes]) -> Counter[str]:
    """What the calls of these events add up to, and how many of them name their agent."""
    sums: Counter[str] = Counter()
    for body in map(json.loads, bodies):
        if body["event"] in CALLS:
            told = body["properties"]
            sums[body["event"]] += told.get("modelCalls", 1)
            sums["tokens"] += told.get("totalTokens", 0)
            sums["named"] += told.get("agentName") == "planner"
    return sums


def test_killed(tmp_path: Path, recorder: Recorder) -> None:
    """Where the program is killed below an open run, the next one sends its calls, each once."""
    with start(RUN, variables=allowed(tmp_path)) as process:
        noted(process, tmp_path)
        process.kill()
    following = "import otel_agent_telemetry as telemetry; telemetry.configure(); input()"
    with start(following, variables=allowed(tmp_path, AGENT_TELEMETRY_ENDPOINT=recorder.url)) as process:
        bodies = [request.body for request in recorder.wait(6)]
        process.communicate("\n")
    assert totals(bodies) == {"token.usage": 3, "tool.called": 3, "tokens": 45, "named": 0}


def test_the_run_ends(tmp_path: Path) -> None:
    """Where the run ends, what is told of its calls takes the place of what was noted."""
    with start(RUN, variables=allowed(tmp_path)) as process:
        ledger = noted(process, tmp_path)
        process.communicate("\n", timeout=30)
    assert {entry.state for entry in ledger.events()} == {"pending"}
    said = totals([entry.body for entry in ledger.events()])
    assert said == {"token.usage": 3, "tool.called": 3, "tokens": 45, "named": 4}


def test_locked_at_the_end(tmp_path: Path) -> None:
    """Where the run ends while another process holds the ledger, what is told lies beside it and takes that place."""
    with start(RUN, variables=allowed(tmp_path)) as process:
        ledger = noted(process, tmp_path)
        ledger.close()
        other = sqlite3.connect(ledger_file(str(tmp_path), PRODUCT), isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        process.communicate("\n", timeout=30)
        other.close()
    assert ledger.take_over() == 0
    said = totals([entry.body for entry in ledger.events() if entry.state == "pending"])
    assert said == {"token.usage": 3, "tool.called": 3, "tokens": 45, "named": 4}


def test_taken_for_dead(tmp_path: Path) -> None:
    """Where another process thought this one dead and told of some calls, they are told once all the same."""
    with start(RUN, variables=allowed(tmp_path)) as process:
        ledger = noted(process, tmp_path)
        early, late = Ledger(ledger_file(str(tmp_path), PRODUCT), clock=lambda: time.time() + 2_400), ledger
        assert (early.take_over(), late.take_over()) == (6, 0)
        process.communicate("\n", timeout=30)
    said = totals([entry.body for entry in ledger.events()])
    assert said == {"token.usage": 3, "tool.called": 3, "tokens": 45, "named": 0}


BELOW = """
    import sys
    import otel_agent_telemetry as telemetry
    from opentelemetry import trace

    def agent(name, *inner):
        told = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": name, "gen_ai.conversation.id": name}
        with tracer.start_as_current_span(name, attributes=told):
            for each in inner:
                agent(each)
            with tracer.start_as_current_span("call", attributes={**CHAT, "gen_ai.operation.name": "chat"}):
                pass

    CHAT = {"gen_ai.request.model": "gpt-5.2", "gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 5}
    telemetry.configure()
    tracer = trace.get_tracer("acme")
    with tracer.start_as_current_span("POST /chat"):
        agent("outer", "inner")
        print("called", flush=True)
        input()
        agent("second")
"""
OF_A_RUN = ["session.cost", "session.ended", "session.started", "token.usage"]


def below(folder: Path, *, entries: int) -> tuple[subprocess.Popen[str], Ledger]:
    """A program whose agent's run has ended below a request that is still open, and its ledger with so many entries."""
    process = start(BELOW, variables=allowed(folder))
    assert process.stdout is not None
    assert process.stdout.readline() == "called\n"
    ledger = Ledger(ledger_file(str(folder), PRODUCT))
    while len(ledger.events()) < entries:
        assert process.poll() is None
        time.sleep(0.01)
    return process, ledger


def sessions(ledger: Ledger) -> list[tuple[int, int, int]]:
    """Of each session that ended its agent runs, model calls and tokens."""
    ended = [json.loads(entry.body)["properties"] for entry in ledger.events() if entry.name == "session.ended"]
    return [(told["agentRuns"], told["modelCalls"], told["totalTokens"]) for told in ended]


def test_an_ended_run_below_an_open_request(tmp_path: Path) -> None:
    """A run that has ended is a session in the ledger, whatever ends the program before the request around it does."""
    process, ledger = below(tmp_path, entries=5)
    with process:
        process.kill()
    assert (ledger.take_over(), sessions(ledger)) == (5, [(2, 2, 30)])
    assert sorted(entry.name for entry in ledger.events()) == sorted([*OF_A_RUN, "token.usage"])


def test_the_request_ends(tmp_path: Path) -> None:
    """Where the request around them ends, each run is told once."""
    process, ledger = below(tmp_path, entries=5)
    with process:
        process.communicate("\n", timeout=30)
    assert (ledger.take_over(), sorted(sessions(ledger))) == (0, [(1, 1, 15), (2, 2, 30)])
    assert Counter(entry.name for entry in ledger.events())["session.started"] == 2
    assert {entry.state for entry in ledger.events()} == {"pending"}
