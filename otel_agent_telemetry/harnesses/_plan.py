"""What a coding agent would send where, by its environment and settings files in their order of precedence."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

from otel_agent_telemetry.harnesses._files import said_in_files

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SIGNALS", "Sent", "Value", "plan", "said"]

SIGNALS = ("traces", "logs", "metrics")
_PROTOCOLS = ("grpc", "http/protobuf", "http/json")
_YES = ("1", "true", "yes", "on")
_HTTP_PORT, _GRPC_PORT = ":4318", ":4317"
_CODEX = {"traces": "otel.trace_exporter", "logs": "otel.exporter", "metrics": "otel.metrics_exporter"}
_ENDPOINT = re.compile(r"endpoint[\"']?\s*=\s*[\"']([^\"']+)")
_SETTINGS = {  # of Gemini CLI and Qwen Code: the key in settings.json, and the variable that wins over it
    "enabled": "ENABLED",
    "target": "TARGET",
    "otlpEndpoint": "OTLP_ENDPOINT",
    "otlpProtocol": "OTLP_PROTOCOL",
    "traces": "TRACES_ENABLED",
    "outfile": "OUTFILE",
}


class Value(NamedTuple):
    """What holds, and who says so: a variable, or a file with a line."""

    text: str
    where: str


class Sent(NamedTuple):
    """Where a signal goes; or why it does not, and what to change."""

    to: str
    why: str


_UNSET = Value("", "")


def said(name: str, environment: Mapping[str, str], folder: str) -> dict[str, Value]:
    """Every setting of its telemetry that holds, by its own name: what wins over others is what is here."""
    files: dict[str, Value] = {}
    for each in said_in_files(name, environment, folder):
        text = each.value if isinstance(each.value, str) else json.dumps(each.value)
        files.setdefault(each.key.rpartition("env.")[2], Value(text, f"{each.path}:{each.line}"))
    prefixes = ("OTEL_", "CLAUDE_CODE_EN", "COPILOT_OTEL", "OPENCODE_CONFIG_CONTENT", f"{name.upper()}_TELEMETRY_")
    variables = {key: Value(value, key) for key, value in environment.items() if key.startswith(prefixes)}
    return {**variables, **files} if name == "claude" else {**files, **variables}


def plan(name: str, environment: Mapping[str, str], folder: str) -> dict[str, Sent]:
    """For each signal where it goes, or why not."""
    held = said(name, environment, folder)
    if held.get("OTEL_SDK_DISABLED", _UNSET).text.lower() == "true" and name != "codex":
        return dict.fromkeys(SIGNALS, Sent("", f"{held['OTEL_SDK_DISABLED'].where} is true; unset it"))
    return _PLANS[name](name, held)


def _claude(_name: str, held: Mapping[str, Value]) -> dict[str, Sent]:
    return {signal: _claude_signal(signal, held) for signal in SIGNALS}


def _claude_signal(signal: str, held: Mapping[str, Value]) -> Sent:
    needed = {"CLAUDE_CODE_ENABLE_TELEMETRY": _YES, f"OTEL_{signal.upper()}_EXPORTER": ("otlp",)}
    if signal == "traces":
        needed["CLAUDE_CODE_ENHANCED_TELEMETRY_BETA"] = _YES
    for variable, values in needed.items():
        found = held.get(variable, _UNSET)
        if found.text.lower() not in values:
            return Sent("", _wrong(variable, found, values[0]))
    return _standard(signal, held)


def _standard(signal: str, held: Mapping[str, Value]) -> Sent:
    """By the OTEL_EXPORTER_OTLP_* variables."""
    protocol = held.get("OTEL_EXPORTER_OTLP_PROTOCOL", _UNSET)
    if protocol.text and protocol.text not in _PROTOCOLS:
        return Sent("", _wrong("OTEL_EXPORTER_OTLP_PROTOCOL", protocol, "http/protobuf"))
    own = held.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT", _UNSET).text
    base = held.get("OTEL_EXPORTER_OTLP_ENDPOINT", _UNSET).text
    if not own and not base:
        return Sent("", "OTEL_EXPORTER_OTLP_ENDPOINT is not set; set it to http://127.0.0.1:4318")
    return _at_a_door(own or f"{base.rstrip('/')}/v1/{signal}", is_grpc=protocol.text == "grpc")


def _at_a_door(endpoint: str, *, is_grpc: bool) -> Sent:
    """A port that is known to take the other protocol."""
    if is_grpc and _HTTP_PORT in endpoint:
        return Sent("", f"{endpoint} takes OTLP over HTTP and the protocol is grpc; set the protocol to http/protobuf")
    if not is_grpc and _GRPC_PORT in endpoint:
        return Sent("", f"{endpoint} takes OTLP over gRPC and the protocol is HTTP; use port 4318, or grpc")
    return Sent(endpoint, "")


def _codex(_name: str, held: Mapping[str, Value]) -> dict[str, Sent]:
    return {signal: _codex_signal(signal, held) for signal in SIGNALS}


def _codex_signal(signal: str, held: Mapping[str, Value]) -> Sent:
    key = _CODEX[signal]
    found = held.get(key, _UNSET)
    tables = [value for each, value in held.items() if each.startswith(f"{key}.")]
    text = " ".join(
        [found.text, *(f"{each}={value.text}" for each, value in held.items() if each.startswith(f"{key}."))]
    )
    if not found.text and not tables:
        return Sent(
            "", f"{key} is not set; Codex takes no OTEL_* variables, only config.toml: see `agent-telemetry run`"
        )
    endpoint = _ENDPOINT.search(text)
    if endpoint is None:
        return Sent("", f"{(found if found.text else tables[0]).where} names no endpoint")
    if "otlp-http" in text and not endpoint[1].rstrip("/").endswith(f"/v1/{signal}"):
        return Sent("", f"{found.where} ends without /v1/{signal}; Codex takes the whole path")
    return _at_a_door(endpoint[1], is_grpc="otlp-grpc" in text)


def _gemini(name: str, held: Mapping[str, Value]) -> dict[str, Sent]:
    prefix = f"{name.upper()}_TELEMETRY_"
    values = {
        key: held.get(f"{prefix}{variable}") or held.get(f"telemetry.{key}", _UNSET)
        for key, variable in _SETTINGS.items()
    }
    blocked = _gemini_blocked(name, prefix, values, held)
    if blocked:
        return dict.fromkeys(SIGNALS, Sent("", blocked))
    endpoint = values["otlpEndpoint"].text or held.get("OTEL_EXPORTER_OTLP_ENDPOINT", _UNSET).text
    sent = {signal: Sent(f"{endpoint.rstrip('/')}/v1/{signal}", "") for signal in SIGNALS}
    if name == "gemini" and values["traces"].text.lower() not in _YES:
        sent["traces"] = Sent("", _wrong(f"{prefix}TRACES_ENABLED", values["traces"], "true"))
    return sent


def _gemini_blocked(name: str, prefix: str, values: Mapping[str, Value], held: Mapping[str, Value]) -> str:
    if values["enabled"].text.lower() not in _YES:
        return _wrong(f"{prefix}ENABLED", values["enabled"], "true")
    if values["outfile"].text:
        return f"{values['outfile'].where} writes it to a file instead; unset it"
    if values["target"].text not in {"", "local"}:
        return _wrong(f"{prefix}TARGET", values["target"], "local")
    endpoint = values["otlpEndpoint"].text or (
        "" if name == "qwen" else held.get("OTEL_EXPORTER_OTLP_ENDPOINT", _UNSET).text
    )
    if not endpoint:
        return f"{prefix}OTLP_ENDPOINT is not set; set it to http://127.0.0.1:4318"
    if values["otlpProtocol"].text.lower() != "http" and _HTTP_PORT in endpoint:
        return (
            _wrong(f"{prefix}OTLP_PROTOCOL", values["otlpProtocol"], "http")
            + ": its default, grpc, reaches no port 4318"
        )
    return ""


def _copilot(_name: str, held: Mapping[str, Value]) -> dict[str, Sent]:
    enabled = held.get("COPILOT_OTEL_ENABLED", _UNSET)
    if enabled.text and enabled.text.lower() not in _YES:
        return dict.fromkeys(SIGNALS, Sent("", _wrong("COPILOT_OTEL_ENABLED", enabled, "true")))
    return {**{signal: _standard(signal, held) for signal in SIGNALS}, "logs": Sent("", "it has none")}


def _opencode(_name: str, held: Mapping[str, Value]) -> dict[str, Sent]:
    traces = _standard("traces", held)
    switch = held.get("OPENCODE_CONFIG_CONTENT", _UNSET).text + held.get("experimental.openTelemetry", _UNSET).text
    if traces.to and "true" not in switch:
        file = held.get("experimental.openTelemetry", _UNSET).where or "opencode.json"
        why = f'without model calls: write "experimental": {{"openTelemetry": true}} into {file}'
        traces = Sent(traces.to, why)
    return {"traces": traces, "logs": _standard("logs", held), "metrics": Sent("", "it has none")}


def _wrong(variable: str, found: Value, wanted: str) -> str:
    """What to change, and where."""
    if not found.text:
        return f"{variable} is not set; set it to {wanted}"
    where = "" if found.where == variable else f" in {found.where}"
    return f"{variable} is {found.text!r}{where}; set it to {wanted}"


_PLANS = {
    "claude": _claude,
    "codex": _codex,
    "gemini": _gemini,
    "qwen": _gemini,
    "copilot": _copilot,
    "opencode": _opencode,
}
