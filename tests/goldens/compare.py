"""Compares what we sent with what the real client sent; a difference has a reason from one closed list, or fails."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from otel_agent_telemetry import contract
from otel_agent_telemetry.contract import Count, Ref, Usd

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_agent_telemetry.contract import Kind
    from tests.goldens.replay import Outcome

REASONS = {
    "free_text": "the real client sends free text here; ours has no kind for it",
    "identifier": "an identifier leaves as a keyed hash, and only in the one form that we make",
    "undeclared": "the contract is closed: what it does not declare cannot be sent",
    "range": "a number outside its kind's range is clamped, rounded or left out; a time is cut to its second or day",
    "fail_safe": "a value that is not a clear yes switches telemetry off",
    "no_redirect": "a redirect is not followed",
    "no_loss": "nothing is lost at exit: what is not sent yet waits in the ledger, one request at a time",
    "truthful": "the real client sends a constant where it has counted something else",
    "bare_headers": "only the headers that the request needs are sent",
}
"""Every reason for which we differ on purpose."""

_HOST_HEADERS = {"host", "content-length", "idempotency-key"}


@dataclass(slots=True)
class Report:
    """Differences by reason, and those that have none."""

    reasons: Counter[str] = field(default_factory=Counter[str])
    failures: list[str] = field(default_factory=list[str])

    @property
    def equal(self) -> bool:
        """Whether nothing differs but what differs in every request: headers and identifiers' form."""
        return not self.failures and not (self.reasons.keys() - {"bare_headers", "identifier"})

    def differs(self, reason: str) -> None:
        """Note a difference on purpose."""
        assert reason in REASONS
        self.reasons[reason] += 1

    def fails(self, what: str) -> None:
        """Note a difference that nobody meant."""
        self.failures.append(what)


def compare(case: dict[str, Any], ours: Outcome) -> Report:
    """Compare envelope, keys, types, order and values of every event, and the way in which they were sent."""
    report = Report()
    theirs = [request for request in case["requests"] if request["path"] in {"/v1/events", "/events/v1/track"}]
    if len(theirs) != len(case["requests"]):
        report.differs("no_redirect")
    bodies = [json.loads(request["body"]) for request in theirs]
    matched = _pair(case, bodies, ours, report)
    for golden, body in matched:
        _compare_body(case, golden, body, report)
    _compare_sending(case, theirs, ours, report)
    _compare_identity(case, ours, report)
    return report


def _pair(case: dict[str, Any], theirs: list[Any], ours: Outcome, report: Report) -> list[tuple[Any, Any]]:
    """Their bodies beside ours, by event; what one side alone has needs a reason."""
    if theirs and not ours.bodies and _opted_out(case):
        report.differs("fail_safe")
        return []
    left = list(ours.bodies)
    pairs: list[tuple[Any, Any]] = []
    for golden in theirs:
        name = _event(golden)
        found = next((body for body in left if _event(body) == name and _comparable(case, golden, body)), None)
        if found is not None:
            left.remove(found)
            pairs.append((golden, found))
        elif name[0] not in contract.events() and case["client"] == "agent-swarm":
            report.differs("undeclared")
        else:
            report.fails(f"{name} was not sent")
    for body in left:
        _extra(case, body, report)
    return pairs


def _extra(case: dict[str, Any], body: Any, report: Report) -> None:
    """An event of ours that they did not send."""
    calls = Counter(call["api"] for call in case["calls"])
    event = _event(body)
    if event == ("session", "end") and calls["RecordSessionStart"]:
        report.differs("no_loss")  # the end of a session that the real client forgets: nested, or open at exit
    elif case["server"].get("refused"):
        report.differs("no_loss")  # no request ever arrived, and ours waits
    elif "encoding" in case["case"]:
        report.differs("range")  # their encoder gave up on one value; ours leaves that value out
    else:
        report.fails(f"{event} was sent, and the real client sent none")


def _comparable(case: dict[str, Any], golden: Any, body: Any) -> bool:
    """Whether two events of one name can be the same call: their plain counts do not contradict each other."""
    if "records" not in golden:
        return True
    theirs, mine = golden["records"][0]["properties"], body["records"][0]["properties"]
    keys = ("agent_name", "tool_name", "duration_ms", "input_tokens", "output_tokens")
    if _event(golden)[0] == "session" and _event(golden)[1] == "end":
        keys = ("agent_name",)
    same_type = [key for key in keys if type(theirs.get(key)) is type(mine.get(key)) and key not in _tags(case)]
    return all(theirs[key] in {mine[key], ""} or _out_of_range(theirs[key]) for key in same_type if key in theirs)


def _tags(case: dict[str, Any]) -> dict[str, str]:
    """TELEMETRY_TAGS as the real client reads them: they overwrite properties of the same name."""
    pairs = (pair.partition("=") for pair in case["env"].get("TELEMETRY_TAGS", "").split(","))
    return {key.strip(): value.strip() for key, equals, value in pairs if equals}


def _event(body: Any) -> tuple[str, str | None]:
    if "records" in body:
        record = body["records"][0]
        action = record["properties"].get("action")
        return record["event"], action
    return body["event"], None


def _opted_out(case: dict[str, Any]) -> bool:
    return case["case"].startswith("optout.") and bool(case["env"])


def _compare_body(case: dict[str, Any], golden: Any, body: Any, report: Report) -> None:
    if case["client"] == "agent-swarm":
        _compare_keys("envelope", list(golden), list(body), report, ordered=True)
        for key in golden:
            if key in {"properties", "metadata"}:
                _compare_group(golden["event"], key, golden[key], body[key], report)
            else:
                _compare_value(key, golden[key], body.get(key), None, report)
        return
    theirs, mine = golden["records"][0], body["records"][0]
    _compare_keys("record", list(theirs), list(mine), report, ordered=True)
    for key in ("event", "event_timestamp", "source"):
        _compare_value(key, theirs[key], mine[key], None, report)
    if list(mine["properties"]) != sorted(mine["properties"]):
        report.fails("docker properties are not sorted")
    overwritten = _tags(case).keys() & mine["properties"].keys() - {"os", "os_language", "user_uuid", "version"}
    kept = {key: value for key, value in theirs["properties"].items() if key not in overwritten}
    if overwritten:
        report.differs("free_text")
    _compare_group(
        None, "properties", kept, {k: v for k, v in mine["properties"].items() if k not in overwritten}, report
    )


def _compare_keys(where: str, theirs: list[str], mine: list[str], report: Report, *, ordered: bool) -> None:
    if (theirs != mine) if ordered else (set(theirs) != set(mine)):
        report.fails(f"{where} keys {mine}, expected {theirs}")


def _compare_group(event: str | None, group: str, theirs: dict[str, Any], mine: dict[str, Any], report: Report) -> None:
    kinds: Mapping[str, Kind] = {} if event is None else contract.events()[event].properties
    expected = [key for key in theirs if key in mine]
    if event is not None and [key for key in mine if key in theirs] != expected:
        report.fails(f"{group}: order {list(mine)}, expected {expected}")
    for key, value in theirs.items():
        if key not in mine:
            _missing(event, key, value, report)
        else:
            _compare_value(key, value, mine[key], kinds.get(key), report)
    for key in mine.keys() - theirs.keys():
        report.fails(f"{group}.{key} was sent, and the real client sent none")


_FREE_TEXT = {"args", "error", "organization_id", "organization_name"}


def _missing(event: str | None, key: str, value: Any, report: Report) -> None:
    if key in _FREE_TEXT:
        report.differs("free_text")
    elif event is None and isinstance(value, str):
        report.differs("free_text")  # TELEMETRY_TAGS that no product declared
    elif event is not None and key not in contract.events()[event].properties:
        report.differs("undeclared")
    elif _out_of_range(value):
        report.differs("range")
    else:
        report.fails(f"{key} is missing, the real client sent {value!r}")


_IDENTIFIERS = {"actor_anonymous_id", "user_uuid", "session_id"}
_TRUTHFUL = {"cost", "error_count"}
_OPEN_TEXT = {
    "role",
    "capabilities",
    "error",
    "os_language",
    "environment",
    "model",
    "model_name",
    "agent_name",
    "tool_name",
}
_REFERENCE = re.compile(r"[0-9a-f]{16}|(install|ephemeral)_[0-9a-f]{16}")


def _compare_value(key: str, theirs: Any, mine: Any, kind: Any, report: Report) -> None:
    if theirs == mine and type(theirs) is type(mine):
        return
    if isinstance(kind, Ref) or key in _IDENTIFIERS:
        if isinstance(mine, str) and _REFERENCE.fullmatch(mine):
            report.differs("identifier")
        else:
            report.fails(f"{key} is {mine!r}, no reference")
    elif key in {"occurred_at", "event_timestamp", "install_created_at"}:
        _compare_time(key, theirs, mine, report)
    elif _is_number(theirs) and _is_number(mine):
        _compare_number(key, theirs, mine, kind, report)
    elif key in _OPEN_TEXT and (theirs == "" or _is_closed(mine)):
        report.differs("free_text")
    elif key in _TRUTHFUL and type(theirs) is type(mine):
        report.differs("truthful")
    else:
        report.fails(f"{key} is {mine!r}, the real client sent {theirs!r}")


_CLOSED_WORDS = {"custom", "other", "", *contract.ERROR_CATEGORIES}


def _is_closed(mine: Any) -> bool:
    words = cast("list[object]", mine) if isinstance(mine, list) else [mine]
    return all(word in _CLOSED_WORDS for word in words)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _out_of_range(value: Any) -> bool:
    return _is_number(value) and not 0 <= value < 1e9


def _compare_number(key: str, theirs: float, mine: float, kind: Any, report: Report) -> None:
    in_kind = (kind or (Usd() if key == "cost" else Count())).check(theirs)
    if theirs == mine:
        return
    if mine in {in_kind, 0} and (_out_of_range(theirs) or in_kind != theirs):
        report.differs("range")
    elif key in _TRUTHFUL or _out_of_range(theirs):
        report.differs("truthful" if key in _TRUTHFUL else "range")
    elif key != "duration_ms":  # of a session, measured in each run
        report.fails(f"{key} is {mine!r}, the real client sent {theirs!r}")


def _compare_time(key: str, theirs: Any, mine: Any, report: Report) -> None:
    forms = {
        "occurred_at": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z",
        "event_timestamp": r"\d{10}000",
        "install_created_at": r"\d{4}-\d\d-\d\d",
    }
    if re.fullmatch(forms[key], str(mine)) and isinstance(mine, type(theirs)):
        report.differs("range") if key == "install_created_at" else None
    else:
        report.fails(f"{key} is {mine!r}")


def _compare_sending(case: dict[str, Any], theirs: list[Any], ours: Outcome, report: Report) -> None:
    if not ours.requests:
        if ours.bodies and not case["server"].get("refused"):
            report.fails("nothing was sent")
        return
    if len(ours.requests) < len(ours.bodies):
        report.differs("no_loss")
    for request in ours.requests:
        if not theirs:
            report.differs("range")
            continue
        golden = theirs[0]
        if (request.method, request.path) != (golden["method"], golden["path"]):
            report.fails(f"{request.method} {request.path}, expected {golden['method']} {golden['path']}")
        _compare_headers(case["client"], dict(golden["headers"]), dict(request.headers), report)


def _compare_headers(client: str, theirs: dict[str, str], mine: dict[str, str], report: Report) -> None:
    needed = {"Content-Type", "User-Agent"} | ({"X-Api-Key"} if client == "docker-agent" else set[str]())
    if not needed <= mine.keys() or mine["Content-Type"] != theirs["Content-Type"]:
        report.fails(f"headers {mine}")
    if client == "docker-agent" and theirs["User-Agent"] != mine["User-Agent"]:
        report.fails(f"User-Agent {mine['User-Agent']!r}, expected {theirs['User-Agent']!r}")
    allowed = {header.lower() for header in needed} | _HOST_HEADERS
    more = {header.lower() for header in mine} - allowed
    if more:
        report.fails(f"headers that nobody needs: {sorted(more)}")
    if {header.lower() for header in theirs} - {header.lower() for header in mine}:
        report.differs("bare_headers")


def _compare_identity(case: dict[str, Any], ours: Outcome, report: Report) -> None:
    """What the case stored, and which form of id left."""
    if case["client"] != "agent-swarm":
        return
    observed = case["observed"]
    theirs, mine = observed.get("installation_id"), ours.bodies[0]["actor_anonymous_id"] if ours.bodies else None
    if theirs is not None and mine is not None and theirs.partition("_")[0] != mine.partition("_")[0]:
        report.fails(f"actor_anonymous_id {mine!r}, the real client had {theirs!r}")
    config: dict[str, str] = case["setup"].get("config") or {}
    kept = config.get("telemetry_installation_id")
    if kept and not case["setup"].get("failRead") and mine is not None and mine != kept and _REFERENCE.fullmatch(kept):
        report.fails(f"the stored id {kept!r} was not kept but replaced by {mine!r}")
    written = set(ours.stored) - set(config) - {"telemetry_reference_key"}
    if written - set(observed.get("config_writes", [])):
        report.fails(f"wrote {sorted(written)}, the real client {observed.get('config_writes')}")
