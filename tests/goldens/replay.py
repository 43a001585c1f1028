"""Replays the calls of a captured case through our API against a loopback server."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from otel_agent_telemetry import SQLStore, StoreError, Telemetry
from otel_agent_telemetry.pipeline.assemble import ledger_file
from otel_agent_telemetry.pipeline.sending.ledger import Ledger
from tests.recorder import Answer, Recorder

if TYPE_CHECKING:
    import pytest

    from otel_agent_telemetry import Handle
    from tests.recorder import Request

_PATHS = {"agent-swarm": "/v1/events", "docker-agent": "/events/v1/track"}
_KEY = "k" * 40


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one case gave: requests as they arrived, bodies as the ledger keeps them, and the identity afterwards."""

    requests: list[Request]
    bodies: list[Any]
    stored: dict[str, str]
    call_seconds: list[float]


def replay(case: dict[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch) -> Outcome:
    """Run one case; the environment is the case's own."""
    monkeypatch.setenv("AGENT_TELEMETRY_ALLOW_IN_TESTS", "1")
    for name in ("LANG", "LC_ALL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in case["env"].items():
        monkeypatch.setenv(name, value)
    connection = _config(case)
    with _server(case) as server:
        telemetry = _telemetry(case, server, folder, connection)
        seconds = _Caller(telemetry, monkeypatch).run(case["calls"])
        telemetry.flush(0.5 if _never_answers(case) else 5.0)
        requests = server.requests
        telemetry.shutdown(0)
    path = Path(ledger_file(str(folder / "state"), "agent-swarm" if case["client"] == "agent-swarm" else "cagent"))
    bodies = [json.loads(entry.body) for entry in Ledger(path).events()] if path.exists() else []
    stored = dict(connection.execute("SELECT key, value FROM swarm_config").fetchall())
    return Outcome(requests, bodies, stored, seconds)


def _never_answers(case: dict[str, Any]) -> bool:
    server = case["server"]
    return bool(server.keys() & {"hang_s", "refused", "reset"}) or server.get("status", 200) >= 429


def _server(case: dict[str, Any]) -> Recorder:
    server = case["server"]
    if "hang_s" in server:
        return Recorder(default=Answer(after=threading.Event()))
    status = server.get("status", 200)
    headers: tuple[tuple[str, str], ...] = ()
    if 300 <= status < 400:
        headers = (("Location", "http://localhost:9/redirected"),)
    if "retry_after" in server:
        headers = (("Retry-After", server["retry_after"]),)
    return Recorder(default=Answer(status, headers))


def _config(case: dict[str, Any]) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    connection.execute("CREATE TABLE swarm_config (key TEXT PRIMARY KEY, value TEXT NOT NULL)")
    config: dict[str, str] = case["setup"].get("config") or {}
    connection.executemany("INSERT INTO swarm_config VALUES (?, ?)", config.items())
    connection.commit()
    return connection


class _Failing:
    """The service's config where reading or writing fails, as the captured setups have it."""

    def __init__(self, store: SQLStore, *, reads: bool, mint: bool) -> None:
        self.mint = mint
        self._store = store
        self._reads = reads

    def get(self, key: str) -> str | None:
        if self._reads:
            raise StoreError("the config cannot be read")
        return self._store.get(key)

    def put_if_absent(self, key: str, value: str, *, replacing: str | None = None) -> str:
        raise StoreError(f"the config cannot be written: {key}")


def _telemetry(case: dict[str, Any], server: Recorder, folder: Path, connection: sqlite3.Connection) -> Telemetry:
    setup = case["setup"]
    endpoint = server.url + _PATHS[case["client"]]
    if case["server"].get("refused"):
        endpoint = "http://127.0.0.1:9" + _PATHS[case["client"]]
    if case["client"] == "agent-swarm":
        mint = bool(setup.get("options", {}).get("generateIfMissing"))
        store: Any = SQLStore(connection, mint=mint)
        if setup.get("failRead") or setup.get("failWrite"):
            store = _Failing(store, reads=bool(setup.get("failRead")), mint=mint)
        return Telemetry(
            product="agent-swarm",
            preset="agent-swarm",
            source=setup["source"],
            version="1.135.0",
            endpoint=endpoint,
            state_dir=folder / "state",
            store=store,
        )
    return Telemetry(
        product="cagent",
        dialect="docker",
        version=setup["version"] or None,
        endpoint=endpoint,
        state_dir=folder / "state",
        api_key=_KEY,
        public_agents=["root", "researcher"],
        public_tools=["read_file", "shell", "think", "web_search"],
    )


class _Caller:
    """Makes the calls of a case on our API."""

    def __init__(self, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
        self._telemetry = telemetry
        self._monkeypatch = monkeypatch
        self._sessions: list[Handle] = []

    def run(self, calls: list[dict[str, Any]]) -> list[float]:
        seconds: list[float] = []
        for call in calls:
            began = time.perf_counter()
            self._call(call["api"], [_value(argument) for argument in call["args"]])
            seconds.append(time.perf_counter() - began)
        return seconds

    def _call(self, api: str, arguments: list[Any]) -> None:
        if api == "setenv":
            self._set_environment(*arguments)
        elif api == "sleep":
            time.sleep(arguments[0] / 1000)
        elif api == "track":
            self._telemetry.track(arguments[0]["event"], **arguments[0].get("properties", {}))
        elif api.startswith("telemetry."):
            family = api.removeprefix("telemetry.").removesuffix("Event")
            properties: dict[str, Any] = arguments[1] if len(arguments) > 1 else {}
            self._telemetry.track(f"{family}.{arguments[0]}", **properties)
        else:
            getattr(self, api)(*arguments)

    def _set_environment(self, name: str, value: str | None) -> None:
        if value is None:
            self._monkeypatch.delenv(name, raising=False)
        else:
            self._monkeypatch.setenv(name, value)

    def TrackCommand(self, action: str, arguments: list[str] | None) -> None:  # noqa: N802 - the name in the data
        """Its arguments have no place in our call: there is no kind for them."""
        self._telemetry.track_command(action)

    def RecordSessionStart(self, agent: str, session_id: str) -> None:  # noqa: N802
        session = self._telemetry.session(agent=agent or None, id=session_id)
        self._sessions.append(session.start())

    def RecordSessionEnd(self) -> None:  # noqa: N802
        if self._sessions:
            self._sessions.pop().end()

    def RecordError(self, text: str) -> None:  # noqa: N802
        if self._sessions:
            self._sessions[-1].fail("error")

    def RecordToolCall(self, tool: str, session_id: str, agent: str, duration_ms: int, error: str | None) -> None:  # noqa: N802
        self._telemetry.track(
            "tool.called",
            toolName=tool,
            sessionId=session_id,
            agentName=agent,
            durationMs=duration_ms,
            isSuccess=error is None,
            errorCategory="tool_error" if error else None,
        )

    def RecordTokenUsage(self, model: str, input_tokens: int, output_tokens: int, cost: Any) -> None:  # noqa: N802
        cost_usd = float(cost)  # the data writes what JSON lacks as text: "NaN", "+Inf"
        self._telemetry.record_tokens(model, input=input_tokens, output=output_tokens, cost_usd=cost_usd)
        self._telemetry.flush(0)  # one interval of the metric per call, as the captured client sends one event per call


class _Undefined:
    """A JavaScript value that JSON lacks and that no kind of ours takes."""


def _value(argument: Any) -> Any:
    if isinstance(argument, dict):
        fields = cast("dict[str, Any]", argument)
        if "$js" in fields:
            return _javascript(fields["$js"])
        return {key: _value(value) for key, value in fields.items()}
    if isinstance(argument, list):
        return [_value(item) for item in cast("list[Any]", argument)]
    if isinstance(argument, str) and argument.startswith("hex:"):
        return bytes.fromhex(argument[4:]).decode("utf-8", "surrogateescape")
    return argument


def _javascript(name: str) -> Any:
    known = {"NaN": float("nan"), "Infinity": float("inf"), "-0": -0.0, "lone-surrogate": "\ud800", "bigint": 2**70}
    if name == "undefined":
        return None
    return known.get(name, _Undefined())
