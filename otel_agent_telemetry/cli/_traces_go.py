"""Where the operator's traces go, as the standard OpenTelemetry variables say it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["traces_go"]

_DEFAULT = "http://localhost:4318"


def traces_go(environ: Mapping[str, str] = os.environ) -> str:
    """``to http://…`` or ``nowhere: …``, without a password that stands in an address."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return "nowhere: OTEL_SDK_DISABLED=true"
    names = [name.strip() for name in environ.get("OTEL_TRACES_EXPORTER", "").split(",") if name.strip()]
    endpoint = environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    if not names and not endpoint:
        return "nowhere: start `agent-telemetry serve`, or set OTEL_EXPORTER_OTLP_ENDPOINT"
    places = [_place(name, endpoint or _DEFAULT) for name in names or ["otlp"] if name not in {"none", "agent_events"}]
    return f"to {' and '.join(places)}" if places else f"nowhere: OTEL_TRACES_EXPORTER={','.join(names)}"


def _place(name: str, endpoint: str) -> str:
    if not name.startswith("otlp"):
        return f"the exporter {name}"
    parts = urlsplit(endpoint)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
