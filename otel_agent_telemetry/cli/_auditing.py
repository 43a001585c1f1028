"""The environment in which a command is audited: all ways out lead to sinks on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["redirected"]

_OTLP = ("ENDPOINT", "PROTOCOL", "HEADERS", "CERTIFICATE", "CLIENT_KEY", "CLIENT_CERTIFICATE", "INSECURE")
_SIGNALS = ("", "TRACES_", "METRICS_", "LOGS_")


def redirected(environ: Mapping[str, str], *, state_dir: str, events: int, traces: int) -> dict[str, str]:
    """That environment, with events kept in ``state_dir`` and sent to one port, and OTLP to another."""
    replaced = {f"OTEL_EXPORTER_OTLP_{signal}{what}" for signal in _SIGNALS for what in _OTLP}
    replaced |= {"OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER"}
    kept = {name: value for name, value in environ.items() if name not in replaced}
    here = "127.0.0.1,localhost"
    ours = {
        "AGENT_TELEMETRY_AUDIT": "1",
        "AGENT_TELEMETRY_NOTICE": "0",
        "AGENT_TELEMETRY_STATE_DIR": state_dir,
        "AGENT_TELEMETRY_ENDPOINT": f"http://127.0.0.1:{events}/v1/events",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{traces}",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_METRICS_EXPORTER": "otlp",
        **{name: ",".join(filter(None, [environ.get(name, ""), here])) for name in ("NO_PROXY", "no_proxy")},
    }
    return {**kept, **ours}
