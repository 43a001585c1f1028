"""Whether a `serve` of this account is up on this machine, and where its page is."""

from __future__ import annotations

import http.client
import json
import os

from otel_agent_telemetry._sockets import listeners

__all__ = ["LOCAL_URL", "local_serve_is_up"]

_HOST, _PORT = "127.0.0.1", 4318
LOCAL_URL = f"http://{_HOST}:{_PORT}"
_PROBE_SECONDS = 0.3


def local_serve_is_up() -> bool:
    """Whether a `serve` of this account answers: another account's would see what this one's programs do."""
    owners = listeners(_PORT)
    if owners is not None and owners != {os.geteuid()}:
        return False
    connection = http.client.HTTPConnection(_HOST, _PORT, timeout=_PROBE_SECONDS)
    try:
        connection.request("GET", "/healthz")
        answer: object = json.loads(connection.getresponse().read(1024))
    except (OSError, ValueError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return isinstance(answer, dict) and bool(answer.get("service") == "agent-telemetry")  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType] - parsed JSON
