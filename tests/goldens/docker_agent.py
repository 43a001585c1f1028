"""What docker-agent 1.32 sends for a call (``pkg/telemetry``), as far as its requests go."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

from tests.goldens.forms import ABSENT, COUNT, MOMENT_MS, UUID, without_absent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.goldens.calls import Call

_SYSTEM = ("user_uuid", "version", "os", "os_language")


def tags(environ: Mapping[str, str]) -> dict[str, str]:
    """TELEMETRY_TAGS as docker-agent reads it."""
    pairs = (pair.partition("=") for pair in environ.get("TELEMETRY_TAGS", "").split(","))
    return {key.strip(): value.strip() for key, equals, value in pairs if equals and key.strip()}


class DockerAgent:
    """One session slot, as the client has: a session that begins within another takes its place."""

    def __init__(self, case: Mapping[str, Any]) -> None:
        self._setup = case["setup"]
        self._on = case["env"].get("TELEMETRY_ENABLED") != "false"
        self._os = case["runtime"].partition(" ")[2].partition("/")[0]
        self._session: dict[str, Any] = {"id": "", "agent": "", "ended": False, "tools": 0, "in": 0, "out": 0}
        self._errors: list[str] = []
        self._failed = 0

    def body(self, call: Call) -> dict[str, Any] | None:
        """The body of the request, None where there is none."""
        said = getattr(self, f"_{call.api}")(*map(_go, call.arguments))
        if said is None or not self._on:
            return None
        event, properties = said
        everything = without_absent({**properties, **tags(call.environ), **self._system(call.environ)})
        record = {
            "event": event,
            "event_timestamp": MOMENT_MS,
            "source": "cagent",
            "properties": dict(sorted(everything.items())),
        }
        return {"records": [record]}

    def _system(self, environ: Mapping[str, str]) -> dict[str, Any]:
        stored = self._setup.get("user_uuid_file")
        kept = stored.strip() if isinstance(stored, str) and stored != "cannot be written" else ""
        values = (kept or UUID, self._setup["version"] or "unknown", self._os, environ.get("LANG") or "en-US")
        return dict(zip(_SYSTEM, values, strict=True))

    def _TrackCommand(self, action: str, arguments: list[str] | None) -> Any:  # noqa: N802 - the name in the data
        return "command", {"action": action, "args": arguments or ABSENT, "is_success": True}

    def _RecordSessionStart(self, agent: str, session_id: str) -> Any:  # noqa: N802 - the name in the data
        self._session = {"id": session_id, "agent": agent, "ended": False, "tools": 0, "in": 0, "out": 0}
        self._errors, self._failed = [], 0
        return "session", {"action": "start", "session_id": session_id, "agent_name": agent}

    def _RecordSessionEnd(self) -> Any:  # noqa: N802 - the name in the data
        session = self._session
        if session["ended"] or not session["agent"] or not session["id"]:
            return None
        session["ended"] = True
        return "session", {
            "action": "end",
            "session_id": session["id"],
            "agent_name": session["agent"],
            "duration_ms": COUNT,
            "tool_calls": session["tools"],
            "input_tokens": session["in"],
            "output_tokens": session["out"],
            "total_tokens": _int64(session["in"] + session["out"]),
            "cost": 0,
            "error_count": 0,
            "is_success": self._failed == 0,
            "error": list(self._errors),
        }

    def _RecordError(self, text: str) -> Any:  # noqa: N802 - the name in the data
        if not self._session["ended"] and self._session["agent"] and self._session["id"]:
            self._errors.append(text)
            self._failed += 1

    def _RecordToolCall(self, tool: str, session_id: str, agent: str, duration_ms: int, error: str | None) -> Any:  # noqa: N802 - the name in the data
        self._session["tools"] += 1
        self._failed += error is not None
        return "tool", {
            "action": "call",
            "tool_name": tool,
            "session_id": session_id,
            "agent_name": agent,
            "duration_ms": duration_ms,
            "is_success": error is None,
            "error": error or ABSENT,
        }

    def _RecordTokenUsage(self, model: str, read: int, written: int, cost: Any) -> Any:  # noqa: N802 - the name in the data
        self._session["in"] = _int64(self._session["in"] + read)
        self._session["out"] = _int64(self._session["out"] + written)
        if isinstance(cost, str):  # NaN and the infinities have no JSON: nothing is sent
            return None
        return "token", {
            "action": "usage",
            "model_name": model,
            "session_id": self._session["id"],
            "agent_name": self._session["agent"],
            "input_tokens": read,
            "output_tokens": written,
            "total_tokens": _int64(read + written),
            "cost": cost,
        }


def _int64(number: int) -> int:
    """Go's sums run over."""
    return (number + 2**63) % 2**64 - 2**63


_ESCAPED = re.compile("[\udc80-\udcff]")


def _go(value: Any) -> Any:
    """An argument as encoding/json writes it: each byte that is not UTF-8 becomes U+FFFD."""
    if isinstance(value, list):
        return [_go(item) for item in cast("list[Any]", value)]
    if not isinstance(value, str) or not value.startswith("hex:"):
        return value
    return _ESCAPED.sub("�", bytes.fromhex(value[4:]).decode("utf-8", "surrogateescape"))
