"""A coding agent's command line and environment, completed so that it reports; what the user chose always wins."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, NamedTuple, cast

from otel_agent_telemetry.harnesses._files import said_in_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from otel_agent_telemetry.harnesses._recognise import Found
    from otel_agent_telemetry.harnesses._where import Where

__all__ = ["Prepared", "chosen", "prepare", "prints_lines", "without_hook"]

_HOOK = os.path.join("opentelemetry", "instrumentation", "auto_instrumentation")
_OURS = {"OTEL_PYTHON_DISTRO": "agent_telemetry", "OTEL_PYTHON_CONFIGURATOR": "agent_telemetry"}
_PAGE = "_AGENT_TELEMETRY_PAGE"
_CONFIG = "OPENCODE_CONFIG_CONTENT"


class Prepared(NamedTuple):
    """What to start, and what its user should know: one line each."""

    command: list[str]
    environment: dict[str, str]
    remarks: list[str]


def prepare(
    found: Found, command: Sequence[str], environment: Mapping[str, str], where: Where | None, folder: str
) -> Prepared:
    """The command and its environment, with what makes it report to ``where``, and without our Python hook.

    The hook would reach every shell command that the agent runs.
    """
    clean, known = without_hook(environment), found.known
    arguments = list(command)
    if known.silent:
        return Prepared(arguments, clean, [f"{known.name} reports nothing by OpenTelemetry: {known.silent}"])
    if where is None or chosen(found, arguments, clean, folder):
        return Prepared(arguments, clean, [])
    for name, value in known.switches.items():
        if name == _CONFIG:
            clean[name] = _merged(clean.get(name, ""), value)
        elif name not in clean and (said := _filled(value, where)):
            clean[name] = said
    flags = [flag for template in known.flags if (flag := _flag(template, where))]
    arguments[found.at : found.at] = [word for flag in flags for word in ("-c", flag)]
    remarks = [f"{known.name} tells {known.tells}: all of it goes to {where.said}"] if known.tells else []
    if flags and clean.get("OTEL_EXPORTER_OTLP_HEADERS"):
        remarks.append(f"{known.name} takes no OTEL_EXPORTER_OTLP_HEADERS; its config.toml has a place for headers")
    return Prepared(arguments, clean, remarks)


def without_hook(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without what ``run`` adds for Python programs."""
    kept = {key: value for key, value in environment.items() if _OURS.get(key) != value and key != _PAGE}
    paths = [path for path in kept.get("PYTHONPATH", "").split(os.pathsep) if path]
    others = [path for path in paths if not os.path.normpath(path).endswith(_HOOK)]
    if len(others) != len(paths):
        kept.pop("PYTHONPATH")
        if others:
            kept["PYTHONPATH"] = os.pathsep.join(others)
    return kept


def chosen(found: Found, command: Sequence[str], environment: Mapping[str, str], folder: str) -> str | None:
    """Where the user chose for himself what this coding agent tells, and whom; None where he did not."""
    known = found.known
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return "OTEL_SDK_DISABLED"
    for name, values in known.no.items():
        if environment.get(name, "").strip().lower() in values and name in environment:
            return name
    if known.flags and any(word.removeprefix("--config=").startswith("otel") for word in _configured(command)):
        return "-c otel"
    if known.name == "claude":  # what its files say wins over the environment by itself
        return None
    return next((f"{said.path}:{said.line}" for said in said_in_files(known.name, environment, folder)), None)


def prints_lines(found: Found, command: Sequence[str]) -> bool:
    """Whether its arguments make it print JSON lines that we can read."""
    words = command[found.at :]
    return any(_is_asked(words, options, values) for options, values in found.known.prints)


def _is_asked(words: Sequence[str], options: tuple[str, ...], values: tuple[str, ...]) -> bool:
    if not values:
        return any(word in options for word in words)
    pairs = zip(words, (*words[1:], ""), strict=True)
    return any(
        (word in options and following in values)
        or any(word == f"{option}={value}" for option in options for value in values)
        for word, following in pairs
    )


def _configured(command: Sequence[str]) -> Iterator[str]:
    for word, following in zip(command, (*command[1:], ""), strict=True):
        if word in {"-c", "--config"}:
            yield following
        elif word.startswith("--config="):
            yield word


def _filled(value: str, where: Where) -> str:
    """The value with the destination in it; empty where it needs an endpoint for all signals and there is none."""
    if "{endpoint}" in value and not where.base:
        return ""
    protocol = "grpc" if where.is_grpc else "http"
    for name, said in (("{endpoint}", where.base), ("{protocol}", protocol), ("{otlp}", where.otlp)):
        value = value.replace(name, said)
    return value


def _flag(template: str, where: Where) -> str:
    """One of Codex' ``-c`` settings, in TOML."""
    key, _, signal = template.removesuffix("}").partition("={exporter:")
    endpoint = where.signals.get(signal)
    if endpoint is None:
        return ""
    kind = "otlp-grpc" if where.is_grpc else "otlp-http"
    encoding = "" if where.is_grpc else f',protocol="{"json" if where.otlp == "http/json" else "binary"}"'
    return f"{key}={{{kind}={{endpoint={json.dumps(endpoint)}{encoding}}}}}"


def _merged(given: str, wanted: str) -> str:
    """The user's JSON with ours below it; his own where it is no JSON object."""
    if not given.strip():
        return wanted
    try:
        config: object = json.loads(given)
    except ValueError:
        return given
    if not isinstance(config, dict):
        return given
    settings = cast("dict[str, object]", config)
    experimental = settings.get("experimental", {})
    if not isinstance(experimental, dict) or "openTelemetry" in experimental:
        return given
    settings["experimental"] = {**cast("dict[str, object]", experimental), "openTelemetry": True}
    return json.dumps(settings)
