"""Replays the calls of a captured case through our API against a loopback server; all it knows comes from the case."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from otel_agent_telemetry import Telemetry
from otel_agent_telemetry._folder import ledger_file
from otel_agent_telemetry.pipeline.sending.ledger import Ledger
from tests.goldens.agent_swarm import ID, INSTALLED_AT, PACKAGE
from tests.goldens.calls import JAVASCRIPT
from tests.goldens.captured import calls_of
from tests.goldens.forms import Form, between
from tests.goldens.surroundings import PATHS, CapturedConfig, CapturedServer, never_answers

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest

    from otel_agent_telemetry import Handle
    from otel_agent_telemetry.identity import Store
    from tests.recorder import Request

PRODUCTS = {"agent-swarm": "agent-swarm", "docker-agent": "cagent"}
API_KEY = "k" * 40
REFERENCE_KEY = "telemetry_reference_key"
UNWRITABLE = "cannot be written"
_SERVER = {"status", "location", "retry_after", "hang_s", "delay_s", "reset", "refused"}
_SETUP = {
    "agent-swarm": {"source", "config", "options", "failRead", "failWrite", "init"},
    "docker-agent": {"version", "debug", "user_uuid_file", "gap_ms", "wait_ms"},
}
_CONSENT_SECONDS = 1.0  # a changed mind takes effect within this time
_LONGEST_NAME = 64


@dataclass(frozen=True, slots=True)
class Kept:
    """An event as the ledger keeps it, or, where no ledger could be kept, as it was sent."""

    body: bytes
    key: str
    state: str


@dataclass(slots=True)
class Outcome:
    """What one case gave: requests as they arrived, events in their order, and the stores afterwards."""

    requests: list[Request] = field(default_factory=list["Request"])
    kept: list[Kept] = field(default_factory=list[Kept])
    stored: dict[str, str] = field(default_factory=dict[str, str])
    spans: dict[int, tuple[float, float]] = field(default_factory=dict[int, tuple[float, float]])
    """When each call began and had ended, by its place in the case."""
    ended: float = 0.0

    @property
    def moments(self) -> dict[int, tuple[int, int]]:
        """The seconds in which each call lies."""
        return {index: (int(began), int(ended)) for index, (began, ended) in self.spans.items()}

    def milliseconds_between(self, first: int, last: int | None) -> Form:
        """What lay between the two calls; without a last one, between that call and the end."""
        began, has_begun = self.spans[first]
        ends, ended = self.spans[last] if last is not None else (self.spans[first][1], self.ended)
        return between(
            max(0, int((ends - has_begun) * 1000) - 1), int((ended - began) * 1000) + 1, "milliseconds between"
        )


def replay(case: dict[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch) -> Outcome:
    """Run one case; the environment is the case's own."""
    _understood(case)
    monkeypatch.setenv("AGENT_TELEMETRY_ALLOW_IN_TESTS", "1")
    for name in ("LANG", "LC_ALL", "NODE_ENV", *case["env"]):
        monkeypatch.delenv(name, raising=False)
    for name, value in case["env"].items():
        monkeypatch.setenv(name, value)
    outcome = Outcome()
    if case["setup"].get("init") is False:  # never set up: no call does anything
        return outcome
    store = CapturedConfig(case["setup"]) if case["client"] == "agent-swarm" else None
    state = _state(case, folder)
    with CapturedServer(case["server"]) as server:
        telemetry = _telemetry(case, server.endpoint(PATHS[case["client"]]), state, store)
        outcome.spans = _Caller(telemetry, monkeypatch, case).run()
        telemetry.flush(_patience(case["server"]))
        telemetry.shutdown(0)
        outcome.ended = time.time()
        outcome.requests = server.requests
    outcome.kept = _kept(state, PRODUCTS[case["client"]], outcome.requests)
    outcome.stored = _files(state / "cagent") if store is None else store.rows()
    return outcome


def _understood(case: Mapping[str, Any]) -> None:
    """A part of a case that the replay does not know would be a difference that nobody sees."""
    strange = (case["setup"].keys() - _SETUP[case["client"]]) | (case["server"].keys() - _SERVER)
    assert not strange, f"the replay does not know {sorted(strange)}"


def _patience(server: Mapping[str, Any]) -> float:
    return 0.5 if never_answers(server) else 20.0


def _state(case: Mapping[str, Any], folder: Path) -> Path:
    """The state directory, with what the case has stored in it; one below a file cannot be made by anybody."""
    stored = case["setup"].get("user_uuid_file")
    state = folder / "state"
    if stored == UNWRITABLE:
        state.write_text("")
        return state / "below"
    if isinstance(stored, str):
        (state / "cagent").mkdir(parents=True)
        (state / "cagent" / ID).write_text(stored)
    return state


def _kept(state: Path, product: str, requests: list[Request]) -> list[Kept]:
    path = Path(ledger_file(str(state), product))
    if path.exists():
        return [Kept(entry.body, entry.idempotency_key, entry.state) for entry in Ledger(path).events()]
    return [Kept(request.body, request.header("Idempotency-Key") or "", "sent") for request in requests]


def _files(folder: Path) -> dict[str, str]:
    keys = (ID, INSTALLED_AT, REFERENCE_KEY)
    return {key: (folder / key).read_text().strip() for key in keys if (folder / key).is_file()}


def _telemetry(case: Mapping[str, Any], endpoint: str, state: Path, store: Store | None) -> Telemetry:
    setup = case["setup"]
    if case["client"] == "agent-swarm":
        return Telemetry(
            product="agent-swarm",
            preset="agent-swarm",
            source=setup["source"],
            version=PACKAGE,
            endpoint=endpoint,
            state_dir=state,
            store=store,
        )
    return Telemetry(
        product="cagent",
        dialect="docker",
        version=setup["version"] or None,
        endpoint=endpoint,
        state_dir=state,
        api_key=API_KEY,
        public_agents=_names(case, RecordSessionStart=0, RecordToolCall=2),
        public_tools=_names(case, RecordToolCall=0),
        public_commands=_names(case, TrackCommand=0),
    )


def _names(case: Mapping[str, Any], **places: int) -> set[str]:
    """The names that the case's own calls give, as a product that declares its names would declare them."""
    given = [_value(call["args"][places[call["api"]]]) for call in case["calls"] if call["api"] in places]
    return {name for name in given if name and len(name) <= _LONGEST_NAME and name.isprintable()}


class _Caller:
    """Makes the calls of a case on our API."""

    def __init__(self, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch, case: Mapping[str, Any]) -> None:
        self._telemetry = telemetry
        self._monkeypatch = monkeypatch
        self._case = case
        self._events = {call.index: call for call in calls_of(case)}
        self._sessions: list[Handle] = []

    def run(self) -> dict[int, tuple[float, float]]:
        spans: dict[int, tuple[float, float]] = {}
        for index, call in enumerate(self._case["calls"]):
            began = time.time()
            self._call(index, call["api"], call["args"])
            spans[index] = began, time.time()
        return spans

    def _call(self, index: int, api: str, arguments: list[Any]) -> None:
        if api == "setenv":
            self._set_environment(*arguments)
        elif api == "sleep":
            time.sleep(arguments[0] / 1000)
        elif self._case["client"] == "agent-swarm":
            call = self._events[index]
            self._telemetry.track(call.event, **{key: _value(given) for key, given in call.given.items()})
        else:
            getattr(self, api)(*map(_value, arguments))

    def _set_environment(self, name: str, value: str | None) -> None:
        self._telemetry.flush(_patience(self._case["server"]))  # what was said under the old rule is on its way
        if value is None:
            self._monkeypatch.delenv(name, raising=False)
        else:
            self._monkeypatch.setenv(name, value)
        time.sleep(_CONSENT_SECONDS)

    def TrackCommand(self, action: str, arguments: list[str] | None) -> None:  # noqa: N802 - the name in the data
        """Its arguments have no place in our call: there is no kind for them."""
        self._telemetry.track_command(action)

    def RecordSessionStart(self, agent: str, session_id: str) -> None:  # noqa: N802 - the name in the data
        session = self._telemetry.session(agent=agent or None, id=session_id)
        self._sessions.append(session.start())

    def RecordSessionEnd(self) -> None:  # noqa: N802 - the name in the data
        if self._sessions:
            self._sessions.pop().end()

    def RecordError(self, text: str) -> None:  # noqa: N802 - the name in the data
        if self._sessions:
            self._sessions[-1].fail("error")

    def RecordToolCall(self, tool: str, session_id: str, agent: str, duration_ms: int, error: str | None) -> None:  # noqa: N802 - the name in the data
        failed = None if error is None else "tool_error"
        self._telemetry.track_tool(tool, duration_ms=duration_ms, error=failed, agent=agent, session_id=session_id)

    def RecordTokenUsage(self, model: str, input_tokens: int, output_tokens: int, cost: Any) -> None:  # noqa: N802 - the name in the data
        cost_usd = float(cost)  # the data writes what JSON lacks as text: "NaN", "+Inf"
        self._telemetry.record_tokens(model, input=input_tokens, output=output_tokens, cost_usd=cost_usd)
        self._telemetry.flush(0)  # one interval of the metric per call, as the captured client sends one event per call


class _Undefined:
    """A JavaScript value that JSON lacks and that no kind of ours takes."""


def _value(argument: Any) -> Any:
    if isinstance(argument, dict):
        fields = cast("dict[str, Any]", argument)
        if "$js" in fields:
            return JAVASCRIPT.get(fields["$js"], _Undefined())
        return {key: _value(value) for key, value in fields.items()}
    if isinstance(argument, list):
        return [_value(item) for item in cast("list[Any]", argument)]
    if isinstance(argument, str) and argument.startswith("hex:"):
        return bytes.fromhex(argument[4:]).decode("utf-8", "surrogateescape")
    return argument
