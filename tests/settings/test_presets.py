from __future__ import annotations

from typing import Any

import pytest

from otel_agent_telemetry import SettingError
from otel_agent_telemetry.presets import AGENT_SWARM
from otel_agent_telemetry.settings import Settings

PROPERTIES = {
    "is_cloud": False,
    "is_e2b": False,
    "swarmVersion": "1.135.0",
    "has_embedding_key": False,
    "has_slack_channel": False,
    "has_email_channel": False,
    "has_notification_channel": False,
    "install_method": "manual",
}
SLACK = {"SLACK_BOT_TOKEN": "given", "SLACK_APP_TOKEN": "given"}
MAIL = {"AGENTMAIL_WEBHOOK_SECRET": "given"}
A_SLACK = {"has_slack_channel": True, "has_notification_channel": True}
A_MAIL = {"has_email_channel": True, "has_notification_channel": True}


def test_what_the_preset_stands_for() -> None:
    """The preset agent-swarm stands for its product name, its endpoint, its sources and its table."""
    settings = Settings(environ={"AGENT_TELEMETRY_PRESET": "agent-swarm"})
    stands_for = (settings.product, settings.endpoint, settings.environment, settings.dialect, settings.preset)
    endpoint = "https://proxy.desplega.sh/v1/events"
    assert stands_for == ("agent-swarm", endpoint, "production", "proxy", AGENT_SWARM)
    assert (AGENT_SWARM.sources, AGENT_SWARM.table) == (("api-server", "worker"), "swarm_config")


def test_what_is_said_wins_over_the_preset() -> None:
    """What an argument or a variable says wins over what a preset stands for."""
    environ = {"AGENT_TELEMETRY_ENDPOINT": "http://localhost:1", "NODE_ENV": "test"}
    settings = Settings(preset="agent-swarm", product="my-swarm", environment="ci", environ=environ)
    assert (settings.product, settings.endpoint, settings.environment) == ("my-swarm", "http://localhost:1", "ci")


def test_a_source_that_the_preset_does_not_have() -> None:
    """A source that is not among the preset's is refused."""
    with pytest.raises(SettingError, match="is 'cli'; expected one of api-server, worker"):
        Settings(preset="agent-swarm", source="cli", environ={})


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, "production"),
        ({"NODE_ENV": "test"}, "test"),
        ({"NODE_ENV": "development"}, "production"),
        ({"DESPLEGA_TELEMETRY_ENV": "qa-of-someone"}, "other"),
        ({"NODE_ENV": " "}, "production"),
        ({"DESPLEGA_TELEMETRY_ENV": " staging ", "NODE_ENV": "test"}, "staging"),
        ({"DESPLEGA_TELEMETRY_ENV": " ", "NODE_ENV": "test"}, "test"),
    ],
    ids=str,
)
def test_environment(environ: dict[str, str], expected: str) -> None:
    """The environment comes from the product's own variables, and is a word of the list or other."""
    assert Settings(preset="agent-swarm", environ=environ).environment == expected


@pytest.mark.parametrize(
    ("environ", "changes"),
    [
        ({}, {}),
        ({"SWARM_CLOUD": "true"}, {}),
        ({"MCP_BASE_URL": "https://api.agent-swarm.cloud/x"}, {"is_cloud": True}),
        ({"MCP_BASE_URL": "HTTPS://AGENT-SWARM.DEV:8443"}, {"is_cloud": True}),
        ({"MCP_BASE_URL": "https://user:x@agent-swarm.dev?y"}, {"is_cloud": True}),
        ({"MCP_BASE_URL": "https://agent-swarm-mcp.desplega.sh"}, {"is_cloud": True}),
        ({"MCP_BASE_URL": "https://agent-swarm.dev.attacker.example"}, {}),
        ({"MCP_BASE_URL": "https://not-agent-swarm.dev"}, {}),
        ({"MCP_BASE_URL": "ws://agent-swarm.dev"}, {"is_cloud": True}),
        ({"MCP_BASE_URL": "not a url"}, {}),
        ({"E2B_SANDBOX_ID": "sandbox"}, {"is_e2b": True, "install_method": "e2b"}),
        ({"EMBEDDING_API_KEY": "given"}, {"has_embedding_key": True}),
        ({"OPENAI_API_KEY": "given"}, {"has_embedding_key": True}),
        (SLACK, A_SLACK),
        ({"SLACK_BOT_TOKEN": "given"}, {}),
        ({**SLACK, "SLACK_DISABLE": "1"}, {}),
        ({**SLACK, "SLACK_DISABLE": "no"}, A_SLACK),
        ({**SLACK, "SLACK_DISABLE": "yes"}, A_SLACK),
        (MAIL, A_MAIL),
        ({**MAIL, "AGENTMAIL_DISABLE": "true"}, {}),
        ({**SLACK, **MAIL}, {**A_SLACK, **A_MAIL}),
        ({"INSTALL_METHOD": "onboard_interactive"}, {"install_method": "onboard_interactive"}),
        ({"INSTALL_METHOD": "onboard_noninteractive"}, {"install_method": "onboard_noninteractive"}),
        ({"INSTALL_METHOD": "someone"}, {}),
        ({"SWARM_ORG_ID": "org_acme", "SWARM_ORG_NAME": "Acme Engineering"}, {}),
    ],
    ids=str,
)
def test_properties(environ: dict[str, str], changes: dict[str, Any]) -> None:
    """Each event carries flags and closed words in one order; no name, key or address of an installation."""
    properties = AGENT_SWARM.properties("1.135.0", environ)
    assert list(properties.items()) == list({**PROPERTIES, **changes}.items())


def test_properties_without_a_version() -> None:
    """Without a version its property is left out."""
    expected = {name: value for name, value in PROPERTIES.items() if name != "swarmVersion"}
    assert AGENT_SWARM.properties(None, {}) == expected


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, {"is_cloud": False}),
        ({"SWARM_CLOUD": "true"}, {"is_cloud": False}),
        ({"MCP_BASE_URL": "https://agent-swarm.dev"}, {"is_cloud": False}),
        ({"INSTALL_PRESET": " solo "}, {"is_cloud": False, "install_preset": "solo"}),
        ({"INSTALL_PRESET": "someone@example.com"}, {"is_cloud": False}),
        ({"SWARM_ORG_ID": "org_acme", "SWARM_ORG_NAME": "Acme Engineering"}, {"is_cloud": False}),
    ],
    ids=str,
)
def test_metadata(environ: dict[str, str], expected: dict[str, object]) -> None:
    """The metadata carries closed words alone; an organisation is never named."""
    assert AGENT_SWARM.metadata(environ) == expected


@pytest.mark.parametrize(
    ("environ", "is_hosted"),
    [
        ({}, False),
        ({"SWARM_CLOUD": "true"}, True),
        ({"SWARM_CLOUD": "1"}, True),
        ({"SWARM_CLOUD": "TRUE"}, False),
        ({"MCP_BASE_URL": "https://agent-swarm.dev"}, False),
    ],
    ids=str,
)
def test_hosted(environ: dict[str, str], *, is_hosted: bool) -> None:
    """A deployment says by one variable that the product's makers host it."""
    assert AGENT_SWARM.is_hosted(environ) == is_hosted


def test_the_environment_of_now() -> None:
    """What the preset's own variables say counts when it is asked; what the program said stays."""
    later = {"NODE_ENV": "test"}
    assert Settings(preset="agent-swarm", environ={}).environment_now(later) == "test"
    assert Settings(preset="agent-swarm", environment="ci", environ={}).environment_now(later) == "ci"
    assert Settings(environ={"AGENT_TELEMETRY_PRESET": "agent-swarm"}).environment_now({}) == "production"
    assert Settings(environ={}).environment_now(later) == "production"
