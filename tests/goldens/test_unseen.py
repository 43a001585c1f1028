"""Cases that nobody captured, as the two clients would have sent them: the replay needs nothing but the case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.goldens.compare import compare
from tests.goldens.drawn import drawn
from tests.goldens.made import INSTALLATION, agent_swarm, docker_agent
from tests.goldens.replay import replay

if TYPE_CHECKING:
    from pathlib import Path

PORT = ("server.started", {"port": 3013})
DATED = {"telemetry_installation_id": INSTALLATION, "telemetry_installed_at": "2026-03-04T05:06:07.000Z"}
VERSION: tuple[Any, ...] = ("TrackCommand", "version", [])
SESSION = "5e1f"
START: tuple[Any, ...] = ("RecordSessionStart", "helper", SESSION)
END: tuple[Any, ...] = ("RecordSessionEnd",)


def js(name: str) -> dict[str, str]:
    """A JavaScript value that JSON lacks."""
    return {"$js": name}


CASES: dict[str, dict[str, Any]] = {
    "an id of another form": agent_swarm(PORT, config={"telemetry_installation_id": "acme-prod"}),
    "an id of another form, worker": agent_swarm(
        PORT, config={"telemetry_installation_id": "acme-prod"}, source="worker", options={}
    ),
    "no id yet": agent_swarm(PORT, config={}),
    "no id, none made": agent_swarm(PORT, config={}, options={}),
    "the day cannot be written": agent_swarm(PORT, config={}, failWrite="telemetry_installed_at"),
    "nothing can be written": agent_swarm(PORT, failWrite=True),
    "the id cannot be written": agent_swarm(PORT, config={}, failWrite=["telemetry_installation_id"]),
    "nothing can be read": agent_swarm(PORT, failRead=True),
    "a day that a worker cannot read": agent_swarm(
        PORT, config=DATED, options={}, source="worker", failRead="telemetry_installed_at"
    ),
    "a day that the server cannot read": agent_swarm(PORT, config=DATED, failRead=["telemetry_installed_at"]),
    "a day that nobody can read": agent_swarm(PORT, config={**DATED, "telemetry_installed_at": "yesterday"}),
    "never set up": agent_swarm(PORT, init=False),
    "values that JSON lacks": agent_swarm(
        (
            "task.created",
            {"taskId": "t", "source": "ui", "priority": js("NaN"), "hasParent": js("undefined"), "provider": "pi"},
        ),
        ("server.started", {"port": js("-0"), "x": js("lone-surrogate")}),
        ("server.started", {"port": js("circular")}),
        ("server.shutdown", {"signal": "SIGINT", "uptimeMs": js("Infinity"), "sessionsProcessed": -4}),
    ),
    "half a surrogate pair": agent_swarm(
        (
            "task.created",
            {"taskId": js("lone-surrogate"), "source": js("lone-surrogate"), "tags": [js("lone-surrogate")]},
        ),
        ("session.failure", {"agentId": "a", "errorCategory": js("lone-surrogate"), "model": js("lone-surrogate")}),
    ),
    "large and small numbers": agent_swarm(
        ("server.shutdown", {"signal": "SIGTERM", "uptimeMs": 1e21, "sessionsProcessed": 10**16}),
        ("session.cost", {"agentId": "a", "model": "opus", "totalCostUsd": 1e-7, "inputTokens": 7.9, "isError": True}),
    ),
    "words that nobody knows": agent_swarm(
        ("task.superseded", {"taskId": "t", "source": "fax", "reason": "tired", "agentId": "a", "durationMs": 1}),
        ("session.failure", {"agentId": "a", "errorCategory": "flood", "wasRateLimited": False}),
    ),
    "what the documents name": agent_swarm(
        (
            "task.created",
            {"taskId": "t", "source": "slack", "hasParent": False, "tags": ["billing", 7, "for Mr Smith"]},
        ),
        ("task.created", {"taskId": "t", "source": "slack", "tags": "billing"}),
        ("session.started", {"agentId": "a", "harnessProvider": "claude", "role": "worker", "taskId": "t"}),
        ("session.ended", {"agentId": "a", "durationMs": 5, "tasksProcessed": 1, "taskId": "t"}),
        ("workflow.started", {"workflowId": "w", "runId": "r", "nodeCount": 3, "triggerType": "manual"}),
    ),
    "tags by the hundred": agent_swarm(("task.created", {"taskId": "t", "source": "ui", "tags": ["a"] * 100})),
    "the caller's metadata": agent_swarm(
        ("track", [{"event": "server.started", "metadata": {"environment": "x", "more": 1}}])
    ),
    "no metadata": agent_swarm(("track", [{"event": "server.started", "properties": None, "metadata": None}])),
    "hosts": agent_swarm(PORT, environ={"MCP_BASE_URL": "https://u:p@mcp.agent-swarm.dev:8443#x"}),
    "a host with a port that none has": agent_swarm(PORT, environ={"MCP_BASE_URL": "https://agent-swarm.dev:99999"}),
    "no address": agent_swarm(PORT, environ={"MCP_BASE_URL": "//agent-swarm.dev"}),
    "a cloud that comes later": agent_swarm(PORT, ("setenv", ["SWARM_CLOUD", "true"]), PORT),
    "a cloud that goes": agent_swarm(
        PORT, ("setenv", ["SWARM_CLOUD", None]), PORT, environ={"SWARM_CLOUD": "1", "INSTALL_PRESET": "solo"}
    ),
    "a cohort that comes later": agent_swarm(
        PORT, ("setenv", ["NODE_ENV", "test"]), PORT, ("setenv", ["DESPLEGA_TELEMETRY_ENV", "staging"]), PORT
    ),
    "a host that comes later": agent_swarm(
        PORT, ("setenv", ["MCP_BASE_URL", "https://agent-swarm.dev"]), PORT, ("setenv", ["E2B_SANDBOX_ID", "x"]), PORT
    ),
    "text where there should be none": agent_swarm(
        ("agent.registered", {"role": {"a": 1}, "capabilities": [["x"], 1, None], "isReconnect": "yes"})
    ),
    "long identifiers": agent_swarm(
        ("session.started", {"agentId": "a" * 5000, "harnessProvider": "pi", "model": "m" * 5000, "role": "<b>\u2028"})
    ),
    "an event that nobody declared": agent_swarm(("track", [{"event": "made.up", "properties": {"a": 1}}])),
    "a cohort in free text": agent_swarm(PORT, environ={"DESPLEGA_TELEMETRY_ENV": "Acme QA"}),
    "a cohort of Node": agent_swarm(PORT, environ={"NODE_ENV": "development", "SWARM_CLOUD": "1"}),
    "off and on again": agent_swarm(
        ("server.started", {"port": 1}),
        ("setenv", ["ANONYMIZED_TELEMETRY", "false"]),
        ("server.started", {"port": 2}),
        ("setenv", ["ANONYMIZED_TELEMETRY", None]),
        ("server.started", {"port": 3}),
    ),
    "a word that is no yes": agent_swarm(PORT, environ={"ANONYMIZED_TELEMETRY": "nope"}),
    "an empty switch": agent_swarm(PORT, environ={"ANONYMIZED_TELEMETRY": ""}),
    "429": agent_swarm(PORT, PORT, server={"status": 429, "retry_after": "1"}),
    "404": agent_swarm(PORT, PORT, server={"status": 404}),
    "reset": agent_swarm(PORT, server={"reset": True}),
    "refused": agent_swarm(PORT, PORT, server={"refused": True}),
    "slow": docker_agent(VERSION, VERSION, server={"delay_s": 1}),
    "twenty": docker_agent(*(("TrackCommand", f"c{n}", [str(n)]) for n in range(20))),
    "an empty id": docker_agent(VERSION, user_uuid_file=""),
    "nowhere to write": docker_agent(VERSION, VERSION, user_uuid_file="cannot be written"),
    "FALSE": docker_agent(VERSION, environ={"TELEMETRY_ENABLED": "FALSE"}),
    "tags that overwrite": docker_agent(
        VERSION, environ={"TELEMETRY_TAGS": "is_success=false,action=mine,a=1,a=2,version=9"}
    ),
    "an end without a start": docker_agent(END, ("RecordError", "lost")),
    "ended twice": docker_agent(START, END, END),
    "errors": docker_agent(START, ("RecordError", "one"), ("RecordError", "two"), END),
    "a tool that fails twice": docker_agent(
        START,
        ("RecordToolCall", "grep", SESSION, "helper", 7, "no"),
        ("RecordToolCall", "grep", SESSION, "helper", 8, ""),
        END,
    ),
    "after the end": docker_agent(START, END, ("RecordTokenUsage", "gpt-4o", 1, 2, 0.1)),
    "a session that stays open": docker_agent(START, ("RecordTokenUsage", "gpt-4o", 1, 2, 0.1)),
    "a name that cannot be declared": docker_agent(("RecordToolCall", "x" * 70, SESSION, "tab\there", 1, None)),
    "no cost": docker_agent(
        START,
        ("RecordTokenUsage", "gpt-4o", 5, 1, "NaN"),
        ("RecordTokenUsage", "gpt-4o", -5, 3, -0.5),
        ("RecordTokenUsage", "our-own", 5, 1, "+Inf"),
        END,
    ),
    "no cost of a model with its vendor": docker_agent(
        START, ("RecordTokenUsage", "anthropic/claude-sonnet-4-5-20250929", 1200, 300, "NaN"), END
    ),
    "sums that run over": docker_agent(START, ("RecordTokenUsage", "gpt-4o", 2**63 - 1, 1, 1e21), END),
    "a tool of another session": docker_agent(START, ("RecordToolCall", "grep", "other", "helper", -3, None), END),
    "bytes that are no text": docker_agent(
        ("TrackCommand", "hex:ff41", ["hex:e282"]), ("TrackCommand", "hex:6162", [])
    ),
    "a version that is none": docker_agent(VERSION, version="v1.40.0-19-g0d76412a"),
    "the staging host": docker_agent(VERSION, debug=True),
    "other locales": docker_agent(VERSION, environ={"LANG": "pt_BR.UTF-8"}),
    "no language": docker_agent(VERSION, environ={"LANG": "POSIX"}),
}


@pytest.mark.parametrize("name", CASES)
def test_an_unseen_case_differs_only_for_a_stated_reason(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names, stores, failures and servers of any case are understood."""
    case = CASES[name]
    assert compare(case, replay(case, tmp_path, monkeypatch)).failures == []


@pytest.mark.parametrize("seed", range(40))
def test_a_drawn_case_differs_only_for_a_stated_reason(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So are values that nobody thought of together."""
    case = drawn(seed)
    assert compare(case, replay(case, tmp_path, monkeypatch)).failures == [], case["calls"]
