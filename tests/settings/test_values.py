from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from otel_agent_telemetry import SettingError, Telemetry, configure
from otel_agent_telemetry.settings import Settings, operator_exports

LIST = "a list of names"
NAMES = "names of 1 to 64 printable characters"
PRODUCT = "up to 64 letters, digits, dots, dashes and _"
SOURCES = "one of api-server, worker, cli, library"
ENVIRONMENTS = "one of production, development, test, ci, staging"
BATCH = "a number of events from 1 to 1000"
SECONDS = "seconds from 0 to 600"
TAGS = "k=v,k=v, or a dictionary in code"
PUBLIC = "AGENT_TELEMETRY_PUBLIC_"
DEFAULTS = {
    "api_key": None,
    "batch": 1,
    "debug": False,
    "dialect": "proxy",
    "endpoint": None,
    "environment": "production",
    "exception_details": True,
    "exit_timeout": 2.0,
    "notice": True,
    "precision": "exact",
    "preset": None,
    "product": None,
    "public_agents": frozenset[str](),
    "public_commands": frozenset[str](),
    "public_models": frozenset[str](),
    "public_tools": frozenset[str](),
    "source": None,
    "state_dir": "/home-of-a-user/.local/state/otel-agent-telemetry",
    "synchronous": False,
    "tags": dict[str, str](),
    "version": None,
}
VARIABLES = {
    "AGENT_TELEMETRY_PRODUCT": "acme-agents",
    "AGENT_TELEMETRY_VERSION": "2.3.0",
    "AGENT_TELEMETRY_SOURCE": "worker",
    "AGENT_TELEMETRY_ENVIRONMENT": "staging",
    "AGENT_TELEMETRY_ENDPOINT": "https://telemetry.example/v1/events",
    "AGENT_TELEMETRY_DIALECT": "docker",
    "AGENT_TELEMETRY_STATE_DIR": "/var/acme",
    "AGENT_TELEMETRY_DEBUG": "1",
    "AGENT_TELEMETRY_SYNC": "on",
    "AGENT_TELEMETRY_NOTICE": "No",
    "AGENT_TELEMETRY_EXCEPTIONS": "types",
    "AGENT_TELEMETRY_EXIT_TIMEOUT": "0.5",
    "AGENT_TELEMETRY_PRECISION": "coarse",
    "AGENT_TELEMETRY_PUBLIC_TOOLS": "web_search, read_file,",
    "AGENT_TELEMETRY_PUBLIC_AGENTS": "planner",
    "AGENT_TELEMETRY_PUBLIC_MODELS": "acme-2",
    "AGENT_TELEMETRY_PUBLIC_COMMANDS": "run,alias list",
    "TELEMETRY_TAGS": "channel=beta",
}
SAID = {
    **DEFAULTS,
    "product": "acme-agents",
    "version": "2.3.0",
    "source": "worker",
    "environment": "staging",
    "endpoint": "https://telemetry.example/v1/events",
    "dialect": "docker",
    "state_dir": "/var/acme",
    "debug": True,
    "synchronous": True,
    "notice": False,
    "exception_details": False,
    "exit_timeout": 0.5,
    "precision": "coarse",
    "public_tools": frozenset({"web_search", "read_file"}),
    "public_agents": frozenset({"planner"}),
    "public_models": frozenset({"acme-2"}),
    "public_commands": frozenset({"run", "alias list"}),
    "tags": {"channel": "beta"},
}
ARGUMENTS: dict[str, Any] = {
    "product": "other",
    "version": "3.0.0",
    "source": "cli",
    "environment": "ci",
    "endpoint": "http://localhost:4/v1",
    "dialect": "proxy",
    "state_dir": PurePosixPath("/var/other"),
    "synchronous": False,
    "notice": True,
    "exit_timeout": 0,
    "tags": "channel=stable",
    "public_tools": ["web_search"],
    "public_agents": {"planner"},
    "public_models": ("acme-1",),
    "public_commands": ["run"],
    "api_key": "public",
    "batch": 1000,
    "precision": "exact",
}


def values(settings: Settings) -> dict[str, object]:
    """Every setting by name."""
    return {name: getattr(settings, name) for name in Settings.__slots__ if not name.startswith("_")}


def refusal(environ: dict[str, str] | None = None, **arguments: Any) -> str:
    """What a setting that cannot be used is refused with."""
    with pytest.raises(SettingError) as error:
        Settings(environ=environ or {}, **arguments)
    return str(error.value)


def given(argument: str, value: object) -> dict[str, Any]:
    """One argument by its name."""
    return {argument: value}


def text(where: str, value: str, expected: str) -> str:
    """The whole message."""
    return f"{where} is {value}; expected {expected}. `agent-telemetry doctor` checks all settings."


def test_nothing_said() -> None:
    """Where nothing is said, the defaults hold."""
    assert values(Settings(environ={"HOME": "/home-of-a-user"})) == DEFAULTS


def test_variables() -> None:
    """Every variable sets what its argument would."""
    assert values(Settings(environ=VARIABLES)) == SAID


def test_empty_variables() -> None:
    """An empty variable is one that is not set."""
    empty = dict.fromkeys(VARIABLES, "")
    assert values(Settings(environ={**empty, "HOME": "/home-of-a-user"})) == DEFAULTS


def test_arguments_win() -> None:
    """Where both are given, the argument wins over the variable."""
    names = {name: frozenset[str](public) for name, public in ARGUMENTS.items() if name.startswith("public_")}
    rest = {
        "state_dir": "/var/other",
        "debug": True,
        "exception_details": False,
        "preset": None,
        "tags": {"channel": "stable"},
    }
    assert values(Settings(environ=VARIABLES, **ARGUMENTS)) == {**ARGUMENTS, **names, **rest}


@pytest.mark.parametrize("word", ["1", "true", "YES", " on "])
def test_switched_on(word: str) -> None:
    """The switches take 1, true, yes and on, in any case, trimmed."""
    environ = dict.fromkeys(["AGENT_TELEMETRY_DEBUG", "AGENT_TELEMETRY_SYNC", "AGENT_TELEMETRY_NOTICE"], word)
    settings = Settings(environ=environ)
    assert (settings.debug, settings.synchronous, settings.notice) == (True, True, True)


@pytest.mark.parametrize("word", ["0", "false", "NO", " off "])
def test_switched_off(word: str) -> None:
    """They take 0, false, no and off the same way."""
    environ = dict.fromkeys(["AGENT_TELEMETRY_DEBUG", "AGENT_TELEMETRY_SYNC", "AGENT_TELEMETRY_NOTICE"], word)
    settings = Settings(environ=environ)
    assert (settings.debug, settings.synchronous, settings.notice) == (False, False, False)


def test_a_state_directory_in_the_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A state directory may be relative, or begin with a tilde."""
    monkeypatch.chdir(tmp_path)
    found = [Settings(state_dir=folder, environ={}).state_dir for folder in ("state", "~/state", Path("state"))]
    assert found == [str(tmp_path / "state"), str(Path("~/state").expanduser()), str(tmp_path / "state")]


@pytest.mark.parametrize(
    ("variable", "argument", "value", "expected"),
    [
        ("AGENT_TELEMETRY_PRODUCT", "product", "acme agents", PRODUCT),
        ("AGENT_TELEMETRY_PRODUCT", "product", "../acme", PRODUCT),
        ("AGENT_TELEMETRY_PRODUCT", "product", "-acme", PRODUCT),
        ("AGENT_TELEMETRY_PRODUCT", "product", "acm\N{LATIN SMALL LETTER E WITH ACUTE}", PRODUCT),
        ("AGENT_TELEMETRY_PRODUCT", "product", "a" * 65, PRODUCT),
        ("AGENT_TELEMETRY_PRODUCT", "product", "acme\n", PRODUCT),
        ("AGENT_TELEMETRY_SOURCE", "source", "server", SOURCES),
        ("AGENT_TELEMETRY_SOURCE", "source", "Worker", SOURCES),
        ("AGENT_TELEMETRY_ENVIRONMENT", "environment", "prod", ENVIRONMENTS),
        ("AGENT_TELEMETRY_DIALECT", "dialect", "protobuf", "one of proxy, docker"),
        ("AGENT_TELEMETRY_PRESET", "preset", "swarm", "one of agent-swarm"),
    ],
)
def test_a_wrong_word(variable: str, argument: str, value: str, expected: str) -> None:
    """A wrong word is refused, by argument and by variable, with its name, its value and what it may be."""
    message = text(f"{variable} or configure({argument}=)", repr(value), expected)
    assert [refusal({variable: value}), refusal(**given(argument, value))] == [message, message]


@pytest.mark.parametrize(
    ("variable", "where"),
    [
        ("AGENT_TELEMETRY_DEBUG", "AGENT_TELEMETRY_DEBUG"),
        ("AGENT_TELEMETRY_SYNC", "AGENT_TELEMETRY_SYNC or configure(synchronous=)"),
        ("AGENT_TELEMETRY_NOTICE", "AGENT_TELEMETRY_NOTICE or configure(notice=)"),
    ],
)
def test_a_wrong_switch(variable: str, where: str) -> None:
    """A switch that says neither is refused, and the message names the argument only where there is one."""
    assert refusal({variable: "perhaps"}) == text(where, "'perhaps'", "1 or 0")


@pytest.mark.parametrize(
    ("variable", "argument", "value", "expected"),
    [
        ("AGENT_TELEMETRY_PRODUCT", "product", 5, "text"),
        ("AGENT_TELEMETRY_VERSION", "version", (2, 3), "text"),
        ("AGENT_TELEMETRY_SOURCE", "source", b"cli", "text"),
        ("AGENT_TELEMETRY_ENDPOINT", "endpoint", 4318, "text"),
        ("AGENT_TELEMETRY_STATE_DIR", "state_dir", 5, "text"),
        ("AGENT_TELEMETRY_STATE_DIR", "state_dir", "a\0b", "the path of a folder"),
        ("AGENT_TELEMETRY_SYNC", "synchronous", "no", "True or False"),
        ("AGENT_TELEMETRY_NOTICE", "notice", 0, "True or False"),
        ("TELEMETRY_TAGS", "tags", 5, TAGS),
        ("AGENT_TELEMETRY_EXIT_TIMEOUT", "exit_timeout", -1, SECONDS),
        ("AGENT_TELEMETRY_EXIT_TIMEOUT", "exit_timeout", True, SECONDS),
        ("AGENT_TELEMETRY_EXIT_TIMEOUT", "exit_timeout", float("nan"), SECONDS),
        (None, "batch", 0, BATCH),
        (None, "batch", 1001, BATCH),
        (None, "batch", True, BATCH),
        (None, "batch", "10", BATCH),
        (None, "batch", 1.0, BATCH),
        (f"{PUBLIC}TOOLS", "public_tools", "web_search", "a list of names, such as public_tools=['web_search']"),
        (f"{PUBLIC}MODELS", "public_models", 5, LIST),
    ],
)
def test_a_wrong_argument(variable: str | None, argument: str, value: object, expected: str) -> None:
    """An argument of a wrong type or range is refused with its name, its value and what it may be."""
    where = f"{variable} or configure({argument}=)" if variable else f"configure({argument}=)"
    assert refusal(**given(argument, value)) == text(where, repr(value), expected)


@pytest.mark.parametrize("argument", ["public_tools", "public_agents", "public_models", "public_commands"])
@pytest.mark.parametrize("name", ["", "a" * 65, 5, ["run"], "two\nlines", "\ud800", "\x00"])
def test_a_wrong_name(argument: str, name: object) -> None:
    """A public name that no event could carry is refused."""
    where = f"AGENT_TELEMETRY_{argument.upper()} or configure({argument}=)"
    assert refusal(**given(argument, ["run", name])) == text(where, repr(name)[:80], NAMES)


@pytest.mark.parametrize("key", ["a\nb", "\N{KEY}", b"key", 5])
def test_a_wrong_key(key: object) -> None:
    """An API key that no header could carry is refused, and never shown."""
    expected = "a public key of printable ASCII characters"
    assert refusal(api_key=key) == text("configure(api_key=)", "(not shown)", expected)


@pytest.mark.parametrize("set_up", [configure, Telemetry])
def test_where_a_wrong_value_is_told(set_up: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """configure() and Telemetry() raise for an argument, opted out or not: that is told to who writes the product."""
    monkeypatch.setenv("AGENT_TELEMETRY_ENDPOINT", "https://telemetry.example")
    with pytest.raises(SettingError, match="AGENT_TELEMETRY_ENDPOINT"):
        set_up(product="acme-agents", state_dir=tmp_path, endpoint="ftp://telemetry.example")
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - as little as possible between the fact and the test


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ("channel=beta,plan=free", {"channel": "beta", "plan": "free"}),
        (" channel = beta , plan=free ", {"channel": "beta", "plan": "free"}),
        ("channel=beta,channel=stable", {"channel": "stable"}),
        ("channel=a=b", {"channel": "a=b"}),
        ("channel=", {"channel": ""}),
        ("channel,=beta,,;", {}),
        ("", {}),
        ({"channel": "beta", "tier": 1}, {"channel": "beta", "tier": "1"}),
        ({}, {}),
    ],
)
def test_tags(pairs: Any, expected: dict[str, str]) -> None:
    """Tags are pairs, trimmed, the last of a name wins, and what is no pair is left out."""
    assert Settings(tags=pairs, environ={"TELEMETRY_TAGS": "of=variable"}).tags == expected


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://localhost:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://localhost:4318/v1/metrics"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": " "}, False),
        ({"OTEL_TRACES_EXPORTER": "console"}, True),
        ({"OTEL_METRICS_EXPORTER": "otlp"}, True),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": " none "}, False),
        ({"OTEL_TRACES_EXPORTER": "agent_events"}, False),
        ({"OTEL_TRACES_EXPORTER": "otlp,agent_events"}, True),
        ({"OTEL_SERVICE_NAME": "acme"}, False),
    ],
    ids=str,
)
def test_whether_the_operator_exports(environ: dict[str, str], expected: bool) -> None:  # noqa: FBT001 - a parameter
    """The operator has an exporter of his own where a standard variable names one or where it goes."""
    assert operator_exports(environ) is expected
