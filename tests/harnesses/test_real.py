"""The real coding agents, below ``run`` and in a service, against a scripted model: what was served is what is told."""

from __future__ import annotations

import asyncio
import json
import subprocess

import pytest

from otel_agent_telemetry.harnesses import HARNESSES, Harness
from tests.agreement.stored import totals_of
from tests.harnesses.agents import Agent, left_behind
from tests.harnesses.lab import REPORTING, SILENT, TRACED, Lab, cheap, read, served_to, summed
from tests.harnesses.model_server import SECRET
from tests.lifecycle.acme import Acme

pytestmark = [pytest.mark.harnesses, pytest.mark.timeout(600)]


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


@pytest.mark.parametrize("name", SILENT)
def test_a_refusal_that_passes(name: str, lab: Lab) -> None:
    """A call that is tried again and then goes well is no failure."""
    agent, served = lab.agent(name, "500once")
    done = lab.run(agent)
    assert (done.code, served["failed"], lab.events[-1][0]) == (0, 1, "task.completed"), done


@pytest.mark.parametrize("name", SILENT)
@pytest.mark.parametrize("scenario", ["ok", "toolerr", "500once"])
def test_a_service_reads_it(name: str, scenario: str, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that starts it gets its output as it is, and the session's figures are those that were served."""
    agent, served = lab.agent(name, scenario)
    output, acme = read(lab, agent, monkeypatch)
    assert summed(acme) == served_to(name, served), output
    assert [event for event in acme.names if event.startswith("session.")][:2] == ["session.started", "session.ended"]
    assert acme.names.count("tool.called") == 1
    assert SECRET not in json.dumps(acme.told)


@pytest.mark.parametrize("name", SILENT)
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


@pytest.mark.parametrize("name", SILENT)
def test_a_session_goes_on(name: str, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session that is resumed is the same one, and the second process tells only what it used itself."""
    agent, served = lab.agent(name, "ok")
    _, first = read(lab, agent, monkeypatch)
    _, second = read(lab, agent, monkeypatch, again=True)
    sums = summed(first), summed(second)
    assert {key: sums[0][key] + sums[1][key] for key in sums[0]} == served_to(name, served)


def test_a_subagent(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a subagent, Goose prints nothing."""
    agent, served = lab.agent("goose", "subagent")
    output, acme = read(lab, agent, monkeypatch)
    assert served["tools"] == 2, output
    assert next(given for event, given in acme.told if event == "session.ended")["toolCalls"] == 1


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
