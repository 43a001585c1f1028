"""Where telemetry of a coding agent goes: where the operator says, else to a ``serve`` of the same account."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from otel_agent_telemetry._folder import default_state_dir
from otel_agent_telemetry._local_serve import LOCAL_URL, local_serve_is_up

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Where", "local", "where_to"]

_EXPORTERS = ("OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER")


class Where(NamedTuple):
    """A destination: endpoints by signal (``logs``, ``traces``, ``metrics``), a base for all of them, the protocol."""

    base: str
    signals: Mapping[str, str]
    otlp: str

    @property
    def is_grpc(self) -> bool:
        """Whether it takes OTLP over gRPC."""
        return self.otlp == "grpc"

    @property
    def said(self) -> str:
        """For people."""
        return self.base or ", ".join(sorted(set(self.signals.values())))


def where_to(environment: Mapping[str, str]) -> Where | None:
    """What the standard variables name, else this account's ``serve`` where one is up; None for nowhere."""
    base = environment.get("OTEL_EXPORTER_OTLP_ENDPOINT", "").strip()
    otlp = environment.get("OTEL_EXPORTER_OTLP_PROTOCOL", "").strip() or "http/protobuf"
    given = {signal: environment.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT", "").strip() for signal in _PATHS}
    signals = {signal: endpoint or _at(base, signal, otlp) for signal, endpoint in given.items() if endpoint or base}
    if signals:
        return Where(base, signals, otlp)
    if any(
        name.strip() not in {"", "agent_events"} for key in _EXPORTERS for name in environment.get(key, "").split(",")
    ):
        return None  # his own choice, and none of it is OTLP over HTTP
    return local() if local_serve_is_up(default_state_dir(environment)) else None


def local() -> Where:
    """The ``serve`` of this machine."""
    return Where(LOCAL_URL, {signal: _at(LOCAL_URL, signal, "") for signal in _PATHS}, "http/protobuf")


_PATHS = ("logs", "traces", "metrics")


def _at(base: str, signal: str, otlp: str) -> str:
    return base if otlp == "grpc" else f"{base.rstrip('/')}/v1/{signal}"
