"""Why we differ from the real client on purpose: the closed list, for each event and dialect key by key."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from otel_agent_telemetry import contract
from otel_agent_telemetry.contract import Count, Enum, ErrorCategory, Flag, ListOf, PublicName, Ref, Usd, Version
from tests.goldens import agent_swarm, kinds
from tests.goldens.docker_agent import tags
from tests.goldens.schema import AGENT_SWARM

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from otel_agent_telemetry.contract import Kind
    from tests.goldens.calls import Call

REASONS = {
    "free_text": "the real client sends free text here; ours has no kind for it",
    "identifier": "an identifier leaves as a keyed hash, and only in the one form that we make",
    "undeclared": "the contract is closed: what it does not declare cannot be sent",
    "range": "a number outside its kind's range is clamped, rounded or left out; a time is cut to its second or day",
    "fail_safe": "a value that is not a clear yes switches telemetry off",
    "no_redirect": "a redirect is not followed",
    "no_loss": "nothing is lost: what is not sent yet waits in the ledger, and what another encoder gave up on leaves",
    "truthful": "the real client sends a constant, or what was before, where we have counted",
    "bare_headers": "only the headers that the request needs are sent",
}
"""Every reason for which we differ on purpose."""

_ENVELOPE = {"occurred_at": "range", "actor_anonymous_id": "identifier"}
_METADATA = {
    "environment": "free_text",
    "organization_id": "free_text",
    "organization_name": "free_text",
    "install_created_at": "range",
}
_DOCKER_RECORD = {"event_timestamp": "range"}
_DOCKER_SYSTEM = {"user_uuid": "identifier", "os_language": "free_text", "version": "free_text"}
_OF_SESSION = {"session_id": "identifier", "agent_name": "truthful"}
_DOCKER: dict[tuple[str, str | None], dict[str, str]] = {
    ("command", None): {"args": "free_text", "action": "free_text"},
    ("session", "start"): {"session_id": "identifier", "agent_name": "free_text"},
    ("session", "end"): {
        "session_id": "identifier",
        "agent_name": "free_text",
        "duration_ms": "range",
        "input_tokens": "range",
        "output_tokens": "range",
        "total_tokens": "range",
        "tool_calls": "truthful",
        "cost": "truthful",
        "error_count": "truthful",
        "is_success": "truthful",
        "error": "free_text",
    },
    ("tool", "call"): {
        "session_id": "identifier",
        "agent_name": "free_text",
        "tool_name": "free_text",
        "error": "free_text",
        "duration_ms": "range",
    },
    ("token", "usage"): {
        **_OF_SESSION,
        "model_name": "free_text",
        "input_tokens": "range",
        "output_tokens": "range",
        "total_tokens": "range",
        "cost": "range",
    },
}
_BY_KIND: dict[type[Kind], str] = {
    Enum: "free_text",
    ErrorCategory: "free_text",
    PublicName: "free_text",
    ListOf: "free_text",
    Version: "free_text",
    Ref: "identifier",
    Count: "range",
    Usd: "range",
}


@dataclass(slots=True)
class Report:
    """Differences by reason, and those that have none."""

    reasons: Counter[str] = field(default_factory=Counter[str])
    failures: list[str] = field(default_factory=list[str])

    @property
    def equal(self) -> bool:
        """Whether nothing differs but what differs in every request: headers, identifiers' form, the split second."""
        return not self.failures and not (self.reasons.keys() - {"bare_headers", "identifier", "range"})


def may_differ(client: str, event: Any) -> dict[str, str]:
    """The closed list: each key of that event in which the two may differ, and why."""
    if client == "docker-agent":
        return {**_DOCKER[event], **_DOCKER_SYSTEM}
    kinds = contract.events()[event].properties
    return {key: reason for key, kind in kinds.items() for k, reason in _BY_KIND.items() if isinstance(kind, k)}


def explain(
    case: Mapping[str, Any], calls: Iterable[Call], expected: list[tuple[Call | None, dict[str, Any]]], report: Report
) -> None:
    """What the client sends beside what we send for the same call: each difference by its reason, or a failure."""
    said = {id(call): body for call, body in expected if call is not None}
    report.reasons["no_loss"] += sum(call is None for call, _ in expected)
    for call in calls:
        body = said.get(id(call))
        if call.theirs is not None and body is not None:
            _explain_body(case, call, body, report)
        elif call.theirs is not None:
            _explain_silence(case, call, report)
        elif body is not None:
            report.reasons["no_loss"] += 1
    report.reasons = +report.reasons


def _explain_silence(case: Mapping[str, Any], call: Call, report: Report) -> None:
    if not kinds.consents(case["env"]) or not kinds.consents(call.environ):
        report.reasons["fail_safe"] += 1
    elif call.event not in contract.events() and call.event not in AGENT_SWARM:
        report.reasons["undeclared"] += 1
    elif not kinds.valid_id(agent_swarm.stored_id(case)):
        report.reasons["identifier"] += 1
    else:
        report.failures.append(f"we say nothing for {call.event}")


def _explain_body(case: Mapping[str, Any], call: Call, body: dict[str, Any], report: Report) -> None:
    theirs = cast("dict[str, Any]", call.theirs)
    if case["client"] == "docker-agent":
        record, mine = theirs["records"][0], body["records"][0]
        properties = mine["properties"]
        allowed = may_differ(
            "docker-agent", (mine["event"], properties.get("action") if mine["event"] != "command" else None)
        )
        tagged = dict.fromkeys(tags(call.environ), "free_text")
        _explain_keys(record, mine, {**_DOCKER_RECORD, "properties": ""}, report)
        _explain_keys(record["properties"], properties, {**allowed, **tagged}, report)
        return
    allowed = may_differ("agent-swarm", call.event)
    declared = contract.events()[call.event].properties
    made_up = {key: "undeclared" for key in call.given if key not in declared}
    mistyped = {
        key: "range"
        for key, value in call.given.items()
        if isinstance(declared.get(key), Flag) and not isinstance(value, bool)
    }
    said = dict.fromkeys(call.metadata, "undeclared")
    _explain_keys(theirs, body, {**_ENVELOPE, "properties": "", "metadata": ""}, report)
    _explain_keys(theirs["properties"], body["properties"], {**made_up, **mistyped, **allowed}, report)
    _explain_keys(theirs["metadata"], body["metadata"], {**_METADATA, **said}, report)


def _explain_keys(theirs: dict[str, Any], mine: dict[str, Any], allowed: dict[str, str], report: Report) -> None:
    for key in {**theirs, **mine}:
        if key in theirs and key in mine and theirs[key] == mine[key] and type(theirs[key]) is type(mine[key]):
            continue
        if key not in allowed:
            report.failures.append(f"{key}: they send {theirs.get(key)!r}, we {mine.get(key)!r}, without a reason")
        elif allowed[key]:
            report.reasons[allowed[key]] += 1
