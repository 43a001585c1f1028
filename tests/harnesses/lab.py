"""A scripted model, a local server for telemetry, and a coding agent between them."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from otel_agent_telemetry.harnesses import Harness
from tests.harnesses.agents import Agent, Run, with_run
from tests.harnesses.fetch import NAMES
from tests.lifecycle.acme import Acme, stored, told

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Mapping
    from pathlib import Path

    from tests.agreement.totals import Totals
    from tests.harnesses.model_server import ModelServer
    from tests.local.serving import Serving

SILENT = ("pi", "goose")
REPORTING = tuple(name for name in NAMES if name not in SILENT)
CHEAP = ("claude", "codex")
TRACED = ("claude", "codex")
"""Those that take up a trace from their environment."""
PRINTS = tuple(name for name in NAMES if name != "copilot")
SAYS_CALLS = ("claude", "opencode", "pi", "qwen")
SAYS_REASONING = ("codex", "gemini", "opencode", "pi")
COUNTED = ("calls", "tools", "input", "output")


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
