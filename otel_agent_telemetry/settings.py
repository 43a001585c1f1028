"""Settings: what configure() was given, what the environment says, and what holds.

Arguments win over variables. A wrong value raises SettingError that names the variable and what it may be; where a
variable is wrong, :func:`settings_of_program` does without it. Imported by every program, so it imports nothing but
``os``.
"""

from __future__ import annotations

import os

from otel_agent_telemetry.consent import NO_HOME, default_state_dir

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any, NoReturn

    from otel_agent_telemetry.presets import Preset

__all__ = [
    "DIALECTS",
    "ENVIRONMENTS",
    "SOURCES",
    "Settings",
    "check_endpoint",
    "operator_exports",
    "settings_of_program",
]

SOURCES = ("api-server", "worker", "cli", "library")
ENVIRONMENTS = ("production", "development", "test", "ci", "staging")
DIALECTS = ("proxy", "docker")
PRECISIONS = ("exact", "coarse")
_LARGEST_BATCH = 1000
_EXIT_SECONDS, _LONGEST_EXIT_SECONDS = 2.0, 600


class Settings:
    """The settings that hold, checked."""

    __slots__ = (
        "_is_environment_given",
        "api_key",
        "batch",
        "debug",
        "dialect",
        "endpoint",
        "environment",
        "exception_details",
        "exit_timeout",
        "notice",
        "precision",
        "preset",
        "product",
        "public_agents",
        "public_commands",
        "public_models",
        "public_tools",
        "source",
        "state_dir",
        "synchronous",
        "tags",
        "version",
    )

    def __init__(
        self,
        *,
        product: str | None = None,
        version: str | None = None,
        source: str | None = None,
        environment: str | None = None,
        endpoint: str | None = None,
        dialect: str | None = None,
        preset: str | None = None,
        state_dir: str | os.PathLike[str] | None = None,
        synchronous: bool | None = None,
        notice: bool | None = None,
        tags: Mapping[str, str] | str | None = None,
        public_tools: Iterable[str] | None = None,
        public_agents: Iterable[str] | None = None,
        public_models: Iterable[str] | None = None,
        public_commands: Iterable[str] | None = None,
        api_key: str | None = None,
        batch: int = 1,
        exit_timeout: float | None = None,
        precision: str | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        is_audited = _switch(None, None, "AGENT_TELEMETRY_AUDIT", environ, default=False)
        if is_audited:  # events go to the audit's own sink and state folder, whatever the program says
            endpoint = state_dir = notice = None
        self.preset = _preset(_given("preset", preset, "AGENT_TELEMETRY_PRESET", environ))
        stands_for = self.preset
        self.product = _given("product", product, "AGENT_TELEMETRY_PRODUCT", environ)
        if self.product is None and stands_for is not None:
            self.product = stands_for.product
        if self.product is not None and not _is_name(self.product):
            _refuse(
                "product", "AGENT_TELEMETRY_PRODUCT", repr(self.product), "up to 64 letters, digits, dots, dashes and _"
            )
        self.version = _given("version", version, "AGENT_TELEMETRY_VERSION", environ)
        self.source = _one_of(
            "source",
            "AGENT_TELEMETRY_SOURCE",
            _given("source", source, "AGENT_TELEMETRY_SOURCE", environ),
            SOURCES if stands_for is None else stands_for.sources,
        )
        self.environment = _environment(environment, stands_for, environ)
        self._is_environment_given = bool(environment or environ.get("AGENT_TELEMETRY_ENVIRONMENT"))
        self.dialect = (
            _one_of(
                "dialect",
                "AGENT_TELEMETRY_DIALECT",
                _given("dialect", dialect, "AGENT_TELEMETRY_DIALECT", environ),
                DIALECTS,
            )
            or "proxy"
        )
        self.endpoint = _given("endpoint", endpoint, "AGENT_TELEMETRY_ENDPOINT", environ)
        if self.endpoint is None and stands_for is not None and not is_audited:
            self.endpoint = stands_for.endpoint
        if self.endpoint is not None:
            check_endpoint(self.endpoint, anywhere=not is_audited)
        directory = _given("state_dir", state_dir, "AGENT_TELEMETRY_STATE_DIR", environ)
        if directory is not None and "\0" in directory:
            _refuse("state_dir", "AGENT_TELEMETRY_STATE_DIR", repr(directory), "the path of a folder")
        self.state_dir = _folder(directory) if directory else default_state_dir(environ)
        self.debug = _switch(None, None, "AGENT_TELEMETRY_DEBUG", environ, default=False)
        self.synchronous = _switch("synchronous", synchronous, "AGENT_TELEMETRY_SYNC", environ, default=False)
        self.notice = _switch("notice", notice, "AGENT_TELEMETRY_NOTICE", environ, default=True)
        # What is not understood keeps more in, not less.
        self.exception_details = environ.get("AGENT_TELEMETRY_EXCEPTIONS", "").strip().lower() in {"", "full"}
        self.exit_timeout = _seconds(exit_timeout, environ)
        self.tags = _tags(tags if tags is not None else environ.get("TELEMETRY_TAGS", ""))
        self.public_tools = _names("public_tools", "AGENT_TELEMETRY_PUBLIC_TOOLS", public_tools, environ)
        self.public_agents = _names("public_agents", "AGENT_TELEMETRY_PUBLIC_AGENTS", public_agents, environ)
        self.public_models = _names("public_models", "AGENT_TELEMETRY_PUBLIC_MODELS", public_models, environ)
        self.public_commands = _names("public_commands", "AGENT_TELEMETRY_PUBLIC_COMMANDS", public_commands, environ)
        if api_key is not None and not (isinstance(api_key, str) and api_key.isascii() and api_key.isprintable()):  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
            _refuse("api_key", None, "(not shown)", "a public key of printable ASCII characters")
        self.api_key = api_key
        if isinstance(batch, bool) or not isinstance(batch, int) or not 1 <= batch <= _LARGEST_BATCH:  # pyright: ignore[reportUnnecessaryIsInstance] - code may give anything
            _refuse("batch", None, repr(batch), f"a number of events from 1 to {_LARGEST_BATCH}")
        self.batch = batch
        wanted = _given("precision", precision, "AGENT_TELEMETRY_PRECISION", environ)
        self.precision = _one_of("precision", "AGENT_TELEMETRY_PRECISION", wanted, PRECISIONS) or "exact"

    def environment_now(self, environ: Mapping[str, str] = os.environ) -> str:
        """The environment that was given, else what the preset's own variables say at this moment."""
        if self.preset is None or self._is_environment_given:
            return self.environment
        return _of_preset(self.preset, environ)


def settings_of_program(**arguments: Any) -> tuple[Settings, str]:
    """The settings that hold, and in words what is wrong with variables: they are left out, and end no program.

    Raises SettingError for a wrong argument.
    """
    environ: Mapping[str, str] = os.environ
    wrong: list[str] = []
    while True:
        try:
            return Settings(**arguments, environ=environ), " ".join(wrong)
        except ValueError as error:
            variable: str | None = getattr(error, "variable", None)
            if variable not in environ or arguments.get(getattr(error, "argument", None) or "") is not None:
                raise
            environ = {name: value for name, value in environ.items() if name != variable}
            wrong.append(str(error))


def check_endpoint(endpoint: str, *, anywhere: bool = True) -> None:
    """Raise SettingError unless events may be sent there: https anywhere, http on this machine only.

    Without ``anywhere`` it has to be http on this machine.
    """
    scheme, separator, rest = endpoint.partition("://")
    authority = rest.split("/", 1)[0].split("?", 1)[0]
    expected = "https://host/path, or http:// on this machine (localhost, 127.0.0.1, [::1])"
    if "@" in authority or "#" in endpoint:
        _refuse("endpoint", "AGENT_TELEMETRY_ENDPOINT", "(not shown: it holds a password or a fragment)", expected)
    host, port = _split(authority)
    is_address = separator and host and _is_port(port) and not any(c.isspace() or not c.isprintable() for c in endpoint)
    if is_address and ((anywhere and scheme.lower() == "https") or (scheme.lower() == "http" and _is_loopback(host))):
        return
    _refuse("endpoint", "AGENT_TELEMETRY_ENDPOINT", repr(endpoint), expected)


def operator_exports(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether the operator configured an exporter of his own by the standard OpenTelemetry variables."""
    endpoints = ("", "TRACES_", "METRICS_", "LOGS_")
    if any(environ.get(f"OTEL_EXPORTER_OTLP_{signal}ENDPOINT", "").strip() for signal in endpoints):
        return True
    return any(
        name.strip() not in {"", "none", "agent_events"}
        for variable in ("OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER")
        for name in environ.get(variable, "").split(",")
    )


def _refuse(argument: str | None, variable: str | None, value: str, expected: str) -> NoReturn:
    from otel_agent_telemetry.errors import SettingError  # only the one program that is told needs it

    where = " or ".join(filter(None, [variable, argument and f"configure({argument}=)"]))
    msg = f"{where} is {value}; expected {expected}. `agent-telemetry doctor` checks all settings."
    error = SettingError(msg)
    error.argument, error.variable = argument, variable
    raise error


def _given(argument: str, value: object, variable: str, environ: Mapping[str, str]) -> str | None:
    if value is None:
        return environ.get(variable) or None
    text: object = os.fspath(value) if isinstance(value, os.PathLike) else value  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] - checked below
    if not isinstance(text, str):
        _refuse(argument, variable, repr(value), "text")  # pyright: ignore[reportUnknownArgumentType] - any object at all
    return text or None


def _one_of(argument: str, variable: str, value: str | None, allowed: tuple[str, ...]) -> str | None:
    if value is not None and value not in allowed:
        _refuse(argument, variable, repr(value), "one of " + ", ".join(allowed))
    return value


def _preset(name: str | None) -> Preset | None:
    if name is None:
        return None
    from otel_agent_telemetry.presets import PRESETS

    _one_of("preset", "AGENT_TELEMETRY_PRESET", name, tuple(PRESETS))
    return PRESETS[name]


def _environment(value: str | None, preset: Preset | None, environ: Mapping[str, str]) -> str:
    given = _given("environment", value, "AGENT_TELEMETRY_ENVIRONMENT", environ)
    if given is not None:
        return _one_of("environment", "AGENT_TELEMETRY_ENVIRONMENT", given, ENVIRONMENTS) or "production"
    return "production" if preset is None else _of_preset(preset, environ)


def _of_preset(preset: Preset, environ: Mapping[str, str]) -> str:
    named = preset.environment(environ)
    return named if named in ENVIRONMENTS else "other"


def _switch(argument: str | None, value: object, variable: str, environ: Mapping[str, str], *, default: bool) -> bool:
    if isinstance(value, bool):
        return value
    if value is not None:
        _refuse(argument, variable, repr(value), "True or False")
    text = environ.get(variable, "").strip().lower()
    if text in {"1", "true", "yes", "on"}:
        return True
    if text in {"0", "false", "no", "off"}:
        return False
    if text:
        _refuse(argument, variable, repr(text), "1 or 0")
    return default


def _folder(path: str) -> str:
    expanded = os.path.expanduser(path)
    # Of a user without a home: a folder that is called "~", wherever the program happens to run, is not what was meant.
    return NO_HOME if expanded.startswith("~") else os.path.abspath(expanded)


def _seconds(value: float | None, environ: Mapping[str, str]) -> float:
    """How long the end of the program may wait for the operator's exporters."""
    variable = "AGENT_TELEMETRY_EXIT_TIMEOUT"
    given = environ.get(variable, "").strip() or _EXIT_SECONDS if value is None else value
    try:
        seconds = -1.0 if isinstance(given, bool) else float(given)
    except (TypeError, ValueError):
        seconds = -1.0
    if not 0 <= seconds <= _LONGEST_EXIT_SECONDS:
        _refuse("exit_timeout", variable, repr(given), f"seconds from 0 to {_LONGEST_EXIT_SECONDS}")
    return seconds


def _tags(tags: Mapping[str, str] | str) -> dict[str, str]:
    """``k=v,k=v`` as a dictionary: trimmed, the last of a name wins, what is no pair is left out."""
    if not isinstance(tags, str) and not hasattr(tags, "items"):
        _refuse("tags", "TELEMETRY_TAGS", repr(tags), "k=v,k=v, or a dictionary in code")
    if not isinstance(tags, str):
        return {str(name): str(value) for name, value in tags.items()}
    pairs = (pair.partition("=") for pair in tags.split(","))
    return {name.strip(): value.strip() for name, equals, value in pairs if equals and name.strip()}


def _names(argument: str, variable: str, names: Iterable[str] | None, environ: Mapping[str, str]) -> frozenset[str]:
    """Names that may leave as they are: a list, or in the variable ``a,b``."""
    if isinstance(names, str):
        _refuse(argument, variable, repr(names), f"a list of names, such as {argument}=[{names!r}]")
    if names is None:
        names = filter(None, map(str.strip, environ.get(variable, "").split(",")))
    try:
        given = [*names]
    except TypeError:
        _refuse(argument, variable, repr(names), "a list of names")
    for name in given:
        if not isinstance(name, str) or not 1 <= len(name) <= 64 or not name.isprintable():  # pyright: ignore[reportUnnecessaryIsInstance]  # noqa: PLR2004 - as PublicName's schema says
            _refuse(argument, variable, repr(name)[:80], "names of 1 to 64 printable characters")
    return frozenset(given)


def _is_name(text: str) -> bool:
    return len(text) <= 64 and text.isascii() and text[0].isalnum() and all(c.isalnum() or c in "._-" for c in text)  # noqa: PLR2004 - as the schema says


def _split(authority: str) -> tuple[str, str]:
    """Host, and what follows it: nothing or ``:port``."""
    if authority.startswith("["):
        host, bracket, port = authority.partition("]")
        return host + bracket, port
    host, colon, port = authority.partition(":")
    return host, colon + port


def _is_port(text: str) -> bool:
    return not text or (text.startswith(":") and _is_number(text[1:], 65_535))


def _is_loopback(host: str) -> bool:
    octets = host.split(".")
    is_v4 = len(octets) == 4 and octets[0] == "127" and all(_is_number(octet, 255) for octet in octets)  # noqa: PLR2004 - IPv4
    return is_v4 or host.lower() in {"localhost", "[::1]"}


def _is_number(text: str, largest: int) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= len(str(largest)) and int(text) <= largest
