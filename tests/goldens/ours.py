"""What our product has to send for the calls of a case, body by body."""

from __future__ import annotations

import re
import sys
from datetime import datetime, timezone
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, cast

from otel_agent_telemetry import contract
from otel_agent_telemetry.contract import Enum, Kind, ListOf, PublicName, Ref, Tag
from tests.goldens import agent_swarm, kinds
from tests.goldens.forms import ABSENT, REFERENCE, Form, between, named, without_absent
from tests.goldens.schema import AGENT_SWARM

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.goldens.calls import Call
    from tests.goldens.replay import Outcome


def identity(case: Mapping[str, Any], ours: Outcome) -> tuple[Any, str | None]:
    """The id that we send with, and the day of installation; (None, None) where nothing may be sent."""
    setup = case["setup"]
    if case["client"] == "docker-agent":
        kept = ours.stored.get(agent_swarm.ID, ABSENT)
        return (named("ephemeral_") if setup.get("user_uuid_file") == "cannot be written" else kept), None
    config: dict[str, str] = setup.get("config") or {}
    mints = bool(setup.get("options", {}).get("generateIfMissing"))
    if agent_swarm.fails(setup.get("failRead"), agent_swarm.ID):
        return (named("ephemeral_") if mints else None), None
    is_dated = not agent_swarm.fails(setup.get("failRead"), agent_swarm.INSTALLED_AT)
    if kinds.valid_id(config.get(agent_swarm.ID)):
        return config[agent_swarm.ID], _day(config) if is_dated else None
    if not mints:
        return None, None
    if agent_swarm.fails(setup.get("failWrite"), agent_swarm.ID):
        return named("ephemeral_"), None
    return ours.stored.get(agent_swarm.ID, ABSENT), _day(ours.stored) if is_dated else None


def _day(stored: Mapping[str, str]) -> str | None:
    """The day of installation, where a moment is stored as both products write it."""
    found = re.fullmatch(r"(\d{4}-\d\d-\d\d)T\d\d:\d\d:\d\d\.\d{1,6}Z", stored.get(agent_swarm.INSTALLED_AT) or "")
    return found and found[1]


class Expected:
    """The bodies that this replay has to give, made from the calls and from what the stores hold afterwards."""

    def __init__(self, case: Mapping[str, Any], ours: Outcome) -> None:
        self._case = case
        self._ours = ours
        self._start = dict(case["env"])
        self._key = bytes.fromhex(ours.stored.get("telemetry_reference_key", ""))
        self.id, self.installed = identity(case, ours)
        self._sessions: list[dict[str, Any]] = []

    def bodies(self, calls: Iterable[Call]) -> list[tuple[Call | None, dict[str, Any]]]:
        """Each call's body, if it has one; then the end of each session that was left open."""
        if self.id is None or self._case["setup"].get("init") is False or not kinds.consents(self._start):
            return []
        made = [(call, self._body(call)) for call in calls if kinds.consents(call.environ)]
        said: list[tuple[Call | None, dict[str, Any]]] = [(call, body) for call, body in made if body is not None]
        left_open = [
            self._record("session", self._ended(session, "unknown"), session["call"], last=True)
            for session in reversed(self._sessions)
        ]
        return [*said, *((None, body) for body in left_open)]

    def _body(self, call: Call) -> dict[str, Any] | None:
        if self._case["client"] == "docker-agent":
            said = getattr(self, f"_{call.api}")(call, *map(kinds.as_replayed, call.arguments))
            return None if said is None else self._record(said[0], said[1], call)
        if call.event not in contract.events():
            return None
        moment = between(*self._ours.moments[call.index], "the second of the call")
        return {
            "product": "agent-swarm",
            "event": call.event,
            "occurred_at": Form("the second of the call", lambda value: moment.fits(_seconds(value))),
            "source": self._case["setup"]["source"],
            "actor_mode": "anonymous",
            "actor_anonymous_id": self.id,
            "properties": {**self._properties(call), **self._common(call)},
            "metadata": self._metadata(call),
        }

    def _common(self, call: Call) -> dict[str, Any]:
        common = agent_swarm.common(self._start)
        return {**common, "is_cloud": common["is_cloud"] or agent_swarm.cloud(call.environ)}

    def _metadata(self, call: Call) -> dict[str, Any]:
        named_environment = agent_swarm.environment(call.environ)
        metadata = {
            "transport": "https",
            "schema_version": 1,
            "environment": named_environment if named_environment in kinds.ENVIRONMENTS else "other",
            "is_cloud": agent_swarm.cloud(call.environ),
            **agent_swarm.preset(self._start),
            "install_created_at": ABSENT if self.installed is None else self.installed,
        }
        return without_absent(metadata)

    def _properties(self, call: Call) -> dict[str, Any]:
        theirs = AGENT_SWARM.get(call.event, {})
        declared = contract.events()[call.event].properties
        order = [*theirs, *(key for key in declared if key not in theirs)]
        values = {key: self.value(declared[key], key, call.given[key]) for key in order if key in call.given}
        return without_absent(values)

    def value(self, kind: Kind, key: str, given: Any) -> Any:
        """What becomes of a value that a call gave for a property of that kind."""
        given = kinds.as_replayed(given)
        if isinstance(kind, Enum):
            return kinds.word(kind, key, given)
        if isinstance(kind, Ref):
            return self.reference(kind.namespace, given)
        if isinstance(kind, Tag):  # no case declares any
            return "other" if isinstance(given, str) else ABSENT
        if isinstance(kind, PublicName):
            return self._public(kind.registry, given)
        if isinstance(kind, ListOf):
            return self._list(kind, key, given)
        return kinds.plain(kind, given)

    def _list(self, kind: ListOf, key: str, given: Any) -> Any:
        """The texts of a list; one that holds other values alone is none."""
        if not isinstance(given, list):
            return ABSENT
        items = [kinds.as_replayed(item) for item in cast("list[Any]", given)]
        texts = [item for item in items if isinstance(item, str)]
        values = (self.value(kind.item, key, text) for text in texts[: kinds.LONGEST_LIST])
        return [value for value in values if value is not ABSENT] if texts or not items else ABSENT

    def reference(self, namespace: str, given: Any) -> Any:
        """The keyed hash, worked out from the key that the store holds; its form where the key is kept nowhere."""
        if not isinstance(given, (str, int)) or isinstance(given, bool) or given == "":
            return ABSENT
        if not self._key:
            return REFERENCE
        return blake2b(kinds.identifier(given), digest_size=8, key=self._key, person=namespace.encode()).hexdigest()

    def _public(self, registry: str, given: Any) -> Any:
        if not isinstance(given, str) or not given:
            return ABSENT
        return kinds.public_model(given) if registry == "models" else "custom"

    # docker-agent ---------------------------------------------------------------------------------------------------

    def _record(self, event: str, properties: dict[str, Any], call: Call, *, last: bool = False) -> dict[str, Any]:
        low, high = self._ours.moments[call.index]
        system = {
            "user_uuid": self.id,
            "version": kinds.version_of(self._case["setup"]["version"]),
            "os": {"linux": "linux", "darwin": "darwin", "win32": "windows"}.get(sys.platform, "other"),
            "os_language": kinds.language(self._start.get("LANG", "")),
        }
        moment = between(low, int(self._ours.ended) if last else high, "the second of the call")
        return {
            "records": [
                {
                    "event": event,
                    "event_timestamp": Form(
                        repr(moment),
                        lambda value: type(value) is int and not value % 1000 and moment.fits(value // 1000),
                    ),
                    "source": "cagent",
                    "properties": dict(sorted(without_absent({**properties, **system}).items())),
                }
            ]
        }

    def _TrackCommand(self, _call: Call, action: str, _arguments: list[str] | None) -> Any:  # noqa: N802 - the name in the data
        return "command", {"action": kinds.declared_name(action), "is_success": True}

    def _RecordSessionStart(self, call: Call, agent: str, session_id: str) -> Any:  # noqa: N802 - the name in the data
        reference = self.reference("session", session_id) if session_id else REFERENCE  # one is made up
        session = _new_session(reference, kinds.or_empty(agent), call)
        self._sessions.append(session)
        about = {key: session[key] for key in ("session_id", "agent_name")}
        return "session", {"action": "start", **about}

    def _RecordSessionEnd(self, call: Call) -> Any:  # noqa: N802 - the name in the data
        if not self._sessions:
            return None
        session = self._sessions.pop()
        return "session", self._ended(session, "unknown" if session["failed"] and not session["errors"] else None, call)

    def _ended(self, session: dict[str, Any], error: str | None, call: Call | None = None) -> dict[str, Any]:
        errors = [*session["errors"], *([error] if error else [])]
        first, last = session["call"].index, None if call is None else call.index
        return {
            "action": "end",
            "session_id": session["session_id"],
            "agent_name": session["agent_name"],
            "duration_ms": self._ours.milliseconds_between(first, last),
            "tool_calls": session["tools"],
            "input_tokens": min(session["in"], kinds.LARGEST_COUNT),
            "output_tokens": min(session["out"], kinds.LARGEST_COUNT),
            "total_tokens": min(session["in"] + session["out"], kinds.LARGEST_COUNT),
            "cost": kinds.usd(sum(session["cost"]) if None not in session["cost"] else 0),
            "error_count": len(errors),
            "is_success": not errors,
            "error": errors,
        }

    def _RecordError(self, _call: Call, _text: str) -> Any:  # noqa: N802 - the name in the data
        if self._sessions:
            self._sessions[-1]["failed"] = True

    def _RecordToolCall(  # noqa: N802 - the name in the data
        self, _call: Call, tool: str, session_id: str, agent: str, duration: int, error: str | None
    ) -> Any:
        named = kinds.or_empty(agent)
        if self._sessions:
            self._sessions[-1]["tools"] += 1
            self._sessions[-1]["errors"] += ["tool_error"] if error is not None else []
            named = named or self._sessions[-1]["agent_name"]
        return "tool", {
            "action": "call",
            "tool_name": kinds.or_empty(tool),
            "session_id": self._session_around(session_id),
            "agent_name": named,
            "duration_ms": kinds.lasted(duration),
            "is_success": error is None,
            "error": ABSENT if error is None else "tool_error",
        }

    def _session_around(self, session_id: str) -> Any:
        """The session that is open; the one that the call names only where none is."""
        if self._sessions:
            return self._sessions[-1]["session_id"]
        return self.reference("session", session_id) if session_id else ""

    def _RecordTokenUsage(self, _call: Call, model: str, read: int, written: int, cost: Any) -> Any:  # noqa: N802 - the name in the data
        counted = max(read, 0), max(written, 0)
        spent = kinds.spent(float(cost), model, *counted)
        session = self._sessions[-1] if self._sessions else _new_session("", "")
        session["in"], session["out"] = session["in"] + counted[0], session["out"] + counted[1]
        session["cost"].append(spent)
        return "token", {
            "action": "usage",
            "model_name": kinds.public_model(model) if model else "unknown",
            "session_id": session["session_id"],
            "agent_name": session["agent_name"],
            "input_tokens": min(counted[0], kinds.LARGEST_COUNT),
            "output_tokens": min(counted[1], kinds.LARGEST_COUNT),
            "total_tokens": min(sum(counted), kinds.LARGEST_COUNT),
            "cost": kinds.usd(spent or 0),
        }


def _new_session(reference: Any, agent: Any, call: Call | None = None) -> dict[str, Any]:
    known = {"session_id": reference, "agent_name": agent, "call": call}
    return {**known, "errors": [], "failed": False, "tools": 0, "in": 0, "out": 0, "cost": []}


def _seconds(moment: Any) -> Any:
    """A moment of an envelope as whole seconds since the epoch, None where it has another form."""
    if not isinstance(moment, str) or not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z", moment):
        return None
    return int(datetime.strptime(moment, "%Y-%m-%dT%H:%M:%S.000Z").replace(tzinfo=timezone.utc).timestamp())
