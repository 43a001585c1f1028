"""Cases drawn from a seed: calls of the two clients with values that nobody thought of together."""

from __future__ import annotations

import random
from typing import Any

from tests.goldens.made import agent_swarm, docker_agent
from tests.goldens.schema import AGENT_SWARM, OURS, WORDS

_JAVASCRIPT = ("undefined", "NaN", "Infinity", "-0", "function", "date", "lone-surrogate")
_ODD: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 7.9, -0.5, 1e21, 10**16, "", "x", "é<b>\u2028", "a" * 300),
    *(["x", 1, None], [], {}, {"a": 1}),
    *({"$js": name} for name in _JAVASCRIPT),
)
_TEXTS = (
    *("slack", "api", "claude", "worker", "lead", "stock", "rate_limit", "timeout", "completed"),
    *("1.2.3", "2.1.0-rc.1", "v9", "opus", "gpt-4o", "llama3.2:3b"),
    *("anthropic/claude-sonnet-4-5-20250929", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
)
_VARIABLES = (
    *("SWARM_CLOUD", "MCP_BASE_URL", "E2B_SANDBOX_ID", "INSTALL_METHOD", "INSTALL_PRESET", "OPENAI_API_KEY"),
    *("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_DISABLE", "AGENTMAIL_WEBHOOK_SECRET", "AGENTMAIL_DISABLE"),
    *("NODE_ENV", "DESPLEGA_TELEMETRY_ENV", "SWARM_ORG_ID"),
)
_SAID = ("1", "true", "x", " solo ", "onboard_interactive", "https://agent-swarm.dev")


def drawn(seed: int) -> dict[str, Any]:
    """A case of docker-agent for an even seed, of Agent Swarm for an odd one."""
    draw = random.Random(seed)  # noqa: S311 - made up
    return _of_agent_swarm(draw) if seed % 2 else _of_docker_agent(draw)


def _of_agent_swarm(draw: random.Random) -> dict[str, Any]:
    calls: list[tuple[str, Any]] = []
    for _ in range(draw.randint(1, 5)):
        event = draw.choice(list(AGENT_SWARM))
        keys = [key for key in (*AGENT_SWARM[event], *OURS.get(event, {})) if draw.random() < 0.75]
        calls.append((event, {key: _value(draw, key) for key in keys}))
    return agent_swarm(*calls, environ={name: draw.choice(_SAID) for name in draw.sample(_VARIABLES, 5)})


def _value(draw: random.Random, key: str) -> Any:
    """Something odd, a word of the client's, a text, or a number."""
    pools: tuple[tuple[Any, ...], ...] = (_ODD, WORDS.get(key, _TEXTS), _TEXTS, (draw.randint(0, 10**6),))
    return draw.choice(draw.choice(pools))


def _of_docker_agent(draw: random.Random) -> dict[str, Any]:
    sessions, agents, tools = ("s1", "s2", ""), ("root", "", "é"), ("grep", "", "x y")
    calls: dict[str, tuple[tuple[Any, ...], ...]] = {
        "TrackCommand": ((*_TEXTS, "", "hex:ff41"), ([], ["x"], ["hex:ff"])),
        "RecordSessionStart": (agents, sessions),
        "RecordSessionEnd": (),
        "RecordError": (("boom",),),
        "RecordToolCall": (tools, sessions, agents, (0, 5, -1, 10**12), (None, "", "bad")),
        "RecordTokenUsage": ((*_TEXTS, ""), (0, 5, 10**6, -3), (0, 7), (0, 0.1, -1, 10**10, "NaN", "+Inf", "-Inf")),
    }
    made = [(name, *map(draw.choice, calls[name])) for name in draw.choices(list(calls), k=draw.randint(1, 8))]
    said = {
        "LANG": draw.choice(("C", "C.UTF-8", "de_DE.UTF-8", "fr", "en-US", "x y")),
        "TELEMETRY_TAGS": draw.choice(("", "a=1", "is_success=false,b", "version=9")),
    }
    return docker_agent(*made, environ=said, version=draw.choice(("v1.40.0", "", "1.2", "abc", "v1.2.3-rc1")))
