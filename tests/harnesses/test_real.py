"""The real coding agents, below ``run`` and in a service, against a scripted model: what was served is what is told."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
import subprocess
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from otel_agent_telemetry.harnesses import HARNESSES, Harness
from otel_agent_telemetry.local import TraceFilter, list_traces
from tests.agreement.stored import totals_of
from tests.harnesses.agents import Agent, Run, left_behind, with_run
from tests.harnesses.fetch import NAMES
from tests.harnesses.model_server import SECRET, ModelServer
from tests.lifecycle.acme import Acme, stored, told
from tests.local.serving import Serving

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.agreement.totals import Totals

pytestmark = [pytest.mark.harnesses, pytest.mark.timeout(600)]

SILENT = ("pi", "goose")
REPORTING = tuple(name for name in NAMES if name not in SILENT)
CHEAP = ("claude", "codex")
TRACED = ("claude", "codex")
"""Those that take up a trace from their environment."""
PRINTS = tuple(name for name in NAMES if name != "copilot")
SAYS_CALLS = ("claude", "opencode", "pi", "qwen")
SAYS_REASONING = ("codex", "gemini", "opencode", "pi")
COUNTED = ("calls", "tools", "input", "output")
LOST_AT_THE_END = {"opencode": {"calls": 1, "input": 1500, "output": 40}}
"""What it may keep to itself as it leaves, without the short interval that `run` sets: as its own timer has it."""
ENDLESS = ("qwen", "opencode")
"""Those that try for minutes where a model refuses."""


def cheap(names: tuple[str, ...]) -> list[Any]:
    """The names as parameters; ids tell which belong to the cheap half."""
    return [pytest.param(name, id=f"{name}-cheap" if name in CHEAP else name) for name in names]


class Lab(NamedTuple):
    """The scripted model, a local server for telemetry, and a folder."""

    server: ModelServer
    serving: Serving
    folder: Path

    def agent(self, name: str, scenario: str) -> tuple[Agent, Counter[str]]:
        """A coding agent for a scenario, and what it will have been served."""
        agent = Agent(name, scenario, self.server, self.folder / name)
        return agent, self.server.forget(scenario)

    def run(self, agent: Agent, **given: Any) -> Run:
        """Start it below ``run``, for a product whose events stay in a ledger."""
        ours = {"AGENT_TELEMETRY_PRODUCT": "acme-agents", "AGENT_TELEMETRY_STATE_DIR": str(self.folder / "state")}
        ours |= {"OTEL_EXPORTER_OTLP_ENDPOINT": self.serving.url, "AGENT_TELEMETRY_NOTICE": "0"}
        return with_run(agent, self.server, **ours, **given)

    @property
    def events(self) -> list[tuple[str, dict[str, Any]]]:
        """The events that ``run`` recorded."""
        return [(each.event, each.properties) for each in map(told, map(json.loads, stored(self.folder / "state")))]

    @staticmethod
    def sessions(totals: Mapping[str, Totals]) -> frozenset[str]:
        """The sessions that the store lists."""
        found = totals["sessions"]["sessions"]
        assert isinstance(found, frozenset)
        return found

    def spans(self) -> list[tuple[str, str, str]]:
        """Trace, service and name of every span that arrived."""
        with closing(sqlite3.connect(self.serving.path)) as database:
            rows = """SELECT hex(trace_id), origins.service, spans.name
                FROM spans JOIN traces ON traces.id = trace JOIN origins ON origins.id = origin"""
            return database.execute(rows).fetchall()


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """A model and a local server, for one test."""
    with ModelServer() as server, Serving(tmp_path / "traces.sqlite") as serving:
        yield Lab(server, serving, tmp_path)


@pytest.mark.parametrize("name", cheap(REPORTING))
@pytest.mark.parametrize("scenario", ["ok", "toolerr"])
def test_it_runs_as_without_us(name: str, scenario: str, lab: Lab) -> None:
    """It ends well, its own telemetry says what was served, and no shell command of it sees our Python hook."""
    agent, served = lab.agent(name, scenario)
    done = lab.run(agent)
    assert (done.code, served["tools"], b"Done." in done.out) == (0, 1, True), done
    names = [event for event, _ in lab.events]
    assert names == ["task.created", "task.started", "session.started", "task.session_completed", "task.completed"]
    assert SECRET not in json.dumps(lab.events)
    spans = lab.spans()
    for way, totals in totals_of(lab.serving.store).items():
        figures = {figure: totals[figure] for figure in ("calls", "tools", "input", "output") if figure in totals}
        assert figures == {figure: served[figure] for figure in figures}, way
    assert len({service for _, service, _ in spans}) > 1
    if name in TRACED:
        task = next(trace for trace, service, _ in spans if service == "acme-agents")
        assert any(trace == task and service != "acme-agents" for trace, service, _ in spans)
    if scenario == "ok":
        assert not any(variable.startswith(("PYTHONPATH", "OTEL_PYTHON_")) for variable in inherited(agent))


INHERITED = {
    "claude": [
        "CLAUDE_CODE_ENABLE_TELEMETRY",
        "CLAUDE_CODE_ENHANCED_TELEMETRY_BETA",
        "CLAUDE_CODE_PROPAGATE_TRACEPARENT",
    ],
    "codex": ["OTEL_BLRP_SCHEDULE_DELAY", "OTEL_BSP_SCHEDULE_DELAY"],
    "gemini": sorted(HARNESSES["gemini"].switches),
    "qwen": sorted(HARNESSES["qwen"].switches),
    "copilot": [],
    "opencode": ["OPENCODE_CONFIG_CONTENT", "OTEL_BSP_SCHEDULE_DELAY", "OTEL_EXPORTER_OTLP_PROTOCOL"],
}
"""What the shell commands of each see of its switches; the rest it keeps to itself."""


def inherited(agent: Agent) -> dict[str, str]:
    """The environment of the shell command that it was asked to run."""
    lines = (agent.folder / "environment.txt").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


@pytest.mark.parametrize("name", cheap(REPORTING))
def test_what_its_shell_commands_inherit(name: str, lab: Lab) -> None:
    """Their environment is that without us, and what switches the agent on, and the trace that they belong to."""
    agent, _ = lab.agent(name, "ok")
    lab.run(agent)
    alone = Agent(name, "ok", lab.server, lab.folder / "alone")
    ours = {"AGENT_TELEMETRY_PRODUCT": "", "AGENT_TELEMETRY_STATE_DIR": "", "AGENT_TELEMETRY_NOTICE": ""}
    environment = {**alone.environment, **ours, "OTEL_EXPORTER_OTLP_ENDPOINT": lab.serving.url}
    subprocess.run(alone.command(), env=environment, cwd=alone.folder, stdin=-3, capture_output=True, check=True)
    below, without = inherited(agent), inherited(alone)
    assert sorted(below.keys() - without.keys()) == [*INHERITED[name], "TRACEPARENT"]
    assert without.keys() <= below.keys()
    kept = agent.environment.keys() & without.keys() & {"HOME", "LANG", "TERM", "USER", "PYTHONPATH"}
    there = {key: without[key].replace(str(alone.folder.parent), str(agent.folder.parent)) for key in kept}
    assert {key: below[key] for key in kept} == there


ALONE = [
    pytest.param(name, scenario, id=f"{scenario}-{name}-cheap" if name in CHEAP else f"{scenario}-{name}")
    for scenario in ("ok", "toolerr", "500once", "subagent")
    for name in REPORTING
    # opencode leaves before it has told of any of it; Codex is offered no subagents
    if (name, scenario) not in (("opencode", "500once"), ("codex", "subagent"))
]
PROMPTS = {("claude", "subagent"): 2}
"""Where one of them asks its model again by itself, as a prompt of its own, when a subagent has ended."""


@pytest.mark.parametrize(("name", "scenario"), ALONE)
def test_serve_alone(name: str, scenario: str, lab: Lab) -> None:
    """Pointed at `serve` as its documentation says, it is one session and one run that ended well, as served.

    Some tell of a try that the model refused, as a call without tokens.
    """
    agent, served = lab.agent(name, scenario)
    environment = agent.pointed_at(lab.serving.url)
    subprocess.run(agent.command(), env=environment, cwd=agent.folder, stdin=-3, capture_output=True, check=True)
    lost = LOST_AT_THE_END.get(name, {})
    refused = {"calls": -served["failed"]}
    wanted = [{figure: served[figure] - each.get(figure, 0) for figure in COUNTED} for each in ({}, lost, refused)]
    totals = totals_of(lab.serving.store)
    assert {figure: totals["traces"][figure] for figure in COUNTED} in wanted
    with closing(lab.serving.store.reader()) as connection:
        rows = list_traces(connection, TraceFilter(), limit=100)
    prompts = PROMPTS.get((name, scenario), 1)
    assert ([row["status"] for row in rows], len(lab.sessions(totals))) == (["ok"] * prompts, 1)
    if scenario == "subagent":
        assert totals["by agent"]["runs"] == prompts + 1


@pytest.mark.parametrize("name", cheap(REPORTING))
def test_a_session_goes_on_below_run(name: str, lab: Lab) -> None:
    """A session that is resumed is one session of two tasks, and each call of it counts once."""
    agent, served = lab.agent(name, "ok")
    assert [lab.run(agent, again=again).code for again in (False, True)] == [0, 0]
    totals = totals_of(lab.serving.store)
    assert {figure: totals["traces"][figure] for figure in COUNTED} == {figure: served[figure] for figure in COUNTED}
    assert (len(lab.sessions(totals)), [event for event, _ in lab.events].count("task.completed")) == (1, 2)


@pytest.mark.parametrize("name", cheap(tuple(name for name in REPORTING if name not in ENDLESS)))
def test_a_stream_that_breaks(name: str, lab: Lab) -> None:
    """Its exit code is kept; the task is what that says, and its own telemetry says whether an answer came at last."""
    agent, _ = lab.agent(name, "broken")
    done = lab.run(agent)
    assert lab.events[-1][0] == ("task.completed" if done.code == 0 else "task.failed"), done
    totals_of(lab.serving.store)
    with closing(lab.serving.store.reader()) as connection:
        rows = list_traces(connection, TraceFilter(), limit=100)
    ours = [row["status"] for row in rows if row["agent_runs"]]
    assert ours == ["ok" if name == "claude" else "error"], rows


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("name", cheap(REPORTING))
def test_it_is_stopped(name: str, stop: signal.Signals, lab: Lab) -> None:
    """A signal that `run` gets reaches all of it; the task is cancelled, whatever its exit code, and nothing stays."""
    agent, _ = lab.agent(name, "hang")
    done = lab.run(agent, stop=stop)
    assert [event for event, _ in lab.events][-1] == "task.cancelled", done
    assert left_behind(lab.folder) == []


@pytest.mark.parametrize("scenario", ["429", "500"])
@pytest.mark.parametrize("name", [name for name in REPORTING if name not in ENDLESS])
def test_a_model_that_refuses(name: str, scenario: str, lab: Lab) -> None:
    """Its exit code is kept, and its task has failed."""
    agent, served = lab.agent(name, scenario)
    done = lab.run(agent)
    assert (done.code != 0, served["failed"] > 0, lab.events[-1][0]) == (True, True, "task.failed"), done
    assert lab.events[-2][1]["exitCode"] == done.code


@pytest.mark.parametrize("name", NAMES)
def test_a_refusal_that_passes(name: str, lab: Lab) -> None:
    """A call that is tried again and then goes well is no failure."""
    agent, served = lab.agent(name, "500once")
    done = lab.run(agent)
    assert (done.code, served["failed"], lab.events[-1][0]) == (0, 1, "task.completed"), done


def read(lab: Lab, agent: Agent, monkeypatch: pytest.MonkeyPatch, *, again: bool = False) -> tuple[bytes, Acme]:
    """What a service gets that starts it and has its output read, and the service's telemetry."""
    monkeypatch.setenv("AGENT_TELEMETRY_ALLOW_IN_TESTS", "1")
    acme = Acme(lab.folder / f"service-{again}")
    command = agent.command(lines=True, again=again)
    run = Harness(acme.telemetry, command, task="job", read=True, env=agent.environment, cwd=agent.folder, stdin=-3)
    with run as process:
        assert process.stdout is not None
        return process.stdout.read(), acme


def summed(acme: Acme) -> dict[str, int]:
    """What the events of a service add up to."""
    names = ("inputTokens", "outputTokens", "cacheReadTokens", "reasoningOutputTokens", "modelCalls")
    used = [given for event, given in acme.told if event == "token.usage"]
    return {name: sum(each.get(name) or 0 for each in used) for name in names}


def served_to(name: str, served: Counter[str]) -> dict[str, int]:
    """What of it this coding agent's output says: opencode has a call for the title that it does not tell."""
    side = served["side"]
    return {
        "inputTokens": served["input"] - 100 * side,
        "outputTokens": served["output"] - 10 * side,
        "cacheReadTokens": served["cached"] if name != "goose" else 0,
        "reasoningOutputTokens": served["reasoning"] if name in SAYS_REASONING else 0,
        "modelCalls": served["calls"] - side if name in SAYS_CALLS else 0,
    }


@pytest.mark.parametrize("name", cheap(PRINTS))
@pytest.mark.parametrize("scenario", ["ok", "toolerr", "500once"])
def test_a_service_reads_it(name: str, scenario: str, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that starts it gets its output as it is, and the session's figures are those that were served."""
    agent, served = lab.agent(name, scenario)
    output, acme = read(lab, agent, monkeypatch)
    assert summed(acme) == served_to(name, served), output
    assert [event for event in acme.names if event.startswith("session.")][:2] == ["session.started", "session.ended"]
    assert acme.names.count("tool.called") == 1
    assert SECRET not in json.dumps(acme.told)


@pytest.mark.parametrize("name", cheap(PRINTS))
def test_a_service_with_asyncio_reads_it(name: str, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """With asyncio a service gets the same figures, and the lines as they are."""
    monkeypatch.setenv("AGENT_TELEMETRY_ALLOW_IN_TESTS", "1")
    agent, served = lab.agent(name, "ok")
    acme = Acme(lab.folder / "service")

    async def serve() -> list[bytes]:
        command = agent.command(lines=True)
        run = Harness(acme.telemetry, command, task="job", read=True, env=agent.environment, cwd=agent.folder, stdin=-3)
        async with run as process:
            assert process.stdout is not None
            return [line async for line in process.stdout]

    lines = asyncio.run(serve())
    assert (summed(acme), "task.completed" in acme.names) == (served_to(name, served), True), lines
    assert any(b"Done." in line for line in lines)


@pytest.mark.parametrize("name", PRINTS)
def test_a_session_goes_on(name: str, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session that is resumed is the same one, and the second process tells only what it used itself."""
    agent, served = lab.agent(name, "ok")
    _, first = read(lab, agent, monkeypatch)
    _, second = read(lab, agent, monkeypatch, again=True)
    sums = summed(first), summed(second)
    assert {key: sums[0][key] + sums[1][key] for key in sums[0]} == served_to(name, served)


@pytest.mark.parametrize("name", ["claude", "opencode", "goose"])
def test_a_subagent(name: str, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a subagent uses belongs to the session."""
    agent, served = lab.agent(name, "subagent")
    output, acme = read(lab, agent, monkeypatch)
    assert served["tools"] == 2, output
    ended = next(given for event, given in acme.told if event == "session.ended")
    if name == "claude":
        assert summed(acme) == served_to(name, served), output
        assert (ended["agentRuns"], ended["toolCalls"]) == (2, 2)
    else:
        assert ended["toolCalls"] == 1  # of the subagent, opencode and Goose print nothing


def test_cheap_with_asyncio(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service with asyncio reads the same; a cancelled task stops the coding agent, and the session is cancelled."""
    monkeypatch.setenv("AGENT_TELEMETRY_ALLOW_IN_TESTS", "1")
    agent, _ = lab.agent("claude", "hang")
    acme = Acme(lab.folder / "service")
    command = agent.command(lines=True)

    async def serve() -> None:
        run = Harness(acme.telemetry, command, task="job", read=True, env=agent.environment, cwd=agent.folder, stdin=-3)
        async with run as process:
            assert process.stdout is not None
            while await process.stdout.readline():
                pass

    async def main() -> None:
        serving = asyncio.create_task(serve())
        await asyncio.to_thread(lab.server.hanging.wait, 60)
        serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await serving

    asyncio.run(main())
    assert acme.names[-1] == "task.cancelled"
    assert left_behind(lab.folder) == []
