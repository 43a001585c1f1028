"""What Agent Swarm 1.135 sends for a call (``src/telemetry.ts``), as far as its requests go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from tests.goldens.forms import ABSENT, MOMENT, SURROGATE, Form, named, without_absent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.goldens.calls import Call

PACKAGE = "1.135.0"
"""The version of Agent Swarm's package that was run."""

ID, INSTALLED_AT = "telemetry_installation_id", "telemetry_installed_at"


class UnsendableError(Exception):
    """A value that the client's encoder gives up on: the event is not sent at all."""


def fails(said: Any, key: str) -> bool:
    """Whether the store fails for that key: ``failRead`` and ``failWrite`` are true, one key or a list of keys."""
    return said is True or said == key or (isinstance(said, list) and key in said)


def stored_id(case: Mapping[str, Any]) -> str | None:
    """The id that the config of the case holds."""
    config: dict[str, str] = case["setup"].get("config") or {}
    return config.get(ID)


def cloud(environ: Mapping[str, str]) -> bool:
    """Whether the deployment says that it is a hosted one; the client looks for each event."""
    return environ.get("SWARM_CLOUD") in {"true", "1"}


def common(environ: Mapping[str, str]) -> dict[str, Any]:
    """The properties that Agent Swarm puts into every event, from its environment at the start, but :func:`cloud`."""
    e2b = bool(environ.get("E2B_SANDBOX_ID"))
    tokens = environ.get("SLACK_BOT_TOKEN") and environ.get("SLACK_APP_TOKEN")
    slack = bool(tokens) and not _flag(environ, "SLACK_DISABLE")
    email = bool(environ.get("AGENTMAIL_WEBHOOK_SECRET")) and not _flag(environ, "AGENTMAIL_DISABLE")
    method = environ.get("INSTALL_METHOD", "").strip()
    known = method in {"onboard_interactive", "onboard_noninteractive"}
    return {
        "is_cloud": _own_host(environ.get("MCP_BASE_URL", "")),
        "is_e2b": e2b,
        "swarmVersion": PACKAGE,
        "has_embedding_key": bool(environ.get("EMBEDDING_API_KEY") or environ.get("OPENAI_API_KEY")),
        "has_slack_channel": slack,
        "has_email_channel": email,
        "has_notification_channel": slack or email,
        "install_method": method if known else "e2b" if e2b else "manual",
    }


def preset(environ: Mapping[str, str]) -> dict[str, Any]:
    """``install_preset``, where the environment names one of the wizard's."""
    named_preset = environ.get("INSTALL_PRESET", "").strip()
    known = named_preset in {"dev", "content", "research", "solo", "custom"}
    return {"install_preset": named_preset} if known else {}


def environment(environ: Mapping[str, str]) -> str:
    """The cohort that Agent Swarm names."""
    chosen = environ.get("DESPLEGA_TELEMETRY_ENV", "").strip()
    return chosen or ("test" if environ.get("NODE_ENV") == "test" else "production")


class AgentSwarm:
    """The client as the setup of a case starts it."""

    def __init__(self, case: Mapping[str, Any]) -> None:
        self._source = case["setup"].get("source")
        self._start = dict(case["env"])
        self.id, self.installed = None, None
        if case["setup"].get("init") is not False and _is_on(self._start):
            self.id, self.installed = _identity(case["setup"])

    def body(self, call: Call) -> dict[str, Any] | None:
        """The body of the request, None where there is none. Raises UnsendableError."""
        if self.id is None or not _is_on(call.environ):
            return None
        return {
            "product": "agent-swarm",
            "event": call.event,
            "occurred_at": MOMENT,
            "source": self._source,
            "actor_mode": "anonymous",
            "actor_anonymous_id": self.id,
            "properties": without_absent(
                {**javascript(call.given), **common(self._start), "is_cloud": self._cloud(call)}
            ),
            "metadata": self._metadata(call),
        }

    def _cloud(self, call: Call) -> bool:
        return common(self._start)["is_cloud"] or cloud(call.environ)

    def _metadata(self, call: Call) -> dict[str, Any]:
        organisation = {
            "organization_id": call.environ.get("SWARM_ORG_ID", "").strip() or ABSENT,
            "organization_name": call.environ.get("SWARM_ORG_NAME", "").strip() or ABSENT,
        }
        said = {
            "transport": "https",
            "schema_version": 1,
            "environment": environment(call.environ),
            "is_cloud": cloud(call.environ),
            **organisation,
            **preset(self._start),
            "install_created_at": self.installed or ABSENT,
        }
        return without_absent({**without_absent(said), **javascript(call.metadata)})


def _identity(setup: Mapping[str, Any]) -> tuple[Any, Any]:
    """The id that Agent Swarm sends with, and the moment of installation: text, a form, or None."""
    mints = bool(setup.get("options", {}).get("generateIfMissing"))
    config: dict[str, str] = setup.get("config") or {}
    if fails(setup.get("failRead"), ID):
        return (named("ephemeral_"), None) if mints else (None, None)
    if config.get(ID) and fails(setup.get("failRead"), INSTALLED_AT):
        return (named("ephemeral_") if mints else config[ID]), None  # a worker has its id by then, and keeps it
    if config.get(ID):
        return config[ID], config.get(INSTALLED_AT) or None
    if not mints:
        return None, None
    if fails(setup.get("failWrite"), ID):
        return named("ephemeral_"), None
    return named("install_"), None if fails(setup.get("failWrite"), INSTALLED_AT) else MOMENT


def config_writes(case: Mapping[str, Any]) -> list[str]:
    """The keys that Agent Swarm writes."""
    setup = case["setup"]
    if case["client"] != "agent-swarm" or setup.get("init") is False or not _is_on(case["env"]):
        return []
    identifier, installed = _identity(setup)
    is_new = isinstance(identifier, Form) and identifier == named("install_")
    return [key for key, written in ((ID, is_new), (INSTALLED_AT, is_new and installed is not None)) if written]


def _is_on(environ: Mapping[str, str]) -> bool:
    return environ.get("ANONYMIZED_TELEMETRY", "").strip().lower() not in {"false", "0"}


def _flag(environ: Mapping[str, str], name: str) -> bool:
    return environ.get(name, "").strip().lower() in {"true", "1"}


def _own_host(url: str) -> bool:
    """As ``new URL`` takes it: an address without a scheme, or with a port that none has, is no address."""
    try:
        address = urlsplit(url.strip())
        host = (address.port, address.hostname or "")[1] if address.scheme else ""
    except ValueError:
        return False
    exact = {"agent-swarm-mcp.desplega.sh", "agent-swarm.dev", "agent-swarm.cloud"}
    return host in exact or host.endswith((".agent-swarm.dev", ".agent-swarm.cloud"))


_JAVASCRIPT = {
    "undefined": ABSENT,
    "function": ABSENT,
    "symbol": ABSENT,
    "NaN": None,
    "Infinity": None,
    "-Infinity": None,
    "-0": 0,
    "date": "1970-01-01T00:00:00.000Z",
    "lone-surrogate": SURROGATE,
}


def javascript(value: Any) -> Any:
    """What JSON.stringify makes of a value of the data."""
    if isinstance(value, list):
        items = [javascript(item) for item in cast("list[Any]", value)]
        return [None if item is ABSENT else item for item in items]
    if not isinstance(value, dict):
        return value
    fields = cast("dict[str, Any]", value)
    if "$js" not in fields:
        return {key: javascript(item) for key, item in fields.items()}
    if fields["$js"] in {"bigint", "circular"}:
        raise UnsendableError(fields["$js"])
    return _JAVASCRIPT[fields["$js"]]
