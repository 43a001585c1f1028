"""Presets: settings under one name, for products whose maintainers already run an event proxy."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["AGENT_SWARM", "PRESETS", "Preset"]

_ON = ("true", "1")


class Preset:
    """Product name, endpoint, sources, store table, and the properties that every event of the product carries."""

    __slots__ = ("endpoint", "name", "product", "sources", "table")

    def __init__(self, *, name: str, product: str, endpoint: str, sources: tuple[str, ...], table: str) -> None:
        self.name = name
        self.product = product
        self.endpoint = endpoint
        self.sources = sources
        self.table = table

    def properties(self, version: str | None, environ: Mapping[str, str] = os.environ) -> dict[str, object]:
        """What joins the properties of each event, after them and over them: flags and closed values only.

        They are as of the product's start; ``is_cloud`` is also true while the deployment :meth:`is_hosted`.
        """
        in_e2b = bool(environ.get("E2B_SANDBOX_ID"))
        slack = bool(environ.get("SLACK_BOT_TOKEN") and environ.get("SLACK_APP_TOKEN")) and not _flag(
            environ, "SLACK_DISABLE"
        )
        email = bool(environ.get("AGENTMAIL_WEBHOOK_SECRET")) and not _flag(environ, "AGENTMAIL_DISABLE")
        common: dict[str, object] = {
            "is_cloud": _on_own_host(environ.get("MCP_BASE_URL", "")),
            "is_e2b": in_e2b,
            "has_embedding_key": bool(environ.get("EMBEDDING_API_KEY") or environ.get("OPENAI_API_KEY")),
            "has_slack_channel": slack,
            "has_email_channel": email,
            "has_notification_channel": slack or email,
            "install_method": _install_method(environ, in_e2b=in_e2b),
        }
        if version is not None:
            common["swarmVersion"] = version
        return {key: common[key] for key in _ORDER if key in common}

    def metadata(self, environ: Mapping[str, str] = os.environ) -> dict[str, object]:
        """What joins the metadata of each event, as of the start: the names of an organisation never do."""
        preset = environ.get("INSTALL_PRESET", "").strip()
        known = {"install_preset": preset} if preset in _INSTALL_PRESETS else {}
        return {"is_cloud": False, **known}

    def environment(self, environ: Mapping[str, str] = os.environ) -> str:
        """The environment that the product's own variables name; of ``NODE_ENV`` only ``test`` is somebody's choice."""
        chosen = environ.get("DESPLEGA_TELEMETRY_ENV", "").strip()
        return chosen or ("test" if environ.get("NODE_ENV") == "test" else "production")

    def is_hosted(self, environ: Mapping[str, str] = os.environ) -> bool:
        """Whether the product's makers host this deployment; read for each event, as a running server may learn it."""
        return environ.get("SWARM_CLOUD") in {"true", "1"}


_ORDER = (
    "is_cloud",
    "is_e2b",
    "swarmVersion",
    "has_embedding_key",
    "has_slack_channel",
    "has_email_channel",
    "has_notification_channel",
    "install_method",
)
_CLOUD_HOSTS = ("agent-swarm-mcp.desplega.sh", "agent-swarm.dev", "agent-swarm.cloud")
_CLOUD_DOMAINS = (".agent-swarm.dev", ".agent-swarm.cloud")
_LARGEST_PORT = 65_535
_INSTALL_METHODS = ("onboard_interactive", "onboard_noninteractive")
_INSTALL_PRESETS = ("dev", "content", "research", "solo", "custom")


def _flag(environ: Mapping[str, str], name: str) -> bool:
    return environ.get(name, "").strip().lower() in _ON


def _on_own_host(url: str) -> bool:
    scheme, _, rest = url.strip().partition("://")
    if not scheme.isalpha():
        return False
    place = min((rest.partition(end)[0] for end in "/?#"), key=len).rpartition("@")[2]
    host, _, port = place.lower().partition(":")
    if port and not (port.isdigit() and int(port) <= _LARGEST_PORT):
        return False
    return host in _CLOUD_HOSTS or host.endswith(_CLOUD_DOMAINS)


def _install_method(environ: Mapping[str, str], *, in_e2b: bool) -> str:
    method = environ.get("INSTALL_METHOD", "").strip()
    if method in _INSTALL_METHODS:
        return method
    return "e2b" if in_e2b else "manual"


AGENT_SWARM = Preset(
    name="agent-swarm",
    product="agent-swarm",
    endpoint="https://proxy.desplega.sh/v1/events",
    sources=("api-server", "worker"),
    table="swarm_config",
)
"""Agent Swarm's schema as its own client 1.135 speaks it (``src/telemetry.ts``), without its free text."""

PRESETS = {AGENT_SWARM.name: AGENT_SWARM}
