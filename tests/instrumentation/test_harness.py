"""A service under `run` that starts a coding agent, in each way that Python has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.instrumentation.program import Program

if TYPE_CHECKING:
    from pathlib import Path

AGENT = """#!/bin/sh
env | sort >"$HOME/environment.txt"
if [ -n "$SLEEPS" ]; then trap 'exit 143' TERM; echo here; while :; do sleep 0.1; done; fi
exit 7
"""
ENDED = (
    "task.created",
    "task.started",
    "session.started",
    "session.failure",
    "task.session_completed",
    "task.completed",
)
CODES = {"run": 7, "popen": 7, "shell": 7, "asyncio": 7, "by us": 7, "terminated": 143}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a program called claude on PATH."""
    agent = tmp_path / "bin" / "claude"
    agent.parent.mkdir()
    agent.write_text(AGENT)
    agent.chmod(0o755)
    monkeypatch.setenv("PATH", f"{agent.parent}:/usr/bin:/bin")
    return tmp_path


@pytest.mark.parametrize("way", CODES)
def test_it_is_switched_on_and_told_of(way: str, home: Path) -> None:
    """It gets what makes it report and the trace around, without our hook; its exit code is told once."""
    with Program(home=home) as program:
        assert program.run("-m", "starts_agents", way) == 0
        events, spans, endpoint = program.events, program.spans, f"{program.receiver.url}/otlp"
    assert program.printed().splitlines()[-1] == str(CODES[way])
    variables = dict(line.split("=", 1) for line in (home / "environment.txt").read_text().splitlines() if "=" in line)
    assert (variables["CLAUDE_CODE_ENABLE_TELEMETRY"], variables["OTEL_EXPORTER_OTLP_ENDPOINT"]) == ("1", endpoint)
    assert variables["TRACEPARENT"].split("-")[1] == spans[0].trace_id
    assert "auto_instrumentation" not in variables.get("PYTHONPATH", "")
    assert "OTEL_PYTHON_DISTRO" not in variables
    ended = [name for name in ENDED if way != "terminated" or name != "session.failure"]
    assert [each["event"] for each in events] == ended
    completed = events[-2]["properties"]
    assert (completed["provider"], completed["exitCode"], completed["isError"]) == ("claude", CODES[way], True)
    assert "SECRET" not in str([events, spans])


def test_other_programs(home: Path) -> None:
    """Any other program is started as it is, and nothing is told of it."""
    with Program(home=home) as program:
        assert program.run("-m", "starts_agents", "other") == 0
        assert [each["event"] for each in program.events] == ["task.created", "task.started", "task.completed"]


@pytest.mark.parametrize("way", ["run", "asyncio"])
def test_our_errors_stay_with_us(way: str, home: Path) -> None:
    """Where every call of ours raises, the coding agent is started as without us."""
    with Program(home=home) as program:
        assert program.run("-m", "broken", "starts_agents", way) == 0
    assert program.printed().splitlines()[-1] == "7"
