"""Cases made here as the real clients would have captured them, for the tests of the comparison itself."""

from __future__ import annotations

import json
from typing import Any

from otel_agent_telemetry.contract import (
    Count,
    Enum,
    ErrorCategory,
    Flag,
    Kind,
    ListOf,
    Milliseconds,
    PublicName,
    Ref,
    Tag,
    Usd,
    Version,
)
from otel_agent_telemetry.contract._events import EVENTS
from tests.goldens.agent_swarm import ID, config_writes
from tests.goldens.captured import calls_of
from tests.goldens.forms import COUNT, MOMENT, MOMENT_MS, SURROGATE, UUID, named
from tests.goldens.surroundings import PATHS

INSTALLATION = "install_00112233445566aa"
_AGENT, _TASK, _SESSION = "1b0c7f0e-agent", "2c1d8a1f-task", "3d2e9b20-session"
_UUID = "0b54c1d4-6f3a-4d0e-9a51-7c1d2e3f4a5b"
_VALUES = (
    (MOMENT, "2026-11-02T10:11:12.345Z"),
    (MOMENT_MS, 1_793_614_272_345),
    (UUID, _UUID),
    (COUNT, 33),
    (SURROGATE, "\ud800"),
    (named("ephemeral_"), "ephemeral_8899aabbccddeeff"),
    (named("install_"), "install_8899aabbccddeeff"),
)
_BUN = {
    "content-type": "application/json",
    "connection": "keep-alive",
    "user-agent": "Bun/1.4.0",
    "accept": "*/*",
    "host": "127.0.0.1:9999",
    "accept-encoding": "gzip, deflate, br, zstd",
}


def agent_swarm(*calls: tuple[str, Any], environ: dict[str, str] | None = None, **setup: Any) -> dict[str, Any]:
    """A case of Agent Swarm: ``("task.created", {...})`` for each call, ``("setenv", [name, value])`` for a step."""
    made = [
        {"api": name, "args": given}
        if name in {"setenv", "track"}
        else {"api": f"telemetry.{name.split('.')[0]}", "args": [name.split(".")[1], given]}
        for name, given in calls
    ]
    stands = {
        "source": "api-server",
        "config": {ID: INSTALLATION},
        "options": {"generateIfMissing": True},
        **setup,
    }
    return _case("agent-swarm", "bun 1.4.0", made, environ or {}, stands)


def docker_agent(*calls: tuple[Any, ...], environ: dict[str, str] | None = None, **setup: Any) -> dict[str, Any]:
    """A case of docker-agent: ``("TrackCommand", "run", ["x"])`` for each call."""
    made = [{"api": api, "args": list(arguments)} for api, *arguments in calls]
    stands = {"version": "v1.40.0", "user_uuid_file": _UUID, **setup}
    return _case("docker-agent", "go1.27.3 linux/amd64", made, {"LANG": "en_US.UTF-8", **(environ or {})}, stands)


def _case(client: str, runtime: str, calls: list[Any], env: dict[str, str], setup: dict[str, Any]) -> dict[str, Any]:
    server = setup.pop("server", {"status": 200})
    case = {"client": client, "runtime": runtime, "setup": setup, "env": env, "calls": calls, "server": server}
    said = [call.theirs for call in calls_of(case) if call.theirs is not None]
    headers = _BUN if client == "agent-swarm" else _go(setup)
    requests = [_request(PATHS[client], headers, body) for body in said if "refused" not in server]
    observed = {"request_count": len(requests), "config_writes": config_writes(case)}
    installation = _filled(said[0]["actor_anonymous_id"]) if client == "agent-swarm" and said else None
    return {**case, "requests": requests, "observed": {**observed, "installation_id": installation}}


def _go(setup: dict[str, Any]) -> dict[str, str]:
    return {
        "host": "api-stage.docker.com" if setup.get("debug") else "api.docker.com",
        "user-agent": f"cagent/{setup['version'] or 'unknown'}",
        "content-type": "application/json",
        "x-api-key": "REDACTED",
        "accept-encoding": "gzip",
    }


def _request(path: str, headers: dict[str, str], body: dict[str, Any]) -> dict[str, Any]:
    text = json.dumps(_filled(body), ensure_ascii=False, separators=(",", ":")).replace("\ud800", r"\ud800")
    pairs = [*headers.items(), ("Content-Length", str(len(text.encode())))]
    return {"method": "POST", "path": path, "http_version": "HTTP/1.1", "headers": pairs, "body": text}


def _filled(value: Any) -> Any:
    """A body with a value of each form in its place."""
    if isinstance(value, dict):
        return {key: _filled(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType] - parsed JSON
    if isinstance(value, list):
        return [_filled(item) for item in value]  # pyright: ignore[reportUnknownVariableType] - parsed JSON
    return next((filled for form, filled in _VALUES if form == value), value)


EVERYTHING = agent_swarm(
    (
        "task.created",
        {
            "taskId": _TASK,
            "source": "slack",
            "provider": "claude",
            "harnessVariant": "stock",
            "harnessVersion": "2.1.0",
            "hasParent": True,
            "priority": 60,
            "tags": ["billing", "for Mr Smith"],
        },
    ),
    ("task.claimed", {"taskId": _TASK, "source": "slack", "agentId": _AGENT}),
    ("session.started", {"agentId": _AGENT, "harnessProvider": "claude", "role": "lead", "taskId": _TASK}),
    ("session.ended", {"agentId": _AGENT, "durationMs": 5, "tasksProcessed": 1, "taskId": _TASK}),
    (
        "session.cost",
        {
            "agentId": _AGENT,
            "model": "gpt-4o",
            "provider": "codex",
            "inputTokens": 12,
            "totalCostUsd": 0.25,
            "isError": False,
            "costIsEstimate": True,
        },
    ),
    ("session.failure", {"agentId": _AGENT, "errorCategory": "rate_limit", "model": "opus", "durationMs": 1200}),
    ("agent.registered", {"role": "Plumber", "capabilities": ["sql"], "isReconnect": False, "madeUp": 1}),
    environ={"SWARM_ORG_ID": "org_made", "INSTALL_PRESET": "solo", "SWARM_CLOUD": "1"},
    config={"telemetry_installation_id": INSTALLATION, "telemetry_installed_at": "2026-03-04T05:06:07.000Z"},
)
"""A value of every kind, in the events of Agent Swarm, with what its documents name and its client does not send."""


def _value(kind: Kind, key: str) -> Any:
    """A value that a property of that kind takes."""
    values: dict[type[Kind], Any] = {
        Flag: True,
        Count: 12,
        Milliseconds: 1500,
        Usd: 0.25,
        Ref: f"{key}-4f0e",
        PublicName: "gpt-4o" if key == "model" else "planner",
        Version: "2.1.0",
        ErrorCategory: "timeout",
        Tag: "billing",
    }
    if isinstance(kind, ListOf):
        return [_value(kind.item, key), _value(kind.item, key)]
    return kind.values[0] if isinstance(kind, Enum) else values[type(kind)]


EVERY_FIELD = agent_swarm(
    *((event.name, {key: _value(kind, key) for key, kind in event.properties.items()}) for event in EVENTS)
)
"""Every event of the contract with every property that it has."""

CONVERSATION = docker_agent(
    ("TrackCommand", "run", ["agent.yaml", "a prompt"]),
    ("RecordSessionStart", "root", _SESSION),
    ("RecordTokenUsage", "gpt-4o", 120, 30, 0.5),
    ("RecordToolCall", "shell", _SESSION, "root", 15, "no such file"),
    ("RecordSessionEnd",),
    environ={"TELEMETRY_TAGS": "team=red,tool_name=other"},
)
"""A value of every kind, in the events of docker-agent."""
