"""Every setting: variable, argument of configure(), default, meaning. The reference page is made of it."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["SETTINGS", "Setting", "names"]


class Setting(NamedTuple):
    """A ``variable`` and an ``argument`` that say the same; either may be empty. Texts are Markdown."""

    variable: str
    argument: str
    default: str
    meaning: str


SETTINGS = (
    Setting(
        "AGENT_TELEMETRY_PRODUCT",
        "product",
        "the distribution that owns what runs, else `agent-service`",
        "the product's name in every event: up to 64 letters, digits, dots, dashes and underscores. It is also"
        " `service.name`; without it, that is the name of the script or module.",
    ),
    Setting("AGENT_TELEMETRY_VERSION", "version", "that distribution's version", "the product's version"),
    Setting(
        "AGENT_TELEMETRY_SOURCE",
        "source",
        "what the process turns out to be",
        "`api-server`, `worker`, `cli` or `library`",
    ),
    Setting(
        "AGENT_TELEMETRY_ENVIRONMENT",
        "environment",
        "`production`",
        "`production`, `development`, `test`, `ci` or `staging`",
    ),
    Setting(
        "AGENT_TELEMETRY_ENDPOINT",
        "endpoint",
        "none: events stay in the ledger",
        "where events go: `https://…`, or `http://` on this machine",
    ),
    Setting("AGENT_TELEMETRY_DIALECT", "dialect", "`proxy`", "how events are written: `proxy` or `docker`"),
    Setting("AGENT_TELEMETRY_PRESET", "preset", "none", "several settings under one name: `agent-swarm`"),
    Setting(
        "AGENT_TELEMETRY_STATE_DIR",
        "state_dir",
        "`otel-agent-telemetry` in the XDG state directory",
        "where the installation id, the ledger and the stored choice are kept",
    ),
    Setting(
        "AGENT_TELEMETRY_PRECISION",
        "precision",
        "`exact`",
        "`coarse` keeps two significant digits of each number and the minute of each time",
    ),
    Setting(
        "AGENT_TELEMETRY_DEBUG",
        "",
        "off",
        "`1`, or `agent-telemetry run --debug`, prints events on standard error and sends none",
    ),
    Setting(
        "AGENT_TELEMETRY_SYNC",
        "synchronous",
        "off",
        "each call waits for the ledger and one attempt to send, five seconds at most",
    ),
    Setting(
        "AGENT_TELEMETRY_NOTICE",
        "notice",
        "on",
        "the first interactive run of a product with an endpoint prints the notice, and sends nothing",
    ),
    Setting(
        "AGENT_TELEMETRY_EXIT_TIMEOUT",
        "exit_timeout",
        "2",
        "how many seconds the end of the program waits for your own exporters, at most",
    ),
    Setting(
        "AGENT_TELEMETRY_EXCEPTIONS",
        "",
        "`full`",
        "`types` keeps messages and stack traces of exceptions out of the traces that your own exporters get",
    ),
    Setting("TELEMETRY_TAGS", "tags", "none", "`k=v,k=v`: declared tags with declared values only"),
    Setting(
        "AGENT_TELEMETRY_ALLOW_IN_TESTS", "", "off", "`1` allows events in a test run, where `PYTEST_VERSION` is set"
    ),
    Setting("", "store", "a file in the state directory", "where the installation id and the reference key are kept"),
    Setting("", "opt_out_env", "none", "the product's own variable that switches events off"),
    Setting("", "enabled", "not set", "`False` switches events off"),
    Setting(
        "AGENT_TELEMETRY_PUBLIC_TOOLS",
        "public_tools",
        "none",
        "`a,b`: tool names that may leave as they are; any other leaves as `custom`",
    ),
    Setting("AGENT_TELEMETRY_PUBLIC_AGENTS", "public_agents", "none", "the same for agent names"),
    Setting(
        "AGENT_TELEMETRY_PUBLIC_COMMANDS",
        "public_commands",
        "none",
        "the same for commands, without the program's name: `run,alias list`",
    ),
    Setting("AGENT_TELEMETRY_PUBLIC_MODELS", "public_models", "none", "the same for models that no public list has"),
    Setting("", "api_key", "none", "a public key for the header `X-Api-Key`"),
    Setting("", "batch", "1", "events per request; above 1 as newline-delimited JSON"),
    Setting(
        "AGENT_TELEMETRY_DB",
        "",
        "`traces.sqlite` in the state directory",
        "the store that `serve` fills and the commands read",
    ),
    Setting(
        "AGENT_TELEMETRY_PRICES",
        "",
        "none",
        "a JSON file of your own prices, which win over the public list, also in events",
    ),
    Setting(
        "AGENT_TELEMETRY_SERVE_TOKEN",
        "",
        "none",
        "the token that `serve` demands of every client; needed for `serve --host`",
    ),
    Setting(
        "AGENT_TELEMETRY_PROXY_TOKEN", "", "none", "the token that the maintainers' `proxy` demands for its report"
    ),
    Setting(
        "AGENT_TELEMETRY_AUDIT",
        "",
        "off",
        "set by `agent-telemetry audit`: events go to its own sink on this machine, whatever the program says",
    ),
    Setting("DO_NOT_TRACK", "", "not set", "switches events off, unless it is empty, `0` or `false`"),
    Setting("ANONYMIZED_TELEMETRY", "", "not set", "switches events off, unless it is `true`, `1`, `yes` or `on`"),
    Setting("TELEMETRY_ENABLED", "", "not set", "the same"),
    Setting("OTEL_SDK_DISABLED", "", "not set", "`true` switches events off, and your own traces as well"),
    Setting(
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT",
        "",
        "off",
        "`true` puts prompts and answers into your own spans, whichever instrumentation makes them; never into events",
    ),
)


def names() -> frozenset[str]:
    """Every variable."""
    return frozenset(setting.variable for setting in SETTINGS) - {""}
